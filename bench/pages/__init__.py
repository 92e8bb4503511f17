"""What a page of the portal costs, as a multiple of an empty one."""

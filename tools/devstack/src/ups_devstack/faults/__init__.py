"""What the fault suite of the throttle is made of: load, members, a proxy that bites, and the comparison at the end."""

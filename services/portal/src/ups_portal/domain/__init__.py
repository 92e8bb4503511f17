"""What pages say, from plain data."""

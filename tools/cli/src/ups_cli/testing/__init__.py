"""For tests of what reads an installation's history."""

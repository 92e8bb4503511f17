"""The throttle's rules once more, told plainly: every answer is looked up in the whole history of one device.

It shares no code with the throttle and remembers nothing but what happened, so it is slow, and a difference between the
two is a mistake in one of them.
"""

from ups_cli.oracle.oracle import Oracle

__all__ = ["Oracle"]

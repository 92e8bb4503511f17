"""The public test kit: a clock that tests move, waiting with a deadline."""

from ups_runtime.testing.clock import FakeClock
from ups_runtime.testing.waiting import eventually

__all__ = ["FakeClock", "eventually"]

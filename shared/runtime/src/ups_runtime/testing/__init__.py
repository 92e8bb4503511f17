"""The public test kit: a clock that tests move, waiting with a deadline, a cancellation that is swallowed."""

from ups_runtime.testing.cancelling import AnsweredWhenCancelled
from ups_runtime.testing.clock import FakeClock
from ups_runtime.testing.waiting import eventually

__all__ = ["AnsweredWhenCancelled", "FakeClock", "eventually"]

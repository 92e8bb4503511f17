"""What follows when owning a partition goes wrong: how long to wait, and when the process must end."""

from ups_runtime.clock import Clock
from ups_runtime.errors import ExitCode, Fatal
from ups_throttle.port import BrokerRefused

# Longer than a heartbeat interval: by then the group has told a zombie that it is one. Shorter, and two would fence
# each other in turns.
FENCED_PAUSE_S = 10.0
FENCED_AGAIN_WITHIN_S = 60.0

FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 10.0

# What brokers refuse so often in a row stays refused: with the pauses two and a half minutes. With half of it a clock
# that is put right within a minute ends the process; with twice as much somebody hears of it only after five.
MOST_REFUSALS = 20
# Owned for so long, a partition has got over the last one: what was due and what was there went through.
RECOVERED_AFTER_S = 60.0


class Setbacks:
    """The setbacks of one partition number."""

    def __init__(self, number: int, clock: Clock) -> None:
        self._number = number
        self._clock = clock
        self._fenced_at: float | None = None
        self._owned_at: float | None = None
        self._failures = 0
        self._refusals = 0

    def taken_over(self) -> None:
        """Note that a take-over has succeeded."""
        self._owned_at = self._clock.monotonic()

    def turned(self) -> None:
        """Note that the loop has come round."""
        self._failures = 0

    def fenced(self) -> float:
        """Give the seconds to wait after another owner has started.

        Raises:
            Fatal: with FENCED, the second time within a minute.
        """
        now, before = self._clock.monotonic(), self._fenced_at
        self._fenced_at = now
        if before is not None and now - before < FENCED_AGAIN_WITHIN_S:
            raise Fatal(
                ExitCode.FENCED,
                f"partition {self._number} was taken over twice within {FENCED_AGAIN_WITHIN_S:.0f} s while the group "
                "says that it is ours: does another installation use the same UPS_KAFKA_PREFIX?",
            )
        return FENCED_PAUSE_S

    def failed(self, error: Exception) -> float:
        """Give the seconds to wait before the next take-over; while brokers are away there is always a next one.

        Raises:
            Fatal: with REFUSED, when the brokers have refused too often in a row.
        """
        if self._owned_at is not None and self._clock.monotonic() - self._owned_at >= RECOVERED_AFTER_S:
            self._refusals = 0
        self._owned_at = None
        if isinstance(error, BrokerRefused):
            self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            raise Fatal(
                ExitCode.REFUSED,
                f"partition {self._number} was taken over anew {self._refusals} times, and each time the brokers "
                f"refused: {error}. Look at this machine's clock, this user's rights and the topics' limits",
            )
        pause_s: float = min(FIRST_RETRY_S * 2 ** max(self._failures, self._refusals - 1), LONGEST_RETRY_S)
        self._failures = min(self._failures + 1, 10)
        return pause_s

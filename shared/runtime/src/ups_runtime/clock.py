"""Time as a part that is handed in."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

from ups_runtime.cancellation import heed_cancellation
from ups_schemas.envelope import to_utc_milliseconds


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The time of day: aware, UTC, cut to milliseconds."""

    def monotonic(self) -> float:
        """Seconds on a clock that nobody sets."""

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed on this clock."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """The machine's time of day."""
        return to_utc_milliseconds(datetime.now(UTC))

    def monotonic(self) -> float:
        """The machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop; not at all where the task was cancelled and a library has swallowed that.

        A loop that rests for minutes would otherwise end as late as that.
        """
        heed_cancellation()
        await asyncio.sleep(seconds)

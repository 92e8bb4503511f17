"""A clock that only moves when a test says so."""

import asyncio
from datetime import UTC, datetime, timedelta

from ups_schemas.envelope import to_utc_milliseconds


class FakeClock:
    """Keeps the contract of `ups_runtime.clock.Clock`; `advance` moves it and wakes who sleeps until then."""

    def __init__(self, now: datetime = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)) -> None:
        self._now = to_utc_milliseconds(now)
        self._elapsed = timedelta(0)
        self._sleepers: list[tuple[timedelta, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """The moment that the test has brought it to."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that the test has let pass."""
        return self._elapsed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Return when the test has advanced by `seconds`."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + timedelta(seconds=seconds), wake_up))
        await wake_up

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
        self._elapsed += by
        for until, wake_up in self._sleepers:
            if until <= self._elapsed and not wake_up.done():
                wake_up.set_result(None)
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[1].done()]

    def step(self, to: datetime) -> None:
        """Set the time of day, as an administrator or NTP does; nothing elapses."""
        self._now = to_utc_milliseconds(to)

"""A few partitions restore at a time, so that the first of them decides before the last is read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ups_runtime.clock import Clock

# Side by side all are ready at the same, late moment. One by one, the CPU waits for the brokers in between.
AT_ONCE = 2

# A restore that is slow holds up no other for longer than this.
LONGEST_WAIT_S = 1.0


class Turns:
    """Hands out turns, first come, first served; whoever has waited long enough goes on without one."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def turn(self, clock: Clock) -> AsyncIterator[None]:
        """Wait for a turn, and keep it while the block runs."""
        got = asyncio.ensure_future(self._free.acquire())
        enough = asyncio.ensure_future(clock.sleep(LONGEST_WAIT_S))
        try:
            await asyncio.wait({got, enough}, return_when=asyncio.FIRST_COMPLETED)
            enough.cancel()
            yield
        finally:
            enough.cancel()
            if got.done():
                self._free.release()
            else:
                got.cancel()

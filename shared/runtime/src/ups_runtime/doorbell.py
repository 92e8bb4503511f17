"""Waking a loop that looks now and then, and waiting until it has looked."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Doorbell:
    """Rung by those who want something seen to, answered by the one loop that sees to it; all on one event loop."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._attended = False
        self._waiting: list[asyncio.Future[None]] = []

    async def ring(self, within_s: float) -> None:
        """Return when a look that began after this call has ended; at once if nobody attends, or leaves meanwhile."""
        if not self._attended:
            return
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._rung.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await answer

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Somebody looks from here on, and until the end."""
        self._attended = True
        try:
            yield
        finally:
            self._attended = False
            self.answer(len(self._waiting))

    def before_look(self) -> int:
        """How many have rung: to be answered after the look that begins now, or after a later one."""
        self._rung.clear()
        return len(self._waiting)

    def answer(self, rings: int) -> None:
        """Those who had rung before that look go on."""
        answered, self._waiting = self._waiting[:rings], self._waiting[rings:]
        for answer in answered:
            if not answer.done():
                answer.set_result(None)

    async def rung(self, within_s: float) -> None:
        """Return when somebody rings, or after that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._rung.wait()

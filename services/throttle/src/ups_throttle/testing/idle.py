"""An event loop in which nothing waits for real time: whoever drives it acts when every task waits."""

import asyncio
import selectors
from collections.abc import Callable


class _Idle(selectors.SelectSelector):
    """Asked to wait, it lets the driver act instead. It never looks at a file."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._act()
        return []


def play(act: Callable[[], bool]) -> None:
    """Call `act` whenever all tasks wait, until it gives false; what is left of the tasks is cancelled then.

    `act` may start tasks and set results. The order of everything follows from what it does: no threads, no timers, no
    files. What it raises comes out here.
    """

    def once() -> None:
        if not finished.done() and not act():
            finished.set_result(None)

    loop = asyncio.SelectorEventLoop(_Idle(once))
    finished = loop.create_future()
    try:
        loop.run_until_complete(finished)
    finally:
        finished.cancel()
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        if rest:
            loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        loop.close()

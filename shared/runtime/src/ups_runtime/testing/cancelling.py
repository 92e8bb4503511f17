"""A cancellation that comes at the same moment as an answer."""

import asyncio
from typing import Any

from ups_runtime.testing.waiting import eventually


class AnsweredWhenCancelled:
    """A step whose answer comes at the moment of a cancellation, which Python 3.11 then drops."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[None] | None = None

    async def wait(self, *_arguments: Any, **_options: Any) -> None:
        """Wait for the answer as libraries do."""
        self._answer = asyncio.get_running_loop().create_future()
        await asyncio.wait_for(self._answer, 60)

    async def ends(self, task: asyncio.Task[None]) -> bool:
        """Whether the task, which waits or soon will, ends all the same."""
        await eventually(lambda: self._answer is not None)
        assert self._answer is not None
        self._answer.set_result(None)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=10)
        return bool(done)

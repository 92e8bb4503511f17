"""Optimistic writing: read, decide, write; whoever finds that another writer was first starts over."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from ups_runtime.errors import Changed, Conflict

# Two writers of one thing meet rarely; five in a row means that somebody writes in a loop.
ATTEMPTS = 5
FIRST_PAUSE_S = 0.05

P = ParamSpec("P")
T = TypeVar("T")


def optimistic(step: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:  # Any: what Coroutine has
    """Start a step over while it raises `Changed`: it reads all that it decides by, and writes last.

    Raises:
        Conflict: others were first each time.
    """

    @wraps(step)
    async def persistent(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(ATTEMPTS):
            await pause_before(attempt)
            try:
                return await step(*args, **kwargs)
            except Changed:
                continue
        raise Conflict.with_others()

    return persistent


async def pause_before(attempt: int) -> None:
    """Rest before an attempt, longer each time, in all about 2 s; not before attempt 0.

    What made a write fail can be read a moment later only: reads have the read concern "majority", writes are checked
    against what is there already.
    """
    if attempt > 0:
        await asyncio.sleep(FIRST_PAUSE_S * 3 ** (attempt - 1))

"""Optimistic writing: read, decide, write; whoever finds that another writer was first starts over."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from ups_runtime.errors import Changed, Conflict

# Two writers of one thing meet rarely; five in a row means that somebody writes in a loop.
ATTEMPTS = 5

P = ParamSpec("P")
T = TypeVar("T")


def optimistic(step: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:  # Any: what Coroutine has
    """Start a step over while it raises `Changed`: it reads all that it decides by, and writes last.

    Raises:
        Conflict: others were first each time.
    """

    @wraps(step)
    async def persistent(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(ATTEMPTS):
            try:
                return await step(*args, **kwargs)
            except Changed:
                continue
        raise Conflict.with_others()

    return persistent

"""The parts of a page, asked for at the same time: each may be missing, and the rest is shown."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from ups_portal.handlers.failures import AwayError

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands for a part that its service could not give just now."""


MISSING = Missing()


@overload
async def together(a: Coroutine[Any, Any, A], b: Coroutine[Any, Any, B], /) -> tuple[A | Missing, B | Missing]: ...
@overload
async def together(
    a: Coroutine[Any, Any, A], b: Coroutine[Any, Any, B], c: Coroutine[Any, Any, C], /
) -> tuple[A | Missing, B | Missing, C | Missing]: ...
@overload
async def together(
    a: Coroutine[Any, Any, A], b: Coroutine[Any, Any, B], c: Coroutine[Any, Any, C], d: Coroutine[Any, Any, D], /
) -> tuple[A | Missing, B | Missing, C | Missing, D | Missing]: ...
async def together(*calls: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:  # Any: as the overloads say
    """What each call gives, in their order; `MISSING` for one whose service is away.

    Raises:
        Exception: what a call raised for another reason; the other calls are cancelled.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(part(call)) for call in calls]
    except ExceptionGroup as failed:
        # one is enough to know that there will be no page
        raise failed.exceptions[0] from None
    return tuple(task.result() for task in tasks)


async def part(call: Coroutine[Any, Any, A]) -> A | Missing:
    """What the call gives; `MISSING` when its service is away."""
    try:
        return await call
    except AwayError:
        return MISSING

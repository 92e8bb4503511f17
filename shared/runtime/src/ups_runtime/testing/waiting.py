"""Waiting for something observable, with a deadline."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(check: Callable[[], T | Awaitable[T]], *, within_s: float = 60, every_s: float = 0.02) -> T:
    """The first true answer of `check`, asked again and again.

    Raises:
        AssertionError: when there was none within `within_s` seconds, with the last answer or AssertionError.
    """
    deadline = time.monotonic() + within_s
    while True:
        failure: AssertionError | None = None
        answer: T | None = None
        try:
            given = check()
            answer = await given if inspect.isawaitable(given) else given
            if answer:
                return answer
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; last: {answer!r}") from failure
        await asyncio.sleep(every_s)

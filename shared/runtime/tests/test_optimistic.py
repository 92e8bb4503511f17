"""Optimistic writing."""

import asyncio

import pytest

from ups_runtime.errors import Changed, Conflict
from ups_runtime.optimistic import ATTEMPTS, optimistic


class Writer:
    def __init__(self, *, others: int) -> None:
        self._others = others
        self.tries = 0

    @optimistic
    async def write(self, text: str, *, mark: str = "!") -> str:
        self.tries += 1
        if self.tries <= self._others:
            raise Changed
        return text + mark


async def test_a_step_starts_over_while_others_are_first() -> None:
    writer = Writer(others=ATTEMPTS - 1)

    assert await writer.write("done", mark=".") == "done."
    assert writer.tries == ATTEMPTS


async def test_who_is_never_first_is_told() -> None:
    writer = Writer(others=ATTEMPTS)

    with pytest.raises(Conflict):
        await writer.write("done")
    assert writer.tries == ATTEMPTS


async def test_a_step_that_is_refused_does_not_start_over() -> None:
    tries = []

    @optimistic
    async def refused() -> None:
        tries.append(1)
        raise Conflict("already-owned", "This device has an owner already.")

    with pytest.raises(Conflict, match="owner already"):
        await refused()
    assert len(tries) == 1


async def test_what_others_wrote_may_be_readable_a_moment_later_only() -> None:
    readable = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, readable.set)

    @optimistic
    async def write() -> str:
        if not readable.is_set():
            raise Changed
        return "done"

    assert await write() == "done"

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from ups_runtime.testing import FakeClock, eventually
from ups_throttle.turns import AT_ONCE, LONGEST_WAIT_S, Turns


class Queue:
    """Restores that last until they are told to end."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.turns = Turns()
        self.begun: list[int] = []
        self.ends: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def add(self, count: int) -> None:
        for _ in range(count):
            self.ends.append(asyncio.Event())
            self.tasks.append(asyncio.create_task(self._restore(len(self.tasks))))
        # as long as anything at all can go on
        for _ in range(20):
            await asyncio.sleep(0)

    async def _restore(self, number: int) -> None:
        async with self.turns.turn(self.clock):
            self.begun.append(number)
            await self.ends[number].wait()


@pytest.fixture
async def queue() -> AsyncIterator[Queue]:
    made = Queue()
    yield made
    for end in made.ends:
        end.set()
    await asyncio.wait(made.tasks)


async def test_a_few_restore_at_a_time_first_come_first_served(queue: Queue) -> None:
    await queue.add(AT_ONCE + 2)
    assert queue.begun == list(range(AT_ONCE))

    queue.ends[1].set()

    await eventually(lambda: queue.begun == [*range(AT_ONCE), AT_ONCE])


async def test_slow_restores_hold_up_the_others_for_a_moment_only(queue: Queue) -> None:
    await queue.add(AT_ONCE + 2)

    queue.clock.advance(timedelta(seconds=LONGEST_WAIT_S))

    await eventually(lambda: len(queue.begun) == AT_ONCE + 2)


async def test_who_went_on_without_a_turn_keeps_none(queue: Queue) -> None:
    await queue.add(AT_ONCE + 2)
    queue.clock.advance(timedelta(seconds=LONGEST_WAIT_S))
    await eventually(lambda: len(queue.begun) == AT_ONCE + 2)
    for end in queue.ends:
        end.set()
    await asyncio.wait(queue.tasks)

    await queue.add(AT_ONCE + 1)

    assert queue.begun[AT_ONCE + 2 :] == [AT_ONCE + 2 + number for number in range(AT_ONCE)]


async def test_who_is_cancelled_in_the_queue_takes_nobodys_turn(queue: Queue) -> None:
    await queue.add(AT_ONCE + 2)
    queue.tasks[AT_ONCE].cancel()

    queue.ends[0].set()

    await eventually(lambda: queue.begun == [*range(AT_ONCE), AT_ONCE + 1])

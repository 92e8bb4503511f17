import asyncio
from datetime import timedelta

from ups_runtime.testing import FakeClock, eventually
from ups_runtime.waking import set_within


async def test_it_returns_at_once_when_the_event_is_set_and_else_when_the_time_is_over() -> None:
    clock, event = FakeClock(), asyncio.Event()
    waiting = asyncio.create_task(set_within(event, 60, clock))

    def over() -> bool:
        clock.advance(timedelta(seconds=20))
        return waiting.done()

    await eventually(over)
    event.set()

    assert not await waiting
    assert await set_within(event, 60, clock)

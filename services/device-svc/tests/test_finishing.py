"""What is finished at the start waits for a database that does not let it."""

import asyncio
from datetime import timedelta

from ups_device.handlers.finishing import RETRY_S, finish
from ups_runtime.errors import Conflict, Retryable
from ups_runtime.testing import FakeClock, eventually


async def test_what_a_killed_process_still_holds_is_waited_for() -> None:
    clock, tried = FakeClock(), 0

    async def held() -> int:
        nonlocal tried
        tried += 1
        if tried == 1:
            raise Retryable("MongoDB: ExecutionTimeout")
        if tried == 2:
            raise Conflict.with_others()
        return 7

    task = asyncio.create_task(finish("preferences", held, clock))

    for times in (1, 2):
        await eventually(lambda times=times: tried == times)
        clock.advance(timedelta(seconds=RETRY_S))
    await task

    assert tried == 3

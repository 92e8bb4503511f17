"""Waiting for something that may be said, but not longer than some time."""

import asyncio

from ups_runtime.clock import Clock


async def set_within(event: asyncio.Event, seconds: float, clock: Clock) -> bool:
    """Return when the event is set, or `seconds` have passed on the clock; gives whether it is set."""
    timer = asyncio.create_task(clock.sleep(seconds))
    woken = asyncio.create_task(event.wait())
    try:
        await asyncio.wait([timer, woken], return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
        woken.cancel()
    return event.is_set()

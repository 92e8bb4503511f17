import asyncio

from ups_runtime.doorbell import Doorbell

LONG = 60


async def test_where_nobody_attends_nobody_waits() -> None:
    await Doorbell().ring(LONG)


async def test_a_ring_is_answered_by_the_look_that_began_after_it() -> None:
    bell = Doorbell()
    with bell.attended():
        rings = bell.before_look()
        ringing = asyncio.create_task(bell.ring(LONG))
        await bell.rung(LONG)
        bell.answer(rings)
        too_early = ringing.done()

        bell.answer(bell.before_look())
        await ringing

    assert not too_early


async def test_who_looks_is_woken_by_a_ring_and_by_time() -> None:
    bell = Doorbell()
    with bell.attended():
        ringing = asyncio.create_task(bell.ring(LONG))
        await bell.rung(LONG)
        bell.answer(bell.before_look())
        await ringing

        await bell.rung(0.001)


async def test_who_is_not_answered_in_time_goes_on() -> None:
    bell = Doorbell()
    with bell.attended():
        await bell.ring(0.001)

        bell.answer(bell.before_look())


async def test_who_waits_goes_on_when_nobody_attends_any_longer() -> None:
    bell = Doorbell()
    with bell.attended():
        ringing = asyncio.create_task(bell.ring(LONG))
        await bell.rung(LONG)

    await ringing

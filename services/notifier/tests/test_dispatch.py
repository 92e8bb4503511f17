import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from ups_notifier.domain.sending import Phase, Unavailable
from ups_notifier.handlers import dispatch
from ups_notifier.handlers.dispatch import Dispatcher
from ups_notifier.handlers.intake import Intake
from ups_notifier.handlers.relay_health import RelayHealth
from ups_notifier.testing.memory import MemoryLedger
from ups_notifier.testing.samples import CO_WORKER, NOW, OWNER, decided, event
from ups_runtime.errors import Retryable
from ups_runtime.testing import AnsweredWhenCancelled, FakeClock, eventually

LEASE = timedelta(seconds=0.06)


class Worker:
    """Ends every row of a lane when its gate opens."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.gate = asyncio.Event()
        self.working = []
        self.cancelled = []
        self.failures = []

    async def work(self, lane, _stop):
        self.working.append(lane)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(lane)
            raise
        if self.failures:
            raise self.failures.pop()
        for row in await self.ledger.open_rows(lane):
            del self.ledger.rows[row.delivery_id]


class World:
    def __init__(self, concurrency=4):
        self.clock = FakeClock(NOW)
        self.ledger = MemoryLedger(self.clock)
        self.worker = Worker(self.ledger)
        self.relay = RelayHealth(self.clock, lambda: 0.5)
        self.dispatcher = Dispatcher(
            self.ledger,
            self.worker,
            self.relay,
            self.clock,
            owner="me",
            concurrency=concurrency,
            lease=LEASE,
            beat=self.turn,
        )
        self.intake = Intake(self.ledger, self.clock, lambda *_: self.dispatcher.wake())
        self.stopping = asyncio.Event()
        self.turns = 0

    def turn(self):
        self.turns += 1

    @asynccontextmanager
    async def running(self):
        run = asyncio.create_task(self.dispatcher.run(self.stopping))
        yield run
        self.worker.gate.set()
        run.cancel()
        await asyncio.wait([run])


@pytest.fixture
def world():
    return World()


async def test_due_lanes_are_worked_side_by_side(world):
    async with world.running():
        await world.intake.take(decided(event("ON_BATTERY")))
        await eventually(lambda: sorted(world.worker.working) == sorted([OWNER, CO_WORKER]))
        world.worker.gate.set()
        await eventually(lambda: not world.ledger.rows)


async def test_what_falls_due_is_worked_then(world, monkeypatch):
    monkeypatch.setattr(dispatch, "POLL_S", 3600.0)
    await world.intake.take(decided(event("ON_BATTERY"), recipients=(OWNER,)))
    soon = timedelta(milliseconds=50)
    await world.ledger.wait_until([(row, NOW + soon) for row in world.ledger.rows.values()])
    async with world.running():
        await eventually(lambda: world.turns)
        assert world.worker.working == []
        world.clock.advance(soon)
        await eventually(lambda: world.worker.working == [OWNER])


async def test_it_ends_although_its_cancellation_was_lost(world):
    step = AnsweredWhenCancelled()

    async def due_lanes(*_arguments):
        await step.wait()
        return []

    world.ledger.due_lanes = due_lanes
    async with world.running() as run:
        assert await step.ends(run)


async def test_no_more_lanes_than_allowed_are_worked():
    world = World(concurrency=1)
    async with world.running():
        await world.intake.take(decided(event("ON_BATTERY")))
        await eventually(lambda: world.worker.working)
        assert len(world.worker.working) == 1
        world.worker.gate.set()
        await eventually(lambda: not world.ledger.rows)


async def test_a_lane_that_somebody_else_took_is_dropped(world):
    await world.intake.take(decided(event("ON_BATTERY"), recipients=(OWNER,)))
    async with world.running():
        await eventually(lambda: world.worker.working)
        world.clock.advance(LEASE * 2)
        assert await world.ledger.lease(OWNER, "another", timedelta(hours=1))
        await eventually(lambda: world.worker.cancelled == [OWNER])

    assert not await world.ledger.lease(OWNER, "me", LEASE)


async def test_a_lane_is_held_while_it_is_worked(world):
    await world.intake.take(decided(event("ON_BATTERY"), recipients=(OWNER,)))
    async with world.running():
        await eventually(lambda: world.worker.working)
        for _ in range(3):
            world.clock.advance(LEASE * 0.9)
            now = world.clock.now()
            await eventually(lambda at=now: world.ledger.held_until(OWNER) > at + LEASE / 2)
        assert not await world.ledger.lease(OWNER, "another", LEASE)


async def test_a_ledger_that_is_away_breaks_off_no_work(world):
    await world.intake.take(decided(event("ON_BATTERY"), recipients=(OWNER,)))
    lease, refusals = world.ledger.lease, []

    async def away(*_):
        refusals.append(1)
        raise Retryable("MongoDB is away")

    async with world.running():
        await eventually(lambda: world.worker.working)
        world.ledger.lease = away
        await eventually(lambda: len(refusals) >= 2)
        world.ledger.lease = lease
        world.worker.gate.set()
        await eventually(lambda: not world.ledger.rows)

    assert world.worker.cancelled == []


async def test_a_lane_is_given_back_before_it_can_be_taken_again(world):
    await world.intake.take(decided(event("ON_BATTERY"), recipients=(OWNER,)))
    release, releasing, go_on = world.ledger.release, asyncio.Event(), asyncio.Event()

    async def slow(lane, owner):
        releasing.set()
        await go_on.wait()
        await release(lane, owner)

    world.ledger.release = slow
    world.worker.gate.set()
    async with world.running():
        await releasing.wait()
        await world.intake.take(decided(event("ON_BATTERY"), recipients=(OWNER,), notification_id="next"))
        world.clock.advance(LEASE * 2)
        world.dispatcher.wake()
        turns = world.turns
        await eventually(lambda: world.turns > turns + 1)
        assert world.worker.working == [OWNER]
        go_on.set()
        await eventually(lambda: not world.ledger.rows)


async def test_stopping_waits_for_what_is_under_way(world):
    await world.intake.take(decided(event("ON_BATTERY"), recipients=(OWNER,)))
    async with world.running() as run:
        await eventually(lambda: world.worker.working)
        world.stopping.set()
        run.cancel()
        world.worker.gate.set()
        await asyncio.wait([run])

    assert world.worker.cancelled == []
    assert world.ledger.rows == {}


async def test_nothing_is_taken_while_the_relay_rests(world):
    world.relay.tried(Unavailable(Phase.CONNECT, "down"))
    await world.intake.take(decided(event("ON_BATTERY")))
    async with world.running():
        world.dispatcher.wake()
        await asyncio.sleep(0)
        assert world.worker.working == []

        world.clock.advance(timedelta(minutes=1))
        world.dispatcher.wake()
        await eventually(lambda: len(world.worker.working) == 1)


@pytest.mark.parametrize("failure", [Retryable("views are old"), RuntimeError("a bug")])
async def test_a_lane_that_fails_is_tried_again_and_keeps_no_other_from_being_worked(world, failure):
    world.worker.failures = [failure]
    world.worker.gate.set()
    async with world.running():
        await world.intake.take(decided(event("ON_BATTERY")))
        await eventually(lambda: len(world.ledger.rows) == 1)
        world.clock.advance(timedelta(minutes=1))
        world.dispatcher.wake()
        await eventually(lambda: not world.ledger.rows)

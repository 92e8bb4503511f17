"""Workers that are wrong on purpose: each must fail the suite that the right one passes."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from ups_runtime.dlq import DrainCount, DrainLimit
from ups_runtime.errors import Fatal, Retryable
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock
from ups_schemas.decision import EventDecided, NotificationsEnabled
from ups_schemas.device import Policy
from ups_schemas.topics import COMMANDS, DEAD_LETTERS, DECISIONS, DEVICES, EVENTS, THROTTLE_STATE, Service
from ups_throttle.adapters.memory_log import MemoryLog, Place
from ups_throttle.adapters.memory_port import TOPIC_BY_ROLE, Crashed, MemoryPort
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.metrics import Instruments
from ups_throttle.overlay import Commit
from ups_throttle.partition import Partition
from ups_throttle.port import Port
from ups_throttle.records import Offsets, Outgoing, Payload, Role
from ups_throttle.testing.idle import play
from ups_throttle.testing.samples import START, device, event, payload
from ups_throttle.worker import Tools, Worker

POLICY = Policy(limit=2, window_s=1800, period_s=3600)
FOUR = ["notify", "notify", "disabled", "suppressed"]
ALL_PASS: list[str] = []
# At rest so often, 100 ms apart by its own clock, it stands still: the pause of one that was fenced takes 100.
PATIENCE = 500

_OWNERS = count()


class StandsStillError(Exception):
    """What a scenario waits for does not come: that is no proof of a mistake."""


class Bench:
    """What a scenario plays on; it goes on when all tasks wait, so it asks nothing of the machine's speed."""

    def __init__(self, worker: type[Worker], port: type[MemoryPort]) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self._worker, self._port = worker, port
        self._takeovers = count(1)
        self._waits: tuple[Callable[[], bool], asyncio.Future[None]] | None = None
        self._rests = 0
        self._begin()

    def play(self, scenario: "Scenario") -> None:
        """Play it to its end.

        Raises:
            StandsStillError: what it waits for does not come.
        """
        story: asyncio.Task[None] | None = None

        def at_rest() -> bool:
            nonlocal story
            if story is None:
                story = asyncio.get_running_loop().create_task(scenario(self))
            elif story.done():
                story.result()
                return False
            self._rests += 1
            if self._rests > PATIENCE:
                raise StandsStillError(scenario.__name__)
            self.clock.advance(timedelta(milliseconds=100))
            if self._waits is not None:
                self._look(*self._waits)
            return True

        play(at_rest)

    async def until(self, is_there: Callable[[], bool]) -> None:
        """Return when it is there, looked at whenever all wait."""
        self._rests = 0
        self._waits = is_there, asyncio.get_running_loop().create_future()
        await self._waits[1]

    def _look(self, is_there: Callable[[], bool], arrived: asyncio.Future[None]) -> None:
        errors = [task.exception() for task in self.tasks if task.done()]
        if found := [error for error in errors if isinstance(error, Exception)]:
            arrived.set_exception(found[0])
        elif is_there():
            arrived.set_result(None)
        else:
            return
        self._waits = None

    async def begin_anew(self) -> None:
        await self.stop()
        self._begin()

    def _begin(self) -> None:
        self.clock = FakeClock(START + timedelta(seconds=30))
        self.log = MemoryLog(self.clock)
        self.point: Callable[[str], None] = lambda _name: None
        self.log.append(DEVICES.name, 0, payload(device(policy=POLICY)))

    def start(self) -> asyncio.Task[None]:
        async def point(name: str) -> None:
            self.point(name)

        tools = Tools(
            partitions=1,
            wire=CloudEventsWire(Service.THROTTLE, self.clock),
            clock=self.clock,
            instruments=Instruments(Metrics("throttle")),
            new_id=lambda: str(next(self._takeovers)).encode(),
            new_drain=lambda: DrainCount(DrainLimit()),
        )
        worker = self._worker(0, lambda: self._port(self.log, 0, point=point, batch_records=2), tools)
        self.tasks.append(asyncio.create_task(worker.run()))
        return self.tasks[-1]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()

    def hear(self, *numbers: int) -> None:
        for number in numbers:
            self.log.append(EVENTS.name, 0, payload(event(number)))

    def decided(self, kind: type[Any]) -> list[Any]:
        name = kind.model_fields["type"].default
        found = [(record.value or b"", dict(record.headers)) for record in self.log.read(DECISIONS.name, 0)]
        return [kind.model_validate_json(value) for value, headers in found if headers["ce_type"] == name.encode()]

    async def comes_to(self, outcomes: list[str], *, periods_ended: int = 0, dead: int = 0) -> None:
        """Wait for what must come, then look that it is no more than that."""

        def is_there() -> bool:
            offsets = (self.log.offsets.get(Place(EVENTS.name, 0)), self.log.offsets.get(Place(COMMANDS.name, 0)))
            return offsets == (self.log.end(EVENTS.name, 0), self.log.end(COMMANDS.name, 0))

        await self.until(is_there)
        decisions = self.decided(EventDecided)
        assert [decision.outcome for decision in decisions] == outcomes
        assert len({decision.event.event_id for decision in decisions}) == len(decisions)
        assert len(self.decided(NotificationsEnabled)) == periods_ended
        assert len(self.log.read(DEAD_LETTERS[Service.THROTTLE].name, 0)) == dead


async def a_send_fails(bench: Bench) -> None:
    bench.start()
    await bench.comes_to([])
    bench.log.lose_sends = 1
    bench.hear(1, 2, 3, 4)
    await bench.comes_to(FOUR)


async def a_commit_fails(bench: Bench) -> None:
    bench.start()
    await bench.comes_to([])
    bench.hear(1, 2, 3, 4)
    failures = iter([True])

    def point(name: str) -> None:
        if name == "commit.before" and next(failures, False):
            raise Retryable("no answer")

    bench.point = point
    await bench.comes_to(FOUR)


async def a_restart_with_poison_before_it(bench: Bench) -> None:
    bench.start()
    bench.hear(1, 2)
    bench.log.append(EVENTS.name, 0, Payload(b"d-1", b"\xff"))
    await bench.comes_to(FOUR[:2], dead=1)
    await bench.stop()
    bench.hear(3, 4)
    bench.start()
    await bench.comes_to(FOUR, dead=1)


async def a_second_owner(bench: Bench) -> None:
    bench.start()
    await bench.comes_to([])
    before = len(bench.log.read(THROTTLE_STATE.name, 0))
    bench.start()
    # the second owner's marker and sentinel: it is on duty
    await bench.until(lambda: len(bench.log.read(THROTTLE_STATE.name, 0)) >= before + 2)
    await bench.comes_to([])
    bench.hear(1, 2, 3, 4)
    await bench.comes_to(FOUR)


async def a_crash_at_each_await_of_a_period(bench: Bench) -> None:
    crash_at, passed = 0, 1
    while crash_at < passed:
        await bench.begin_anew()
        passed = await _a_period(bench, crash_at)
        crash_at += 1


async def _a_period(bench: Bench, crash_at: int) -> int:
    passed = 0

    def point(_name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == crash_at + 1:
            raise Crashed

    bench.point = point
    bench.hear(1, 2, 3, 4)
    first = bench.start()

    def is_over() -> bool:
        if bench.tasks == [first] and first.done():
            bench.tasks.clear()
            bench.start()
        ended = bool(bench.decided(NotificationsEnabled))
        return ended and bench.log.offsets.get(Place(EVENTS.name, 0)) == bench.log.end(EVENTS.name, 0)

    bench.clock.advance(timedelta(hours=2))
    await bench.until(is_over)
    # one that has crashed behind it starts once more
    await bench.until(is_over)
    await bench.comes_to(FOUR, periods_ended=1)
    return passed


SUITE = (
    a_send_fails,
    a_commit_fails,
    a_restart_with_poison_before_it,
    a_second_owner,
    a_crash_at_each_await_of_a_period,
)


class WithoutFencing(MemoryPort):
    """Each owner has a transactional id of its own."""

    async def fence(self) -> None:
        self._id = f"{self._id}.{next(_OWNERS)}"
        await super().fence()


class CommitsUnacknowledged(Worker):
    async def _transact(self, port: Port, outgoing: Any, offsets: Offsets | None) -> None:
        await port.begin()
        await port.send(outgoing)
        if offsets is not None:
            await port.send_offsets(offsets)
        await port.commit()


class AppliesFirst(Worker):
    """Memory is ahead of the log, and trusted when a commit has failed."""

    kept: Partition | None = None

    async def _take_over(self, port: Port) -> Partition | None:
        kept = self.kept
        restored = await super()._take_over(port)
        self.kept = kept or restored
        return self.kept

    async def _commit(self, port: Port, partition: Partition, commit: Commit) -> None:
        partition.apply(commit)
        await self._transact(port, commit.outgoing, commit.offsets)


class FiresOutside(Worker):
    """What a timer says goes out on its own; only the state is in a transaction."""

    async def _commit(self, port: Port, partition: Partition, commit: Commit) -> None:
        state = [each for each in commit.outgoing if each.role is Role.CHANGELOG]
        if not commit.dead and len(state) < len(commit.outgoing):
            said: list[Outgoing] = [each for each in commit.outgoing if each.role is not Role.CHANGELOG]
            for role, payload_ in said:
                port._log.append(TOPIC_BY_ROLE[role], 0, payload_)
            await self._transact(port, state, commit.offsets)
            partition.apply(commit)
        else:
            await super()._commit(port, partition, commit)


class SeeksTooFar(MemoryPort):
    async def resume(self, offsets: Offsets) -> None:
        await super().resume(Offsets(offsets.events + (offsets.events > 0), offsets.commands))


class SeeksTooShort(MemoryPort):
    async def resume(self, offsets: Offsets) -> None:
        await super().resume(Offsets(offsets.events - (offsets.events > 0), offsets.commands))


class KeepsWhatWasFetched(MemoryPort):
    async def resume(self, offsets: Offsets) -> None:
        fetched = list(self._log.buffers.get(Place(EVENTS.name, 0), []))
        await super().resume(offsets)
        self._log.buffers[Place(EVENTS.name, 0)] = fetched


class ForgetsOffsets(Worker):
    """The offsets are committed in a transaction of their own."""

    async def _transact(self, port: Port, outgoing: Any, offsets: Offsets | None) -> None:
        await super()._transact(port, outgoing, None)
        if offsets is not None:
            await super()._transact(port, [], offsets)


Scenario = Callable[[Bench], Coroutine[Any, Any, None]]


def failing(worker: type[Worker], port: type[MemoryPort]) -> list[str]:
    found = []
    for scenario in SUITE:
        try:
            Bench(worker, port).play(scenario)
        except (AssertionError, Fatal):
            found.append(scenario.__name__)
    return found


def test_the_right_worker_passes() -> None:
    assert failing(Worker, MemoryPort) == ALL_PASS


class StandsStill(Worker):
    async def run(self) -> None:
        await asyncio.Event().wait()


def test_one_that_stands_still_is_not_taken_for_one_that_is_caught() -> None:
    with pytest.raises(StandsStillError):
        failing(StandsStill, MemoryPort)


@pytest.mark.parametrize(
    ("worker", "port", "catches"),
    [
        (Worker, WithoutFencing, a_second_owner),
        (CommitsUnacknowledged, MemoryPort, a_send_fails),
        (AppliesFirst, MemoryPort, a_commit_fails),
        (FiresOutside, MemoryPort, a_crash_at_each_await_of_a_period),
        (Worker, SeeksTooFar, a_restart_with_poison_before_it),
        (Worker, SeeksTooShort, a_restart_with_poison_before_it),
        (Worker, KeepsWhatWasFetched, a_send_fails),
        (ForgetsOffsets, MemoryPort, a_crash_at_each_await_of_a_period),
    ],
    ids=[
        "no fencing",
        "commit before the sends are awaited",
        "state applied before the commit",
        "timer outside the transaction",
        "seek one too far",
        "seek one too short",
        "fetched records kept over a restore",
        "offsets outside the transaction",
    ],
)
def test_a_planted_bug_is_caught(worker: type[Worker], port: type[MemoryPort], catches: Scenario) -> None:
    with pytest.raises((AssertionError, Fatal)):
        Bench(worker, port).play(catches)

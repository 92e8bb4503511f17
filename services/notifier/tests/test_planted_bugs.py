"""A notifier that dies at every step, is paused, or is one of two; and notifiers that are wrong on purpose."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

import pytest

from ups_notifier.domain.life import Backoff
from ups_notifier.domain.sending import Accepted, AnswerLost, Deferred, Phase, Superseded
from ups_notifier.handlers.dispatch import Dispatcher
from ups_notifier.handlers.intake import Intake
from ups_notifier.handlers.lane import LaneWorker
from ups_notifier.handlers.mailboxes import Mailboxes
from ups_notifier.handlers.preparing import Preparation
from ups_notifier.handlers.relay_health import RelayHealth
from ups_notifier.testing.account_samples import order
from ups_notifier.testing.checker import check
from ups_notifier.testing.lane_world import LEASE, FakeDirectory, FakeRates, FakeWriter, StatesSeen
from ups_notifier.testing.memory import MemoryLedger
from ups_notifier.testing.memory_bounces import MemoryBounces
from ups_notifier.testing.samples import CO_WORKER, NOW, OWNER, decided, event, incident, reader
from ups_notifier.testing.smtp_server import Taken
from ups_runtime.testing import FakeClock, eventually
from ups_schemas.event import Phase as EventPhase
from ups_schemas.ids import delivery_id as copy_of

DEVICES = [f"d{number}" for number in range(7)]
ORDER = order(not_after=NOW + timedelta(hours=20))
LANES = (OWNER, CO_WORKER, ORDER.recipient_id)
ADDRESS = {OWNER: "alex@example.com", CO_WORKER: "ben@example.com", ORDER.recipient_id: ORDER.address}


class Crashed(BaseException):
    pass


class Writer(FakeWriter):
    def _text(self, delivery_id, address):
        return b"Message-ID: <%s@here>\r\n\r\n%s" % (delivery_id.encode(), super()._text(delivery_id, address))

    def digest(self, pending, delivery_id, answers):
        told = (copy_of(each.decision.notification_id, each.reader.user.user_id) for each in pending)
        return super().digest(pending, delivery_id, answers) + b"\r\nTold: " + " ".join(told).encode()


@dataclass
class Relay:
    """Ends conversations as `results` say, then well; it has the mail when it says so, or when its answer is lost."""

    point: Callable[[str], None] = lambda _name: None
    results: list = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    at_354: Callable | None = None
    before_answer: Callable | None = None

    async def send(self, envelope, message, before_content):
        self.point("MAIL")
        result = self.results.pop(0) if self.results else Accepted(250)
        if self.at_354:
            paused, self.at_354 = self.at_354, None
            await paused()
        if not await before_content():
            return Superseded()
        self.point("354")
        if isinstance(result, Accepted | AnswerLost):
            self.taken.append(Taken(envelope.sender, envelope.recipient, message))
        if self.before_answer:
            slow, self.before_answer = self.before_answer, None
            await slow()
        self.point("250")
        return result


class EagerRelay(Relay):
    """Says that the mail was taken before the server does."""

    async def send(self, envelope, message, before_content):
        result = await super().send(envelope, message, before_content)
        return result if isinstance(result, Superseded) else Accepted(250)


class CarelessLedger(MemoryLedger):
    """Freezes without looking whose attempt it is."""

    async def start_data(self, delivery, message, now):
        row = self.rows[delivery.delivery_id]
        self.rows[row.delivery_id] = replace(row, frozen=message, data_started_at=now, version=row.version + 1)
        return True


class LeaselessLedger(MemoryLedger):
    """Gives a lane to whoever asks."""

    async def due_lanes(self, now, limit):
        self._leases.clear()
        return await super().due_lanes(now, limit)

    async def lease(self, _lane, _owner, _length):
        return True


class HastyWorker(LaneWorker):
    """Ends a row before the relay is asked."""

    async def _send(self, rows, prepared):
        from ups_notifier.domain import life

        over = [(row, life.after(row, Accepted(250), self._clock.now(), self._backoff, 0)) for row in rows]
        await self._move_all(over)
        return await super()._send(rows, prepared)


class OneByOne(MemoryLedger):
    """Changes the rows of a digest one after the other."""

    async def save_all(self, changes, now):
        for before, after in changes:
            await asyncio.sleep(0)
            if not await super().save_all([(before, after)], now):
                return False
            self.point("between rows")
        return True

    def point(self, _name):
        pass


class Points:
    """Stands before a ledger, and dies at the step that it is told."""

    def __init__(self, ledger, crash_at):
        self._ledger = ledger
        self.crash_at = crash_at
        self.passed = 0
        if isinstance(ledger, OneByOne):
            ledger.point = self.point

    def point(self, _name):
        self.passed += 1
        if self.passed == self.crash_at:
            raise Crashed

    def __getattr__(self, name):
        inner = getattr(self._ledger, name)

        async def hurt(*arguments):
            self.point(f"before {name}")
            answer = await inner(*arguments)
            self.point(f"after {name}")
            return answer

        return hurt


class Bench:
    """What survives a process: the ledger, the topics, the relay."""

    def __init__(self, worker=LaneWorker, ledger=MemoryLedger, relay=Relay):
        self.clock = FakeClock(NOW)
        self.ledger = ledger(self.clock)
        self.relay = relay()
        self.writer = Writer()
        self.bounces = MemoryBounces()
        self.contents = []
        self._worker = worker
        self._owners = count(1)
        users = {each: reader(each).user.model_copy(update={"address": ADDRESS[each]}) for each in (OWNER, CO_WORKER)}
        self.directory = FakeDirectory(
            users, {each: reader().device.model_copy(update={"device_id": each}) for each in DEVICES}
        )

    def hear(self, *contents):
        self.contents += contents

    def worker(self, owner, ledger=None):
        used = ledger or self.ledger
        seen = StatesSeen()
        mailboxes = Mailboxes(self.bounces, used, self.directory, lambda *each: each, seen, self.clock, asyncio.Event())
        return self._worker(
            used,
            Preparation(used, self.directory, mailboxes, self.writer, self.clock),
            self.relay,
            FakeRates(),
            mailboxes,
            RelayHealth(self.clock, lambda: 0.5),
            seen,
            self.clock,
            owner=owner,
            return_path=lambda *_: "events@here",
            chance=lambda: 0.5,
            backoff=Backoff(),
            lease=LEASE,
        )

    async def process(self, ledger=None):
        """From the first record on, since nothing was committed; then all that is due."""
        intake = Intake(ledger or self.ledger, self.clock, lambda *_: None)
        for content in self.contents:
            await intake.take(content)
        worker = self.worker(f"process {next(self._owners)}", ledger)
        for lane in LANES:
            await worker.work(lane, lambda: False)

    async def drain(self):
        for _ in range(6):
            self.clock.advance(timedelta(hours=1))
            await self.process()

    def verdict(self):
        return check(self.contents, list(self.ledger.rows.values()), self.relay.taken, ADDRESS.__getitem__)

    def keeps_its_word(self, *, marked=0):
        verdict = self.verdict()
        assert verdict.faults == []
        for mail in self.relay.taken:
            carrier = mail.message.partition(b"<")[2].partition(b"@")[0].decode()
            told = mail.message.partition(b"Told: ")[2].decode().split()
            assert {self.ledger.rows[each].digest_id for each in told} <= {carrier}
        assert verdict.marked <= marked


def outage(*devices):
    for device in devices:
        yield decided(
            event("ON_BATTERY", device_id=device),
            device_id=device,
            opened=(incident("ON_BATTERY", NOW),),
            notification_id=f"raise-{device}",
        )


def power_back(*devices):
    for device in devices:
        told = incident("ON_BATTERY", NOW, told=True).model_copy(update={"told_in": f"raise-{device}"})
        yield decided(
            event("POWER_RESTORED", EventPhase.CLEAR, at=NOW + timedelta(seconds=30), device_id=device),
            device_id=device,
            closed=(told,),
            device_seq=8,
            notification_id=f"clear-{device}",
        )


async def dead_at_each_step(make):
    # a digest has many rows alike: every fifth step of it tells as much
    for devices, stride in ((DEVICES[:1], 1), (DEVICES, 5)):
        steps = await _dead_at(make, devices, 0)
        for step in range(1, steps + 1, stride):
            await _dead_at(make, devices, step)


async def _dead_at(make, devices, step):
    bench = make()
    bench.hear(*outage(*devices), *power_back(*devices), ORDER)
    points = Points(bench.ledger, step)
    bench.relay.point = points.point
    with suppress(Crashed):
        await bench.process(points)
    passed, points.crash_at = points.passed, 0
    await bench.drain()
    bench.keeps_its_word(marked=1 if step else 0)
    return passed


async def deferred_and_lost(make):
    bench = make()
    bench.relay.results = [Deferred(Phase.CONTENT, 451), AnswerLost(), Deferred(Phase.CONTENT, 452)]
    bench.hear(*outage(*DEVICES[:3]), *power_back(*DEVICES[:2]))
    await bench.process()
    await bench.drain()
    bench.keeps_its_word(marked=1)


async def paused_at_354(make):
    bench = make()
    bench.hear(*outage(*DEVICES[:1]))

    async def another_takes_over():
        bench.clock.advance(LEASE)
        await bench.process()

    bench.relay.at_354 = another_takes_over
    await bench.process()
    await bench.drain()
    bench.keeps_its_word()


async def two_at_once(make):
    bench = make()
    bench.hear(*outage(*DEVICES[:1]))
    intake = Intake(bench.ledger, bench.clock, lambda *_: None)
    for content in bench.contents:
        await intake.take(content)
    answer, stopping, looks = asyncio.Event(), asyncio.Event(), [0, 0]
    bench.relay.before_answer = answer.wait

    def beat(number):
        looks[number] += 1

    dispatchers = [
        Dispatcher(
            bench.ledger,
            bench.worker(f"process {number}"),
            RelayHealth(bench.clock, lambda: 0.5),
            bench.clock,
            owner=f"process {number}",
            concurrency=2,
            lease=LEASE,
            beat=lambda number=number: beat(number),
        )
        for number in (0, 1)
    ]
    running = [asyncio.create_task(each.run(stopping)) for each in dispatchers]
    seen = list(looks)

    async def both_looked_again():
        for each in dispatchers:
            each.wake()
        return bench.relay.taken and min(looks) > max(seen) + 3

    await eventually(both_looked_again)
    answer.set()
    stopping.set()
    await asyncio.gather(*running)
    await bench.drain()
    bench.keeps_its_word()


SUITE = (dead_at_each_step, deferred_and_lost, paused_at_354, two_at_once)


@pytest.mark.parametrize("scenario", SUITE)
async def test_the_right_notifier_keeps_its_word(scenario):
    await scenario(Bench)


@pytest.mark.parametrize(
    ("parts", "catches"),
    [
        ({"ledger": LeaselessLedger}, two_at_once),
        ({"ledger": CarelessLedger}, paused_at_354),
        ({"relay": EagerRelay}, deferred_and_lost),
        ({"worker": HastyWorker}, dead_at_each_step),
        ({"ledger": OneByOne}, dead_at_each_step),
    ],
    ids=[
        "lease ignored",
        "frozen without condition",
        "taken before the answer",
        "result written before DATA",
        "rows of a digest one by one",
    ],
)
async def test_a_planted_bug_is_caught(parts, catches):
    with pytest.raises(AssertionError):
        await catches(lambda: Bench(**parts))

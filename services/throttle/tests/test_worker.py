import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from ups_runtime.dlq import DrainCount, DrainLimit
from ups_runtime.errors import ExitCode, Fatal, Fenced, Retryable
from ups_runtime.metrics import Metrics
from ups_runtime.testing import AnsweredWhenCancelled, FakeClock, eventually
from ups_schemas.decision import EnabledBy, NotificationsEnabled, Outcome
from ups_schemas.device import Policy
from ups_schemas.ids import period_id
from ups_schemas.topics import COMMANDS, DEAD_LETTERS, DECISIONS, DEVICES, EVENTS, THROTTLE_STATE, Service
from ups_throttle.adapters.memory_log import LogRecord, MemoryLog, Place
from ups_throttle.adapters.memory_port import MemoryPort
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.domain import output
from ups_throttle.metrics import Instruments
from ups_throttle.port import BrokerRefused
from ups_throttle.records import SENTINEL_KEY, Payload
from ups_throttle.setbacks import FENCED_PAUSE_S, MOST_REFUSALS
from ups_throttle.testing.samples import START, device, enable, event, payload
from ups_throttle.worker import SENTINEL_EVERY_S, Tools, Worker

SHORT = Policy(limit=2, window_s=1800, period_s=3600)
LATER = START + timedelta(hours=2)
POISON = Payload(b"d-1", b"\xff")


class Bench:
    """A log, a clock, and workers of partition 0."""

    def __init__(self) -> None:
        self.clock = FakeClock(LATER)
        self.wire = CloudEventsWire(Service.THROTTLE, self.clock)
        self.log = MemoryLog(self.clock)
        self.metrics = Metrics("throttle")
        self.instruments = Instruments(self.metrics)
        self.running: list[tuple[Worker, asyncio.Task[None]]] = []
        self.takeovers = 0

    def start(self, point: Callable[[str], Awaitable[None]] | None = None) -> asyncio.Task[None]:
        def open_port() -> MemoryPort:
            port = MemoryPort(self.log, 0, batch_records=2)
            if point is not None:
                port._point = point
            return port

        tools = Tools(
            partitions=1,
            wire=self.wire,
            clock=self.clock,
            instruments=self.instruments,
            new_id=self._new_id,
            new_drain=lambda: DrainCount(DrainLimit(max_run=3)),
            timers_at_once=1,
        )
        worker = Worker(0, open_port, tools)
        task = asyncio.create_task(worker.run())
        self.running.append((worker, task))
        return task

    def _new_id(self) -> bytes:
        self.takeovers += 1
        return str(self.takeovers).encode()

    def add(self, *messages: object) -> None:
        for message in messages:
            topic = {"AcceptedEvent": EVENTS, "DeviceSnapshot": DEVICES, "EnableNotifications": COMMANDS}
            self.log.append(topic[type(message).__name__].name, 0, payload(message))  # type: ignore[arg-type]

    def outcomes(self) -> list[str]:
        return [outcome for record in self.log.read(DECISIONS.name, 0) if (outcome := _outcome(record))]

    def enabled(self) -> list[NotificationsEnabled]:
        kind = NotificationsEnabled.model_fields["type"].default
        return [
            NotificationsEnabled.model_validate_json(record.value or b"")
            for record in self.log.read(DECISIONS.name, 0)
            if dict(record.headers)["ce_type"].decode() == kind
        ]

    def committed(self) -> tuple[int | None, int | None]:
        return self.log.offsets.get(Place(EVENTS.name, 0)), self.log.offsets.get(Place(COMMANDS.name, 0))

    def caught_up(self) -> bool:
        return self.committed() == (self.log.end(EVENTS.name, 0), self.log.end(COMMANDS.name, 0))

    def metric(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(f"ups_throttle_{name}_total") or 0

    async def close(self) -> None:
        for worker, task in self.running:
            worker.stop()
            task.cancel()
        await asyncio.wait([task for _, task in self.running])


def _outcome(record: LogRecord) -> str | None:
    value = record.value or b""
    return next((str(outcome) for outcome in Outcome if f'"outcome":"{outcome}"'.encode() in value), None)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    made.add(device(policy=SHORT), device("d-2", policy=SHORT))
    yield made
    if made.running:
        await made.close()


async def test_what_was_there_and_what_comes_is_decided(bench: Bench) -> None:
    bench.add(event(1))
    bench.start()
    await eventually(lambda: bench.outcomes() == ["notify"])

    bench.add(event(2))

    await eventually(lambda: bench.outcomes() == ["notify", "notify"])
    assert bench.caught_up()


async def test_a_restart_goes_on_in_the_middle_of_a_window(bench: Bench) -> None:
    bench.add(event(1), event(2))
    bench.start()
    await eventually(bench.caught_up)
    await bench.close()
    bench.start()

    bench.add(event(3))

    await eventually(lambda: bench.outcomes() == ["notify", "notify", "disabled"])


async def test_a_period_ends_by_time_once_and_as_of_its_end(bench: Bench) -> None:
    bench.clock.step(START + timedelta(seconds=10))
    bench.add(event(1), event(2), event(3))
    bench.start()
    await eventually(bench.caught_up)
    assert bench.enabled() == []

    bench.clock.advance(timedelta(hours=3))

    (enabled,) = await eventually(bench.enabled)
    assert (enabled.by, enabled.enabled_at) == (EnabledBy.TIME, enabled.until)


class NoEnd(CloudEventsWire):
    """Fails on the end of a period."""

    def decision(self, told: output.Output) -> Payload:
        if not isinstance(told.decided, output.NotificationsEnabled):
            return super().decision(told)
        raise RuntimeError(told.about)


async def test_a_timer_on_which_deciding_fails_is_counted_and_fires_when_it_can(bench: Bench) -> None:
    bench.clock.step(START + timedelta(seconds=10))
    bench.wire = NoEnd(Service.THROTTLE, bench.clock)
    bench.add(event(1), event(2), event(3))
    bench.start()
    await eventually(bench.caught_up)

    bench.clock.advance(timedelta(hours=3))
    await eventually(lambda: bench.metric("stuck_timers") == 1)
    assert bench.enabled() == []
    await bench.close()
    bench.wire = CloudEventsWire(Service.THROTTLE, bench.clock)
    bench.start()

    assert await eventually(bench.enabled)


async def test_records_present_when_a_period_ends_are_decided_before_the_timer(bench: Bench) -> None:
    inside = [event(number) for number in range(1, 9)]
    bench.add(*inside)

    bench.start()

    (enabled,) = await eventually(bench.enabled)
    assert enabled.suppressed_count == 5
    assert bench.outcomes() == ["notify", "notify", "disabled", *["suppressed"] * 5]


async def test_a_record_that_came_just_before_a_timer_is_decided_before_it(bench: Bench) -> None:
    bench.clock.step(START + timedelta(seconds=10))
    came = False

    async def at(name: str) -> None:
        nonlocal came
        if name == "poll.after" and "disabled" in bench.outcomes() and not came:
            came = True
            bench.add(event(4))
            bench.clock.advance(timedelta(hours=2))

    bench.add(event(1), event(2), event(3))
    bench.start(at)

    async def has_ended() -> list[NotificationsEnabled]:
        bench.clock.advance(timedelta(seconds=1))
        return bench.enabled()

    (enabled,) = await eventually(has_ended)
    assert enabled.suppressed_count == 1
    assert bench.outcomes() == ["notify", "notify", "disabled", "suppressed"]


async def test_an_order_ends_a_period(bench: Bench) -> None:
    bench.clock.step(START + timedelta(seconds=10))
    bench.add(event(1), event(2), event(3))
    bench.start()
    await eventually(lambda: "disabled" in bench.outcomes())

    bench.add(enable(period_id("d-1", "d-1-e-3"), enabled_at=START + timedelta(seconds=9)))

    (enabled,) = await eventually(bench.enabled)
    assert enabled.by is EnabledBy.HAND
    await eventually(bench.caught_up)


async def test_an_event_of_a_newer_snapshot_waits_for_it(bench: Bench) -> None:
    bench.start()
    await eventually(bench.caught_up)

    bench.add(device(version=2, subscriptions=()), event(1, device_version=2))

    await eventually(lambda: bench.outcomes() == ["no_subscriber"])


async def test_poison_goes_to_the_dead_letters_and_its_neighbours_pass(bench: Bench) -> None:
    bench.add(event(1))
    for topic in (EVENTS, COMMANDS, DEVICES):
        bench.log.append(topic.name, 0, POISON)
    bench.add(event(2))

    bench.start()

    await eventually(lambda: bench.outcomes() == ["notify", "notify"])
    await eventually(bench.caught_up)
    letters = bench.log.read(DEAD_LETTERS[Service.THROTTLE].name, 0)
    assert {letter.value for letter in letters} == {b"\xff"}


async def test_poison_on_the_devices_is_put_aside_once_over_all_take_overs(bench: Bench) -> None:
    def letters() -> list[str]:
        found = bench.log.read(DEAD_LETTERS[Service.THROTTLE].name, 0)
        return [dict(letter.headers)["dlq_offset"].decode() for letter in found if letter.headers]

    async def take_over_anew() -> None:
        decided = len(bench.outcomes())
        bench.start()
        bench.add(event(bench.takeovers + 1))
        await eventually(lambda: len(bench.outcomes()) == decided + 1)

    async def stop() -> None:
        await bench.close()
        bench.running.clear()

    bench.log.append(DEVICES.name, 0, POISON)
    await take_over_anew()
    assert letters() == ["2"]
    bench.log.append(DEVICES.name, 0, POISON)
    await eventually(lambda: letters() == ["2", "3"])
    await stop()
    await take_over_anew()
    await stop()
    bench.log.append(DEVICES.name, 0, POISON)
    await take_over_anew()

    assert letters() == ["2", "3", "4"]


async def test_a_transaction_that_is_refused_each_time_ends_the_process(bench: Bench) -> None:
    refusals = 0

    async def at(name: str) -> None:
        nonlocal refusals
        if name == "flush.before" and bench.committed() != (None, None):
            refusals += 1
            raise BrokerRefused("cannot wait for acknowledgements: InvalidTimestampError")

    bench.add(event(1))
    task = bench.start(at)

    async def ended() -> bool:
        bench.clock.advance(timedelta(seconds=1))
        return task.done()

    await eventually(ended)
    with pytest.raises(Fatal) as fatal:
        await task
    assert fatal.value.exit_code is ExitCode.REFUSED
    assert refusals == MOST_REFUSALS
    assert bench.outcomes() == []


async def test_a_stream_of_dead_letters_ends_the_process_before_it_is_drained(bench: Bench) -> None:
    for _ in range(10):
        bench.log.append(EVENTS.name, 0, POISON)

    with pytest.raises(Fatal) as fatal:
        await bench.start()

    assert fatal.value.exit_code is ExitCode.POISON
    assert (bench.committed()[0] or 0) < 4


async def test_a_failed_send_costs_a_take_over_and_nothing_else(bench: Bench) -> None:
    bench.start()
    await eventually(bench.caught_up)
    bench.log.lose_sends = 1

    bench.add(event(1), event(2))

    await eventually(lambda: bench.metric("abandoned_producers") or _total(bench, "abandoned_producers"))
    bench.clock.advance(timedelta(seconds=5))
    await eventually(lambda: bench.outcomes() == ["notify", "notify"])


async def test_a_letter_that_was_not_written_does_not_count_against_the_limit(bench: Bench) -> None:
    task = bench.start()
    await eventually(bench.caught_up)
    bench.log.lose_sends = 1

    bench.log.append(EVENTS.name, 0, POISON)
    bench.log.append(EVENTS.name, 0, POISON)

    await eventually(lambda: _total(bench, "abandoned_producers"))
    bench.clock.advance(timedelta(seconds=5))
    await eventually(lambda: task.done() or bench.caught_up())
    assert not task.done()
    assert len(bench.log.read(DEAD_LETTERS[Service.THROTTLE].name, 0)) == 2


def _total(bench: Bench, name: str) -> float:
    return sum(
        sample.value
        for metric in bench.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == f"ups_throttle_{name}_total"
    )


@pytest.mark.parametrize("point", ["commit.before", "commit.after"])
async def test_a_commit_without_a_clear_answer_is_settled_by_taking_over_anew(bench: Bench, point: str) -> None:
    doubts = Counter({point: 3})

    async def at(name: str) -> None:
        if bench.outcomes() != [] or name != point or bench.committed() == (None, None):
            return
        if doubts[name]:
            doubts[name] -= 1
            raise Retryable("no answer")

    bench.add(event(1), event(2), event(3), event(4))
    bench.start(at)

    async def done() -> bool:
        bench.clock.advance(timedelta(seconds=1))
        return bench.caught_up()

    await eventually(done)
    assert bench.outcomes() == ["notify", "notify", "disabled", "suppressed"]


async def test_a_second_owner_fences_the_first(bench: Bench) -> None:
    bench.start()
    await eventually(bench.caught_up)
    bench.start()
    await eventually(lambda: bench.takeovers == 2)

    bench.add(event(1), event(2))

    await eventually(bench.caught_up)
    await eventually(lambda: bench.metric("fenced") == 1)
    assert bench.outcomes() == ["notify", "notify"]


async def test_an_owner_that_was_taken_over_while_it_restored_finds_nothing_lost(bench: Bench) -> None:
    sleeps = asyncio.Event()

    async def at(name: str) -> None:
        if name == "committed":
            await sleeps.wait()

    former = bench.start(at)
    await eventually(lambda: bench.takeovers == 1)
    bench.add(event(1))
    bench.start()
    await eventually(lambda: bench.outcomes() == ["notify"])

    sleeps.set()

    await eventually(lambda: bench.metric("fenced") == 1)
    assert not former.done()


async def test_an_owner_that_is_fenced_again_at_once_ends_the_process(bench: Bench) -> None:
    async def at(name: str) -> None:
        if name == "committed":
            raise Fenced("always")

    task = bench.start(at)
    await eventually(lambda: bench.metric("fenced") == 1)
    bench.clock.advance(timedelta(seconds=FENCED_PAUSE_S))

    with pytest.raises(Fatal) as fatal:
        await task

    assert fatal.value.exit_code is ExitCode.FENCED


@pytest.mark.parametrize(
    ("spoil", "exit_code"),
    [
        (lambda bench: bench.log.offsets.clear(), ExitCode.RESET_REFUSED),
        (lambda bench: bench.log.offsets.update({Place(EVENTS.name, 0): 0}), ExitCode.STALE_STATE),
        (lambda bench: bench.log._entries.pop(Place(THROTTLE_STATE.name, 0)), ExitCode.STALE_STATE),
        (
            lambda bench: bench.log.append(THROTTLE_STATE.name, 0, Payload(b"d-9", b"\x09" + bytes(20))),
            ExitCode.STALE_STATE,
        ),
    ],
    ids=["offsets deleted", "group moved back", "changelog deleted", "state of another release"],
)
async def test_what_does_not_fit_together_ends_the_process(
    bench: Bench, spoil: Callable[[Bench], object], exit_code: ExitCode
) -> None:
    bench.start()
    for each in (event(1), event(2)):
        # one transaction each: a group that is behind by the last alone is not refused
        bench.add(each)
        await eventually(bench.caught_up)
    await bench.close()
    bench.running.clear()
    before = bench.outcomes()
    spoil(bench)

    with pytest.raises(Fatal) as fatal:
        await bench.start()

    assert fatal.value.exit_code is exit_code
    assert bench.outcomes() == before


async def test_a_group_that_lost_its_part_of_the_last_transaction_goes_on_from_the_state(bench: Bench) -> None:
    bench.start()
    for each in (event(1), event(2)):
        bench.add(each)
        await eventually(bench.caught_up)
    await bench.close()
    bench.running.clear()
    before = bench.outcomes()
    bench.log.offsets.update({Place(EVENTS.name, 0): 1})

    bench.start()
    await eventually(bench.caught_up)

    assert bench.outcomes() == before


async def test_both_offsets_are_committed_anew_each_day(bench: Bench) -> None:
    bench.start()
    await eventually(bench.caught_up)

    def sentinels() -> int:
        return sum(record.key == SENTINEL_KEY for record in bench.log.read(THROTTLE_STATE.name, 0))

    before = sentinels()
    bench.clock.advance(timedelta(seconds=SENTINEL_EVERY_S))

    await eventually(lambda: sentinels() == before + 1)


@pytest.mark.parametrize("failure", [None, Retryable("away")])
async def test_it_ends_although_its_cancellation_was_lost(bench: Bench, failure: Exception | None) -> None:
    step = AnsweredWhenCancelled()

    async def point(name: str) -> None:
        if name == "poll.before":
            await step.wait()
            if failure:
                raise failure

    assert await step.ends(bench.start(point))


async def test_told_to_stop_it_ends_by_itself(bench: Bench) -> None:
    task = bench.start()
    await eventually(bench.caught_up)

    bench.running[0][0].stop()
    bench.clock.advance(timedelta(seconds=1))

    await eventually(task.done)
    task.result()

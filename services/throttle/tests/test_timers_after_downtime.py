"""Periods that end while nobody looks, and orders that come in the same second."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from ups_runtime.dlq import DrainCount, DrainLimit
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock
from ups_schemas.decision import EnabledBy, EventDecided, NotificationsDisabled, NotificationsEnabled, Outcome
from ups_schemas.device import Policy
from ups_schemas.ids import period_id
from ups_schemas.topics import COMMANDS, DECISIONS, DEVICES, EVENTS, Service
from ups_throttle.adapters.memory_log import Place
from ups_throttle.adapters.memory_port import Crashed, MemoryPort
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.metrics import Instruments
from ups_throttle.testing.idle import play
from ups_throttle.testing.samples import START, device, enable, event, payload
from ups_throttle.testing.traced import TracedLog
from ups_throttle.testing.verdict import DECISION
from ups_throttle.worker import Tools, Worker

pytestmark = pytest.mark.usefixtures("quiet")

# The second event trips, so a device is disabled from two seconds after the start on, for an hour.
TRIPS = Policy(limit=1, window_s=1800, period_s=3600)
SINCE = START + timedelta(seconds=2)
UNTIL = SINCE + timedelta(hours=1)
PATIENCE = 20_000


class Bench:
    """One partition, and a worker that is up or down."""

    def __init__(self, *, timers_at_once: int = 500, batch_records: int = 2000) -> None:
        self.clock = FakeClock(START + timedelta(seconds=5))
        self.log = TracedLog(self.clock)
        self.at: Callable[[str], None] = lambda _point: None
        self._timers_at_once, self._batch_records = timers_at_once, batch_records
        self._instruments = Instruments(Metrics("throttle"))
        self._portions: list[list[str]] = []
        self._read = 0

    def add(self, *messages: object) -> None:
        topics = {"AcceptedEvent": EVENTS, "DeviceSnapshot": DEVICES, "EnableNotifications": COMMANDS}
        for message in messages:
            self.log.append(topics[type(message).__name__].name, 0, payload(message))  # type: ignore[arg-type]

    def disable(self, *device_ids: str) -> None:
        """Let all of them chatter, and decide on it."""
        for device_id in device_ids:
            self.add(device(device_id, policy=TRIPS), event(1, device_id), event(2, device_id))
        self.up()
        assert len(self.decided(NotificationsDisabled)) == len(device_ids)

    def up(self, *then: Callable[[], object]) -> None:
        """Let the worker run until it has nothing to do, do one thing after the other in the same way, and kill it."""
        left, idle, task = list(then), 0, None

        def act() -> bool:
            nonlocal idle, task
            idle += 1
            assert idle < PATIENCE, "it does not come to rest"
            if task is None or (task.done() and isinstance(task.exception(), Crashed)):
                task = asyncio.get_running_loop().create_task(self._worker().run())
            elif task.done():
                task.result()
            elif not self._is_decided():
                self.clock.advance(timedelta(milliseconds=1))
            elif left:
                left.pop(0)()
            else:
                return False
            return True

        play(act)

    def decided(self, kind: type) -> list:
        found = [DECISION.validate_json(record.value or b"") for record in self.log.read(DECISIONS.name, 0)]
        return [decision for decision in found if isinstance(decision, kind)]

    def _is_decided(self) -> bool:
        ends = {Place(topic.name, 0): self.log.end(topic.name, 0) for topic in (EVENTS, COMMANDS)}
        return self.log.offsets == ends

    def _worker(self) -> Worker:
        tools = Tools(
            partitions=1,
            wire=CloudEventsWire(Service.THROTTLE, self.clock),
            clock=self.clock,
            instruments=self._instruments,
            new_id=lambda: str(len(self.log.history)).encode(),
            new_drain=lambda: DrainCount(DrainLimit()),
            timers_at_once=self._timers_at_once,
        )
        return Worker(0, self._port, tools)

    def _port(self) -> MemoryPort:
        return MemoryPort(self.log, 0, point=self._stand, batch_records=self._batch_records, fetched={})

    async def _stand(self, point: str) -> None:
        self.at(point)

    def portions(self) -> list[list[str]]:
        """The devices of each transaction that ended periods."""
        for written in self.log.history[self._read :]:
            decided = [DECISION.validate_json(record.value or b"") for record in written.records[DECISIONS.name]]
            if ended := [one.device_id for one in decided if isinstance(one, NotificationsEnabled)]:
                self._portions.append(ended)
        self._read = len(self.log.history)
        return self._portions


def ids(count: int) -> list[str]:
    return [f"d-{number}" for number in range(count)]


def outcomes(bench: Bench) -> list[Outcome]:
    return [decision.outcome for decision in bench.decided(EventDecided)]


def assert_each_ended_once_by_time(bench: Bench, device_ids: list[str]) -> None:
    enabled = bench.decided(NotificationsEnabled)
    assert sorted(one.device_id for one in enabled) == sorted(device_ids)
    assert {(one.by, one.enabled_at, one.until) for one in enabled} == {(EnabledBy.TIME, UNTIL, UNTIL)}


def test_thousands_of_periods_that_ended_in_a_downtime_end_once_each_and_in_portions():
    bench = Bench(timers_at_once=200)
    bench.disable(*ids(3000))
    bench.clock.advance(timedelta(days=10))

    bench.up()

    assert_each_ended_once_by_time(bench, ids(3000))
    assert [len(portion) for portion in bench.portions()] == [200] * 15


def test_other_work_goes_on_between_two_portions():
    bench = Bench(timers_at_once=10)
    bench.disable(*ids(100))
    bench.clock.advance(timedelta(days=10))
    bench.add(device("d-new"))
    now = bench.clock.now()

    def one_comes_with_the_first(point: str) -> None:
        if point == "commit.after" and len(bench.portions()) == 1:
            bench.at = lambda _point: None
            bench.add(event(1, "d-new", received_at=now))

    bench.at = one_comes_with_the_first
    bench.up()

    kinds = [
        type(one) for one in bench.decided(object) if one.device_id == "d-new" or type(one) is NotificationsEnabled
    ]
    assert kinds == [NotificationsEnabled] * 10 + [EventDecided] + [NotificationsEnabled] * 90


@pytest.mark.parametrize("point", ["flush.after", "commit.before", "commit.after"])
def test_a_crash_between_the_portions_ends_no_period_twice(point: str):
    bench = Bench(timers_at_once=30)
    bench.disable(*ids(300))
    bench.clock.advance(timedelta(days=10))
    crashes: list[int] = []

    def dies_with_each_third_portion(now_at: str) -> None:
        count = len(bench.portions())
        if now_at == point and count % 3 == 2 and count not in crashes:
            crashes.append(count)
            raise Crashed

    bench.at = dies_with_each_third_portion
    bench.up()

    assert len(crashes) == 3
    assert_each_ended_once_by_time(bench, ids(300))


def test_a_second_downtime_ends_nothing_again():
    bench = Bench()
    bench.disable(*ids(20))
    bench.clock.advance(timedelta(days=10))
    bench.up()
    bench.clock.advance(timedelta(days=10))

    bench.up()

    assert_each_ended_once_by_time(bench, ids(20))


MS = timedelta(milliseconds=1)


def ordered(enabled_at: datetime) -> object:
    return enable(period_id("d-0", "d-0-e-2"), "d-0", enabled_at=enabled_at)


@pytest.mark.parametrize(
    ("order_at", "comes_at", "by", "enabled_at"),
    [
        (UNTIL - 400 * MS, UNTIL - 300 * MS, EnabledBy.HAND, UNTIL - 400 * MS),
        (UNTIL - MS, UNTIL - MS, EnabledBy.HAND, UNTIL - MS),
        (UNTIL - 400 * MS, UNTIL + 300 * MS, EnabledBy.TIME, UNTIL),
        (UNTIL, UNTIL, EnabledBy.TIME, UNTIL),
        (UNTIL + 100 * MS, UNTIL + 200 * MS, EnabledBy.TIME, UNTIL),
    ],
    ids=["before the end", "a millisecond before", "written before, read after", "at the end", "after the end"],
)
def test_by_hand_and_by_time_within_a_second_is_one_transition(
    order_at: datetime, comes_at: datetime, by: EnabledBy, enabled_at: datetime
):
    bench = Bench()
    bench.disable("d-0")

    bench.up(
        lambda: bench.clock.advance(comes_at - bench.clock.now()),
        lambda: bench.add(ordered(order_at)),
        lambda: bench.clock.advance(timedelta(seconds=2)),
    )

    (enabled,) = bench.decided(NotificationsEnabled)
    assert (enabled.by, enabled.enabled_at) == (by, enabled_at)


@pytest.mark.parametrize(
    ("order_at", "by", "enabled_at"),
    [
        (UNTIL - MS, EnabledBy.HAND, UNTIL - MS),
        (UNTIL, EnabledBy.TIME, UNTIL),
        (UNTIL + MS, EnabledBy.TIME, UNTIL),
    ],
)
def test_an_order_that_waited_through_the_downtime_comes_before_the_timer(
    order_at: datetime, by: EnabledBy, enabled_at: datetime
):
    bench = Bench()
    bench.disable("d-0")
    bench.add(ordered(order_at))
    bench.clock.advance(timedelta(days=10))

    bench.up()

    (enabled,) = bench.decided(NotificationsEnabled)
    assert (enabled.by, enabled.enabled_at) == (by, enabled_at)


@pytest.mark.parametrize("batch_records", [1, 2000])
def test_enabled_while_the_partition_lags_what_came_before_stays_suppressed(batch_records: int):
    bench = Bench(batch_records=batch_records)
    bench.disable("d-0")
    noon = START + timedelta(minutes=10)
    for number, at in enumerate((noon - MS, noon - MS, noon, noon + MS), start=3):
        bench.add(event(number, "d-0", received_at=at))
    bench.add(ordered(noon))
    bench.clock.advance(timedelta(minutes=20))

    bench.up()

    (enabled,) = bench.decided(NotificationsEnabled)
    assert (enabled.by, enabled.enabled_at) == (EnabledBy.HAND, noon)
    # the one at `enabled_at` is the first of an empty window; the next is one too many
    assert outcomes(bench)[2:] == ["suppressed", "suppressed", "notify", "disabled"]

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from ups_event_ingest.adapters.nut import MAX_UNTOLD, Pace, Tools, UpsWatch, raw_event
from ups_event_ingest.adapters.nut_client import Failed, Failure
from ups_event_ingest.adapters.nut_file import WatchedUps
from ups_event_ingest.domain.acceptance import accept
from ups_event_ingest.domain.authority import Device
from ups_event_ingest.domain.nut import STALE_GRACE, Graces, Known, Open, Reading, Said, observe
from ups_event_ingest.handlers import Ingest
from ups_event_ingest.metrics import NutMetrics
from ups_event_ingest.testing.examples import device
from ups_event_ingest.testing.fakes import FakePublisher, FakeRegistry, FakeTally
from ups_runtime.errors import Retryable
from ups_runtime.metrics import Metrics
from ups_runtime.testing import AnsweredWhenCancelled, FakeClock
from ups_schemas.catalogue import CONDITIONS
from ups_schemas.device import DeviceSnapshot
from ups_schemas.event import AcceptedEvent, Phase
from ups_schemas.watch import NutWatch

PLACE = WatchedUps("dev-1", "ups", "nut.example", 3493)
STALE = Failed(Failure.STALE, "DATA-STALE")
AWAY = Failed(Failure.UNREACHABLE, "NUTOSError")
NO_SUCH_UPS = Failed(Failure.REFUSED, "UNKNOWN-UPS")
POLL_S = 5


def status(text: str, **variables: str) -> Reading:
    return Reading({"ups.status": text} | {name.replace("_", "."): value for name, value in variables.items()})


class FakeMemory:
    """Keeps what was written, unless `away`."""

    def __init__(self) -> None:
        self.away = False
        self.watches: list[NutWatch] = []

    @property
    def open(self) -> frozenset[Open]:
        """What the next start begins from."""
        last = self.watches[-1].open if self.watches else ()
        return frozenset(Open(each.code, each.text, each.mode) for each in last)

    async def write(self, watch: NutWatch) -> None:
        if self.away:
            raise Retryable("the brokers are away")
        self.watches.append(watch)


class World:
    """One UPS, watched; `look` lets the watcher look at it once."""

    def __init__(self) -> None:
        self.registry = FakeRegistry(seen_at_once=True)
        self.publisher = FakePublisher()
        self.memory = FakeMemory()
        self.clock = FakeClock()
        self.metrics = Metrics("event-ingest")
        self.answer: Reading | Failed = AWAY
        self.looks = 0
        self._ids = iter(range(10_000))
        self._nut_metrics = NutMetrics(self.metrics)
        self._task: asyncio.Task[None] | None = None

    async def put_device(self, snapshot: DeviceSnapshot | None) -> None:
        await self.registry.put_device("dev-1", snapshot)

    async def restart(self, *, remembers: bool = True) -> None:
        """Start the watcher, or end it like a crash and start it again."""
        await self.stop()
        tools = Tools(
            Ingest(self.registry, self.publisher, FakeTally()),
            self.memory,
            self.clock,
            self._nut_metrics,
            lambda: f"id-{next(self._ids)}",
        )
        known = Known(open=self.memory.open if remembers else frozenset())
        watch = UpsWatch(PLACE, self._read, tools, Pace(POLL_S, Graces()), known)
        self._task = asyncio.create_task(watch.run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def look(self, answer: Reading | Failed, *, after: timedelta = timedelta(0)) -> list[str]:
        """What is said when the UPS is seen like this, pulses left out."""
        said_before = len(self.publisher.events)
        self.clock.advance(after)
        self.answer = answer
        looks = self.looks
        while self.looks == looks:
            self.clock.advance(timedelta(seconds=1))
            await self.settle()
        await self.settle()
        return said(self.publisher.events[said_before:])

    async def settle(self) -> None:
        """Let everything happen that needs no time to pass."""
        for _ in range(30):
            await asyncio.sleep(0)

    def shows(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"ups_event_ingest_{name}", labels)

    async def _read(self) -> Reading | Failed:
        self.looks += 1
        return self.answer


def said(events: list[AcceptedEvent]) -> list[str]:
    return [
        f"{event.code} {event.phase}{' snapshot' if event.snapshot else ''}"
        for event in events
        if event.code != "STATUS"
    ]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.put_device(device())
    await world.restart()
    yield world
    await world.stop()


async def test_an_outage_is_told_with_its_moment_and_remembered_until_it_ends(world: World) -> None:
    await world.look(status("OL"))

    assert await world.look(status("OB DISCHRG", battery_charge="80")) == ["ON_BATTERY raise"]
    event = world.publisher.events[-1]
    assert (event.source, event.native_code, event.device_id) == ("nut", "ONBATT", "dev-1")
    assert event.occurred_at == event.sent_at == event.received_at == world.clock.now()
    assert event.attributes.battery_charge_percent == 80
    assert world.memory.open == {Open("ON_BATTERY")}

    assert await world.look(status("OL")) == ["POWER_RESTORED clear"]
    assert world.memory.open == frozenset()
    assert not any(event.late or event.suspect or event.snapshot for event in world.publisher.events)


async def test_while_nothing_changes_nothing_is_written(world: World) -> None:
    for _ in range(20):
        await world.look(status("OL"))

    assert said(world.publisher.events) == []
    assert world.memory.watches == []


async def test_what_is_found_at_the_start_has_no_moment(world: World) -> None:
    assert await world.look(status("OB")) == ["ON_BATTERY raise snapshot"]
    assert world.publisher.events[0].occurred_at is None


async def test_power_that_returned_while_nobody_watched_is_told_after_the_restart(world: World) -> None:
    await world.look(status("OB LB"))

    await world.restart()

    assert await world.look(status("OL")) == ["POWER_RESTORED clear snapshot", "BATTERY_LOW_CLEARED clear snapshot"]


async def test_a_restart_in_mid_outage_says_nothing_again(world: World) -> None:
    await world.look(status("OB"))

    await world.restart()

    assert await world.look(status("OB")) == []


async def test_a_restart_of_the_server_in_mid_outage_invents_nothing(world: World) -> None:
    await world.look(status("OB"))

    for answer in [AWAY, AWAY, STALE, status("WAIT"), status(""), status("OB")]:
        assert await world.look(answer) == []


async def test_a_driver_that_is_gone_beyond_the_grace_is_lost_contact(world: World) -> None:
    await world.look(status("OL"))
    assert await world.look(STALE) == []

    assert await world.look(STALE, after=STALE_GRACE) == ["COMM_LOST raise"]
    assert await world.look(status("OL")) == ["COMM_RESTORED clear snapshot"]


async def test_while_the_brokers_are_away_every_change_waits_and_comes_in_order_once(world: World) -> None:
    await world.look(status("OL"))
    told_before = len(world.publisher.events)
    world.publisher.refuses_because = "the brokers are away"

    for text in ["OB", "OB LB", "OL LB", "OL", "OB", "OL"]:
        assert await world.look(status(text)) == []
    assert world.shows("nut_untold", device_id="dev-1") == 5
    world.publisher.refuses_because = None
    world.clock.advance(timedelta(seconds=40))
    await world.settle()

    assert said(world.publisher.events[told_before:]) == [
        "ON_BATTERY raise",
        "BATTERY_LOW raise",
        "POWER_RESTORED clear",
        "BATTERY_LOW_CLEARED clear",
        "ON_BATTERY raise",
        "POWER_RESTORED clear",
    ]
    occurred = [event.occurred_at for event in world.publisher.events[told_before:]]
    assert occurred == sorted(set(occurred))


async def test_what_had_to_wait_for_the_brokers_is_marked_as_late(world: World) -> None:
    await world.look(status("OL"))
    world.publisher.refuses_because = "the brokers are away"
    await world.look(status("OB"))

    world.clock.advance(timedelta(minutes=20))
    world.publisher.refuses_because = None
    world.clock.advance(timedelta(seconds=40))
    await world.settle()

    [event] = [event for event in world.publisher.events if event.code == "ON_BATTERY"]
    assert event.late
    assert event.occurred_at is not None
    assert event.received_at - event.occurred_at > timedelta(minutes=20)


async def test_an_event_keeps_its_id_over_all_tries(world: World) -> None:
    class Stored(FakePublisher):
        """Stores what it then does not acknowledge."""

        async def publish(self, events: list[AcceptedEvent]) -> None:  # type: ignore[override]
            self.events.extend(events)
            await FakePublisher.publish(self, [])

    world.publisher = Stored()
    await world.restart()
    await world.look(status("OL"))
    world.publisher.refuses_because = "no acknowledgement"
    await world.look(status("OB"))
    for _ in range(5):
        world.clock.advance(timedelta(seconds=40))
        await world.settle()
    world.publisher.refuses_because = None
    world.clock.advance(timedelta(seconds=40))
    await world.settle()

    stored = [event for event in world.publisher.events if event.code == "ON_BATTERY"]
    assert len(stored) > 3
    assert len({event.event_id for event in stored}) == 1


async def test_what_could_not_be_remembered_is_told_again_as_a_snapshot_and_forgotten_by_nobody(world: World) -> None:
    await world.look(status("OL"))
    world.memory.away = True
    assert await world.look(status("OB")) == ["ON_BATTERY raise"]

    await world.restart()
    world.memory.away = False

    assert await world.look(status("OB")) == ["ON_BATTERY raise snapshot"]
    assert world.memory.open == {Open("ON_BATTERY")}


async def test_a_device_that_does_not_exist_yet_is_told_of_once_it_does(world: World) -> None:
    await world.put_device(None)
    for text in ["OL", "OB", "OB LB"]:
        assert await world.look(status(text)) == []
    await world.look(status("OB LB"))
    assert world.shows("nut_state", device_id="dev-1", state="device-unknown") == 1
    assert world.memory.watches == []

    await world.put_device(device())

    assert await world.look(status("OB LB")) == ["ON_BATTERY raise snapshot", "BATTERY_LOW raise snapshot"]
    await world.look(status("OB LB"))
    assert world.shows("nut_state", device_id="dev-1", state="device-unknown") == 0
    assert world.shows("nut_state", device_id="dev-1", state="reading") == 1


async def test_a_device_that_was_removed_and_came_back_is_told_the_difference(world: World) -> None:
    await world.look(status("OB"))
    await world.put_device(None)
    for text in ["OL", "OL RB", "OL RB OVER"]:
        assert await world.look(status(text)) == []

    await world.put_device(device(version=2))

    assert await world.look(status("OL OVER")) == ["POWER_RESTORED clear snapshot", "OVERLOAD raise snapshot"]


async def test_a_ups_that_its_server_never_knew_is_a_setting_to_correct_and_no_event(world: World) -> None:
    for _ in range(3):
        assert await world.look(NO_SUCH_UPS, after=timedelta(hours=1)) == []

    assert world.shows("nut_state", device_id="dev-1", state="refused") == 1
    assert world.shows("nut_looks_total", result="refused") == 3


async def test_a_ups_that_its_server_knows_no_more_is_lost_contact(world: World) -> None:
    await world.look(status("OL"))
    await world.look(NO_SUCH_UPS)

    assert await world.look(NO_SUCH_UPS, after=timedelta(hours=1)) == ["COMM_LOST raise"]


async def test_an_answer_that_our_code_cannot_take_does_not_end_the_watch(world: World) -> None:
    await world.look(status("OL"))
    await world.look(Reading({"ups.status": 7}))  # type: ignore[dict-item]

    assert world.shows("nut_looks_total", result="broken") == 1
    assert await world.look(status("OB")) == ["ON_BATTERY raise"]


async def test_a_ups_that_flaps_while_the_brokers_are_away_takes_no_memory_without_end(world: World) -> None:
    await world.look(status("OL"))
    world.publisher.refuses_because = "the brokers are away"
    for number in range(MAX_UNTOLD + 10):
        world.answer = status("OL" if number % 2 else "OB")
        world.clock.advance(timedelta(seconds=2 * POLL_S))
        await world.settle()

    assert world.shows("nut_untold", device_id="dev-1") <= MAX_UNTOLD
    looks = world.looks
    world.clock.advance(timedelta(minutes=5))
    await world.settle()
    assert world.looks == looks

    world.publisher.refuses_because = None
    world.answer = status("OL")
    for _ in range(3):
        world.clock.advance(timedelta(seconds=40))
        for _ in range(MAX_UNTOLD):
            await world.settle()

    assert world.shows("nut_untold", device_id="dev-1") == 0
    assert said(world.publisher.events)[-1] == "POWER_RESTORED clear"
    assert world.memory.open == frozenset()


def test_every_condition_is_said_so_that_ingest_takes_it_for_itself() -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    alarms = "".join(alarm for condition in CONDITIONS for alarm in condition.nut_alarms)
    flags = " ".join(condition.nut_flag for condition in CONDITIONS if condition.nut_flag)
    shown = status(f"{flags} BOOST ALARM", ups_alarm=f"{alarms} Phase B out of range!", ups_test_result="failed")
    known, raises = observe(Known(), shown, now)
    _, clears = observe(known, status("OL"), now)

    every = [*raises, *clears, Said("COMM_LOST_ON_BATTERY", Phase.RAISE, "COMMBAD")]

    assert len(every) > 25
    for each in every:
        event = accept(raw_event(each, "id-1", now), Device("dev-1", 1, 1), received_at=now, made_id="id-2")
        assert isinstance(event, AcceptedEvent)
        assert (event.code, event.phase, event.source) == (each.code, each.phase, "nut")
        assert event.native_text == (each.native_text or None)
        assert not event.suspect


@pytest.mark.parametrize("failure", [None, Retryable("away")])
async def test_it_ends_although_its_cancellation_was_lost(world: World, failure: Exception | None) -> None:
    step = AnsweredWhenCancelled()

    async def write(_watch: NutWatch) -> None:
        await step.wait()
        if failure:
            raise failure

    world.memory.write = write  # type: ignore[method-assign]
    await world.look(status("OB"))

    assert world._task is not None
    assert await step.ends(world._task)

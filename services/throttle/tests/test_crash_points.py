"""The worker stopped at every point where it waits, one test for each: what a reader sees is as without the crash.

The points come from a run without one, so a new await in the worker or the port is a new test. A point is a name of the
port and which time it is come to: `commit.after#3`.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache

import pytest

from ups_runtime.dlq import DrainCount, DrainLimit
from ups_runtime.errors import Retryable
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock
from ups_schemas.device import Policy
from ups_schemas.envelope import DeadLetterHeader
from ups_schemas.ids import period_id
from ups_schemas.topics import COMMANDS, DEAD_LETTERS, DECISIONS, DEVICES, EVENTS, SUPPRESSIONS, THROTTLE_STATE, Service
from ups_throttle.adapters.memory_log import MemoryLog, Place
from ups_throttle.adapters.memory_port import Crashed, MemoryPort
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.changelog import unframe
from ups_throttle.metrics import Instruments
from ups_throttle.records import SENTINEL_KEY, TAKEOVER_KEY, Payload
from ups_throttle.testing.idle import play
from ups_throttle.testing.samples import START, device, enable, event, payload
from ups_throttle.worker import Tools, Worker

pytestmark = pytest.mark.usefixtures("quiet")

SHORT = Policy(limit=2, window_s=1800, period_s=3600)
LATER = START + timedelta(hours=2)
LETTERS = DEAD_LETTERS[Service.THROTTLE].name
PATIENCE = 1000


class Story:
    """Batches with a trip, a period's end by time and one by hand, poison, a newer snapshot, two devices."""

    def __init__(self, crash_at: str = "", error: BaseException | None = None) -> None:
        self.points: list[str] = []
        self.starts = 0
        self._crash_at, self._error = crash_at, error
        self._times: Counter[str] = Counter()
        self._clock = FakeClock(LATER)
        self._log = MemoryLog(self._clock)
        self._instruments = Instruments(Metrics("throttle"))
        self._task: asyncio.Task[None] | None = None
        self._chapters: list[Callable[[], None]] = [self._another_ends_by_hand]
        self._idle = 0

    def tell(self) -> object:
        self._a_period_ends_by_time()
        play(self._next)
        return self._seen()

    def _next(self) -> bool:
        self._idle += 1
        assert self._idle < PATIENCE, "it does not come to rest"
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._worker().run())
        elif not self._is_decided():
            self._clock.advance(timedelta(milliseconds=100))
        elif self._chapters:
            self._chapters.pop(0)()
        else:
            return False
        return True

    def _worker(self) -> Worker:
        self.starts += 1
        tools = Tools(
            partitions=1,
            wire=CloudEventsWire(Service.THROTTLE, self._clock),
            clock=self._clock,
            instruments=self._instruments,
            new_id=self._new_id,
            new_drain=lambda: DrainCount(DrainLimit()),
            timers_at_once=1,
        )
        return Worker(0, lambda: MemoryPort(self._log, 0, point=self._at, batch_records=2, fetched={}), tools)

    def _new_id(self) -> bytes:
        return str(len(self.points)).encode()

    async def _at(self, name: str) -> None:
        self._times[name] += 1
        self.points.append(f"{name}#{self._times[name]}")
        if self.points[-1] == self._crash_at and self._error is not None:
            raise self._error

    def _is_decided(self) -> bool:
        """Whether all that was written is committed, and no timer is left that is due."""
        ends = {Place(topic.name, 0): self._log.end(topic.name, 0) for topic in (EVENTS, COMMANDS)}
        periods = [record.value or b"" for record in self._log.read(SUPPRESSIONS.name, 0)]
        enabled = sum(b'"enabled_at"' in value for value in periods)
        return self._log.offsets == ends and enabled == 2 - len(self._chapters)

    def _a_period_ends_by_time(self) -> None:
        self._add(device(policy=SHORT), device("d-2", policy=SHORT))
        recent = [event(number, "d-2", received_at=LATER - timedelta(seconds=9)) for number in (1, 2, 3)]
        self._add(event(1), recent[0], event(2))
        self._log.append(EVENTS.name, 0, Payload(b"d-1", b"\xff"))
        self._add(event(3), recent[1], event(4), recent[2])

    def _another_ends_by_hand(self) -> None:
        self._add(device(version=2, policy=SHORT), event(5, device_version=2, received_at=LATER))
        self._add(enable(period_id("d-2", "d-2-e-3"), "d-2", enabled_at=LATER))

    def _add(self, *messages: object) -> None:
        topics = {"AcceptedEvent": EVENTS, "DeviceSnapshot": DEVICES, "EnableNotifications": COMMANDS}
        for message in messages:
            self._log.append(topics[type(message).__name__].name, 0, payload(message))  # type: ignore[arg-type]

    def _seen(self) -> object:
        """All that a committed-only reader can tell of: outputs in order, the state as it adds up, the offsets."""
        outputs = {
            name: [
                (record.key, record.value, [pair for pair in record.headers if pair[0] != DeadLetterHeader.DEAD_AT])
                for record in self._log.read(name, 0)
            ]
            for name in (DECISIONS.name, SUPPRESSIONS.name, LETTERS)
        }
        state = {
            record.key: record.value and unframe(record.value).packed
            for record in self._log.read(THROTTLE_STATE.name, 0)
            if record.key not in {TAKEOVER_KEY, SENTINEL_KEY}
        }
        return outputs, state, self._log.offsets


@cache
def without_a_crash() -> tuple[list[str], object]:
    story = Story()
    seen = story.tell()
    return story.points, seen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "point" in metafunc.fixturenames:
        metafunc.parametrize("point", without_a_crash()[0])


def test_a_crash_after_any_await_changes_nothing_that_a_reader_sees(point: str) -> None:
    story = Story(point, Crashed())

    seen = story.tell()

    assert story.starts == 2
    assert seen == without_a_crash()[1]


def test_an_answer_that_does_not_come_changes_nothing_that_a_reader_sees(point: str) -> None:
    story = Story(point, Retryable("no answer"))

    seen = story.tell()

    assert story.starts == 1
    assert point in story.points
    assert seen == without_a_crash()[1]


def test_the_story_comes_to_every_point_of_the_port() -> None:
    names = {point.partition("#")[0] for point in without_a_crash()[0]}

    assert names == {
        *("fence.before", "fence.after", "committed", "changelog", "devices", "resume.before", "resume.after"),
        *("poll.before", "poll.after", "ends", "begin", "send.before", "send.after", "flush.before", "flush.after"),
        *("offsets.before", "offsets.after", "commit.before", "commit.after"),
    }

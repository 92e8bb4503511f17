"""What becomes of each record of a lane."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from ups_runtime.codec import Record
from ups_runtime.dlq import DrainCount, DrainLimit
from ups_runtime.errors import Fatal, Permanent, Retryable, Undecodable
from ups_runtime.lane import Handling, Lane, Retry, counters
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock, eventually
from ups_schemas.envelope import DeadLetterReason


@dataclass(frozen=True)
class ARecord:
    offset: int
    value: bytes | None = b"{}"
    key: bytes | None = b"k"
    headers: tuple[tuple[str, bytes | None], ...] = ()
    topic: str = "t"
    partition: int = 0
    timestamp: int = 0


@dataclass
class Letters:
    """Stands for DeadLetters; `failures` are raised first."""

    put_aside: list[tuple[int, DeadLetterReason, bool]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    async def put(self, record: Record, reason: DeadLetterReason, _error: str, *, without_value: bool = False) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.put_aside.append((record.offset, reason, without_value))


@dataclass
class Handler:
    """Handles each record; raises what `trouble` holds for its offset, one after the other."""

    trouble: dict[int, list[Exception]] = field(default_factory=dict)
    tried: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)

    async def handle(self, record: Record) -> None:
        self.tried.append(record.offset)
        if self.trouble.get(record.offset):
            raise self.trouble[record.offset].pop(0)
        self.done.append(record.offset)


@dataclass
class Bench:
    handler: Handler = field(default_factory=Handler)
    letters: Letters = field(default_factory=Letters)
    clock: FakeClock = field(default_factory=FakeClock)

    def lane(
        self,
        count: int = 3,
        *,
        drain: DrainLimit | None = None,
        batch: Callable[[Sequence[Record]], Awaitable[None]] | None = None,
        without_value: tuple[str, ...] = (),
    ) -> Lane:
        handling = Handling(
            self.handler.handle,
            batch,
            self.letters,  # type: ignore[arg-type] # as much of it as a lane asks for
            without_value,
            Retry(),
            self.clock,
            counters(Metrics("test")),
        )
        return Lane([ARecord(offset) for offset in range(count)], handling, DrainCount(drain) if drain else None)

    async def finish(self, lane: Lane) -> None:
        """Run the lane; whenever it waits, let the longest wait pass."""
        task = asyncio.create_task(lane.run())
        while not task.done():
            self.clock.advance(timedelta(seconds=30))
            await asyncio.sleep(0)
        await task


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_all_records_are_handled_in_order(bench: Bench) -> None:
    lane = bench.lane()

    await bench.finish(lane)

    assert bench.handler.done == [0, 1, 2]
    assert lane.next_offset == 3


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Permanent("no"), DeadLetterReason.REJECTED),
        (Permanent("no", DeadLetterReason.INVALID), DeadLetterReason.INVALID),
        (Undecodable("no"), DeadLetterReason.UNDECODABLE),
    ],
)
async def test_what_can_never_work_is_put_aside_at_once_and_its_neighbours_pass(
    bench: Bench, error: Exception, reason: DeadLetterReason
) -> None:
    bench.handler.trouble = {1: [error]}
    lane = bench.lane()

    await bench.finish(lane)

    assert bench.handler.tried == [0, 1, 2]
    assert bench.letters.put_aside == [(1, reason, False)]
    assert lane.next_offset == 3


async def test_what_may_work_is_tried_until_it_does_and_nothing_overtakes_it(bench: Bench) -> None:
    bench.handler.trouble = {1: [Retryable("not now") for _ in range(50)]}
    lane = bench.lane()

    await bench.finish(lane)

    assert bench.handler.tried == [0, *[1] * 51, 2]
    assert bench.letters.put_aside == []
    assert lane.next_offset == 3


async def test_a_lane_that_waits_says_for_what_and_may_commit_what_is_before(bench: Bench) -> None:
    bench.handler.trouble = {1: [Retryable("MongoDB: no primary")] * 2}
    lane = bench.lane()
    task = asyncio.create_task(lane.run())

    await eventually(lambda: lane.waits_for == "MongoDB: no primary")

    assert lane.next_offset == 1
    assert lane.trying_since is None
    lane.stop.set()
    await task
    assert bench.handler.done == [0]


async def test_an_unknown_error_is_tried_three_times_then_put_aside(bench: Bench) -> None:
    bench.handler.trouble = {1: [ZeroDivisionError() for _ in range(9)]}
    lane = bench.lane()

    await bench.finish(lane)

    assert bench.handler.tried == [0, 1, 1, 1, 2]
    assert bench.letters.put_aside == [(1, DeadLetterReason.FAILED, False)]


async def test_a_record_is_not_done_before_the_dead_letters_have_it(bench: Bench) -> None:
    bench.handler.trouble = {0: [Permanent("no")]}
    bench.letters.failures = [Retryable("no broker"), Permanent("too large"), ValueError("a bug")]
    lane = bench.lane(1)

    await bench.finish(lane)

    assert bench.handler.tried == [0]
    assert bench.letters.put_aside == [(0, DeadLetterReason.REJECTED, False)]
    assert lane.next_offset == 1


async def test_a_dead_letter_of_a_topic_with_secrets_has_no_value(bench: Bench) -> None:
    bench.handler.trouble = {0: [Permanent("no")]}

    await bench.finish(bench.lane(1, without_value=("t",)))

    assert bench.letters.put_aside == [(0, DeadLetterReason.REJECTED, True)]


async def test_the_record_that_breaks_the_limit_is_not_done(bench: Bench) -> None:
    bench.handler.trouble = {offset: [Permanent("no")] for offset in range(5)}
    lane = bench.lane(5, drain=DrainLimit(max_run=2))

    with pytest.raises(Fatal):
        await bench.finish(lane)

    assert lane.next_offset == 2


async def test_a_stopped_lane_ends_after_the_record_under_way(bench: Bench) -> None:
    lane = bench.lane()
    lane.stop.set()

    await bench.finish(lane)

    assert bench.handler.tried == []
    assert lane.next_offset is None


async def test_a_batch_is_handled_at_once(bench: Bench) -> None:
    seen: list[list[int]] = []

    async def batch(records: Sequence[Record]) -> None:
        seen.append([record.offset for record in records])

    lane = bench.lane(batch=batch)

    await bench.finish(lane)

    assert seen == [[0, 1, 2]]
    assert bench.handler.tried == []
    assert lane.next_offset == 3


async def test_a_batch_that_fails_is_taken_apart(bench: Bench) -> None:
    async def batch(_records: Sequence[Record]) -> None:
        raise Permanent("one of you")

    bench.handler.trouble = {1: [Permanent("no")]}
    lane = bench.lane(batch=batch)

    await bench.finish(lane)

    assert bench.handler.done == [0, 2]
    assert bench.letters.put_aside == [(1, DeadLetterReason.REJECTED, False)]
    assert lane.next_offset == 3


def test_waits_grow_to_a_cap() -> None:
    retry = Retry(first_s=1, cap_s=30)

    assert all(0 <= retry.wait_s(1) <= 1 for _ in range(20))
    assert max(retry.wait_s(1000) for _ in range(200)) > 15
    assert all(retry.wait_s(1000) <= 30 for _ in range(200))


def test_two_consumers_of_a_process_share_their_counters() -> None:
    metrics = Metrics("test")

    assert counters(metrics) is counters(metrics)

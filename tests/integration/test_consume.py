"""Consuming at least once: nothing is lost, nothing is overtaken, whatever goes wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from ups_devstack.stack import Backing
from ups_runtime.clock import SystemClock
from ups_runtime.codec import Record, parse
from ups_runtime.consume import consume
from ups_runtime.dlq import DeadLetters, DrainLimit
from ups_runtime.errors import ExitCode, Fatal, Retryable
from ups_runtime.health import Health
from ups_runtime.kafka import apply_topics, consumer, producer, started, topic_name
from ups_runtime.lane import Retry
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import eventually
from ups_runtime.testing.forged import forge
from ups_schemas.event import RawEvent
from ups_schemas.topics import INGEST, dead_letters

DEAD = dead_letters("test")  # type: ignore[arg-type] # a service of the test's own
TOPIC = replace(INGEST, partitions=4)

GOOD = b'{"code":"ONBATT"}'


@dataclass
class Worker:
    """A consumer of the group, and what it has handled."""

    handled: list[tuple[int, int]] = field(default_factory=list)
    trouble: Callable[[Record], None] = lambda _record: None
    health: Health = field(default_factory=lambda: Health(SystemClock()))

    async def handle(self, record: Record) -> None:
        self.trouble(record)
        parse(record.value, RawEvent)
        self.handled.append((record.partition, record.offset))

    def offsets(self, partition: int) -> list[int]:
        return [offset for number, offset in self.handled if number == partition]


@dataclass
class Bench:
    kafka: KafkaSettings
    producer: AIOKafkaProducer
    topic: str

    async def write(self, partition: int, *values: bytes | None, headers: Any = ()) -> None:
        for value in values:
            await self.producer.send_and_wait(
                self.topic, value=value, key=b"k", partition=partition, headers=list(headers)
            )

    async def run(self, worker: Worker, **options: Any) -> None:
        clock, metrics = SystemClock(), Metrics("test")
        letters = DeadLetters(self.producer, topic_name(self.kafka, DEAD), "test", metrics, clock)
        async with started(consumer(self.kafka, "test")) as client:
            await consume(
                client,
                worker.handle,
                dead_letters=letters,
                clock=clock,
                metrics=metrics,
                heartbeat=worker.health.progress("consume", 30),
                topics=[self.topic],
                health=worker.health,
                **({"retry": Retry(first_s=0.02, cap_s=0.1)} | options),
            )

    @asynccontextmanager
    async def running(self, worker: Worker, **options: Any) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.run(worker, **options))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def committed(self, partition: int) -> int | None:
        async with started(consumer(self.kafka, "test")) as client:
            offset: int | None = await client.committed(TopicPartition(self.topic, partition))
            return offset

    async def dead_count(self, count: int) -> bool:
        return len(await self.dead()) == count

    async def dead(self) -> list[Any]:
        partition = TopicPartition(topic_name(self.kafka, DEAD), 0)
        async with started(consumer(self.kafka, None)) as client:
            client.assign([partition])
            batches = await client.getmany(timeout_ms=1000)
            return list(batches.get(partition, []))


@pytest.fixture
async def bench(stack: Backing, prefix: str) -> AsyncIterator[Bench]:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix, session_timeout_s=6)
    await apply_topics(kafka, [TOPIC, DEAD], 1, get_logger("test"))
    async with started(producer(kafka, "test")) as client:
        yield Bench(kafka, client, topic_name(kafka, TOPIC))


async def test_poison_goes_to_the_dead_letters_as_it_came_and_its_neighbours_pass(bench: Bench) -> None:
    headers = [("ce_id", b"\xff\xfe"), ("nothing", None)]
    await bench.write(0, GOOD)
    await bench.write(0, b"\xff\x00poison", headers=headers)
    await bench.write(0, None, GOOD)
    worker = Worker()

    async with bench.running(worker):
        await eventually(lambda: worker.offsets(0) == [0, 3])
        letters = await eventually(bench.dead)

    assert [letter.value for letter in letters] == [b"\xff\x00poison", None]
    assert [letter.key for letter in letters] == [b"k", b"k"]
    assert list(letters[0].headers[:2]) == headers
    assert [dict(letter.headers)["dlq_reason"] for letter in letters] == [b"undecodable", b"invalid"]
    assert dict(letters[0].headers)["dlq_offset"] == b"1"
    assert await bench.committed(0) == 4


async def test_a_record_that_the_library_cannot_read_is_stepped_over_and_told(bench: Bench) -> None:
    forge(bench.producer)
    await bench.write(0, GOOD, GOOD)
    await bench.write(0, GOOD, headers=[("HOSTILE", b"x")])
    await bench.write(0, GOOD)
    await bench.write(1, GOOD)
    await bench.write(1, GOOD, headers=[("HOSTILE", b"x")])
    worker = Worker()

    async with bench.running(worker):
        await eventually(lambda: worker.offsets(0) == [0, 1, 3] and worker.offsets(1) == [0])
        await eventually(lambda: bench.dead_count(2))

    letters = [dict(letter.headers) for letter in await bench.dead()]
    assert {(headers["dlq_partition"], headers["dlq_offset"]) for headers in letters} == {(b"0", b"2"), (b"1", b"1")}
    assert await bench.committed(0) == 4


@pytest.mark.parametrize("poisoned", range(4))
async def test_what_the_library_cannot_read_costs_no_other_partition_a_record(bench: Bench, poisoned: int) -> None:
    forge(bench.producer)
    sound = [partition for partition in range(4) if partition != poisoned]
    for partition in sound:
        await bench.write(partition, *[GOOD] * 20)
    await bench.write(poisoned, GOOD, headers=[("HOSTILE", b"x")])
    worker = Worker()

    async with bench.running(worker):
        await eventually(lambda: bench.dead_count(1))
        for partition in sound:
            await bench.write(partition, GOOD)
        await eventually(lambda: all(worker.offsets(partition)[-1:] == [20] for partition in sound))

    assert [worker.offsets(partition) for partition in sound] == [[*range(21)]] * 3


async def test_a_gateway_may_compress_by_what_no_consumer_here_can_read(bench: Bench) -> None:
    forge(bench.producer)
    await bench.write(0, GOOD)
    await bench.write(0, GOOD, headers=[("ZSTD", b"x")])
    await bench.write(0, GOOD)
    worker = Worker()

    async with bench.running(worker):
        await eventually(lambda: worker.offsets(0) == [0, 1, 2])


async def test_what_cannot_work_now_holds_up_its_own_partition_only_and_in_order(bench: Bench) -> None:
    down = True

    def trouble(record: Record) -> None:
        if down and (record.partition, record.offset) == (0, 1):
            raise Retryable("MongoDB: no primary")

    await bench.write(0, *[GOOD] * 5)
    await bench.write(1, *[GOOD] * 5)
    worker = Worker(trouble=trouble)

    async with bench.running(worker):
        await eventually(lambda: worker.offsets(1) == [0, 1, 2, 3, 4])
        await eventually(lambda: "no primary" in str(worker.health.missing()))
        assert worker.offsets(0) == [0]
        assert worker.health.stuck() == {}

        down = False
        await eventually(lambda: worker.offsets(0) == [0, 1, 2, 3, 4])
        await eventually(lambda: worker.health.missing() == {})

    assert await bench.dead() == []


async def test_nothing_is_committed_that_was_not_handled(bench: Bench) -> None:
    def trouble(record: Record) -> None:
        if record.offset == 2:
            raise Retryable("not now")

    await bench.write(0, *[GOOD] * 5)
    worker = Worker(trouble=trouble)
    async with bench.running(worker):
        await eventually(lambda: worker.handled == [(0, 0), (0, 1)])

    assert await bench.committed(0) == 2

    second = Worker()
    async with bench.running(second):
        await eventually(lambda: second.offsets(0) == [2, 3, 4])


async def test_a_consumer_that_dies_leaves_what_it_did_not_commit_to_the_next(bench: Bench) -> None:
    await bench.write(0, *[GOOD] * 3)
    stuck = asyncio.Event()

    async def hang(_record: Record) -> None:
        stuck.set()
        await asyncio.Event().wait()

    worker = Worker()
    worker.handle = hang  # type: ignore[method-assign]
    async with bench.running(worker):
        await asyncio.wait_for(stuck.wait(), 10)

    assert await bench.committed(0) is None
    second = Worker()
    async with bench.running(second):
        await eventually(lambda: second.offsets(0) == [0, 1, 2])


async def test_members_that_come_and_go_lose_nothing_and_keep_the_order(bench: Bench) -> None:
    workers = [Worker() for _ in range(3)]
    written = 0

    async def write_more() -> None:
        nonlocal written
        for partition in range(4):
            await bench.write(partition, *[GOOD] * 10)
        written += 10

    def all_seen() -> bool:
        return len({pair for worker in workers for pair in worker.handled}) == 4 * written

    async def takes_part(worker: Worker) -> bool:
        await write_more()
        return bool(worker.handled)

    async with bench.running(workers[0]):
        await eventually(lambda: takes_part(workers[0]), every_s=0.2)
        async with bench.running(workers[1]):
            await eventually(lambda: takes_part(workers[1]), every_s=0.2)
            async with bench.running(workers[2]):
                await eventually(lambda: takes_part(workers[2]), every_s=0.2)
        await write_more()
        await eventually(all_seen, within_s=30)

    for partition in range(4):
        for worker in workers:
            offsets = worker.offsets(partition)
            assert offsets == sorted(offsets)
        assert await bench.committed(partition) == written


async def test_a_topic_full_of_poison_ends_the_process_and_not_the_topic(bench: Bench) -> None:
    await bench.write(0, *[b"poison"] * 20)

    with pytest.raises(Fatal) as raised:
        await asyncio.wait_for(bench.run(Worker(), drain=DrainLimit(max_run=5)), 30)

    assert raised.value.exit_code is ExitCode.POISON
    assert await bench.committed(0) == 5


async def test_a_batch_is_handled_at_once_and_taken_apart_when_it_fails(bench: Bench) -> None:
    batches: list[list[int]] = []

    async def handle_batch(records: Any) -> None:
        batches.append([record.offset for record in records])
        for record in records:
            parse(record.value, RawEvent)

    await bench.write(0, GOOD, GOOD, b"poison", GOOD)
    worker = Worker()

    async with bench.running(worker, handle_batch=handle_batch):
        await eventually(lambda: worker.offsets(0) == [0, 1, 3])

    assert batches == [[0, 1, 2, 3]]
    assert await bench.committed(0) == 4


async def test_it_goes_on_after_the_broker_was_away(stack: Backing, bench: Bench) -> None:
    await bench.write(0, GOOD)
    worker = Worker()
    async with bench.running(worker) as task:
        await eventually(lambda: worker.offsets(0) == [0])

        await stack.kill("kafka")
        await stack.start("kafka")
        async with started(producer(bench.kafka, "later")) as later:
            await later.send_and_wait(bench.topic, value=GOOD, key=b"k", partition=0)

        await eventually(lambda: 1 in worker.offsets(0), within_s=60)
        assert not task.done()

"""The broker of a run, and installations on it that know nothing of one another."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from rich.progress import Progress

from bench.workload import Workload, event_record, partition_of, snapshot_record
from ups_devstack.kafka import EmbeddedKafka
from ups_devstack.progress import Terminal
from ups_runtime.codec import Encoded
from ups_runtime.kafka import apply_topics, consumer, end_offsets, producer, scoped, started, topic_name
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import (
    COMMANDS,
    DEAD_LETTERS,
    DECISIONS,
    DEVICES,
    EVENTS,
    SUPPRESSIONS,
    THROTTLE_STATE,
    Service,
    Topic,
)

TOPICS = (EVENTS, DEVICES, COMMANDS, DECISIONS, SUPPRESSIONS, THROTTLE_STATE, DEAD_LETTERS[Service.THROTTLE])

BATCH_BYTES = 512 * 1024


@dataclass(frozen=True)
class Site:
    """One installation's topics on the broker of the run."""

    bootstrap: str
    prefix: str

    @property
    def kafka(self) -> KafkaSettings:
        """How its clients reach it."""
        return KafkaSettings(bootstrap_servers=self.bootstrap, prefix=self.prefix, session_timeout_s=6)

    def topic(self, topic: Topic) -> str:
        """The topic's name here."""
        return topic_name(self.kafka, topic)

    def group(self, name: str) -> str:
        """The group's id here."""
        return scoped(self.kafka, name)

    @property
    def environ(self) -> dict[str, str]:
        """The same for a process."""
        return {
            "UPS_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "UPS_KAFKA_PREFIX": self.prefix,
            "UPS_KAFKA_SESSION_TIMEOUT_S": "6",
            "UPS_HTTP_SIDE_HOST": "127.0.0.1",
            "UPS_HTTP_SIDE_PORT": "0",
            "PYTHONUNBUFFERED": "1",
        }


@contextmanager
def broker(folder: Path) -> Iterator[EmbeddedKafka]:
    """An embedded broker while the block runs."""
    kafka = EmbeddedKafka(folder / "kafka", folder / "logs")
    try:
        with Terminal() as terminal:
            kafka.start(terminal.report_for("Kafka"))
            terminal.finish("Kafka")
        yield kafka
    finally:
        kafka.close()


async def lay_out(site: Site) -> None:
    """Create its topics."""
    await apply_topics(site.kafka, TOPICS, 1, get_logger("bench"))


async def load_devices(site: Site, workload: Workload) -> None:
    """Write a snapshot of each device."""
    async with started(producer(site.kafka, "bench.load", max_batch_size=BATCH_BYTES)) as client:
        await _write(client, site.topic(DEVICES), map(snapshot_record, workload.snapshots()))


async def load_events(site: Site, workload: Workload, progress: Progress) -> None:
    """Write all events."""
    task = progress.add_task(f"load {workload.events:,} events", total=workload.events)
    counted = progress.track(workload.accepted(), task_id=task)
    async with started(producer(site.kafka, "bench.load", max_batch_size=BATCH_BYTES)) as client:
        await _write(client, site.topic(EVENTS), map(event_record, counted))
    progress.remove_task(task)


async def _write(client: AIOKafkaProducer, topic: str, records: Iterable[Encoded]) -> None:
    """Fill whole batches for each partition."""
    batch_by_partition: dict[int, Any] = {}  # Any: aiokafka's BatchBuilder
    acks: list[asyncio.Future[Any]] = []  # Any: its RecordMetadata

    async def hand_over(number: int) -> None:
        batch = batch_by_partition.pop(number)
        batch.close()
        acks.append(await client.send_batch(batch, topic, partition=number))

    for count, record in enumerate(records):
        number = partition_of(record.key)
        while not _append(batch_by_partition, client, number, record):
            await hand_over(number)
        if count % 500 == 0:
            await asyncio.sleep(0)
    for number in list(batch_by_partition):
        await hand_over(number)
    await asyncio.gather(*acks)


def _append(batch_by_partition: dict[int, Any], client: AIOKafkaProducer, number: int, record: Encoded) -> bool:
    batch = batch_by_partition.get(number)
    if batch is None:
        batch = batch_by_partition[number] = client.create_batch()
    added = batch.append(timestamp=record.timestamp_ms, key=record.key, value=record.value, headers=record.headers)
    return added is not None


async def ends_of(site: Site, topic: Topic) -> dict[TopicPartition, int]:
    """Where each partition of the topic ends."""
    partitions = [TopicPartition(site.topic(topic), number) for number in range(topic.partitions)]
    async with started(consumer(site.kafka, None)) as client:
        return await end_offsets(client, partitions)


@asynccontextmanager
async def tail(site: Site, topic: Topic) -> AsyncIterator[AIOKafkaConsumer]:
    """A read-committed reader of what is written from now on."""
    ends = await ends_of(site, topic)
    async with started(consumer(site.kafka, None, fetch_max_wait_ms=20)) as client:
        client.assign(list(ends))
        for partition, end in ends.items():
            client.seek(partition, end)
        yield client


async def committed(client: AIOKafkaAdminClient, site: Site, group: str) -> int:
    """The number of events that the group will not read again: the same question to every contender."""
    try:
        offsets = await client.list_consumer_group_offsets(site.group(group))
    except GroupCoordinatorNotAvailableError:
        return 0  # the broker makes its topic of offsets when it is first asked
    return sum(max(0, place.offset) for at, place in offsets.items() if at.topic == site.topic(EVENTS))

"""A real run: the throttle on real brokers, and the `ups` command beside it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from aiokafka import TopicPartition

from ups_cli.history.gather import GROUP, TOPICS
from ups_runtime.kafka import apply_topics, consumer, end_offsets, producer, started, topic_name
from ups_runtime.lifecycle import running
from ups_runtime.logging import get_logger
from ups_runtime.settings import HttpSettings, KafkaSettings, LogSettings
from ups_runtime.testing import eventually
from ups_runtime.testing.topics import read_all
from ups_schemas.device import DeviceSnapshot, EnableNotifications
from ups_schemas.event import AcceptedEvent
from ups_schemas.topics import COMMANDS, DEVICES, EVENTS, Service, Topic
from ups_throttle.app import start
from ups_throttle.settings import Settings, ThrottleSettings
from ups_throttle.testing.samples import payload

PARTITIONS = 2

Message = AcceptedEvent | DeviceSnapshot | EnableNotifications

_MAIN = "from ups_cli.app import main; main()"


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str


class Copy(NamedTuple):
    """A record as it is on the brokers."""

    partition: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


async def ups(kafka: KafkaSettings, folder: Path, *arguments: str, **more: str) -> Said:
    """Run the command against these brokers, from a folder without a stack; `more` settings."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("UPS_")}
    environ |= {
        "UPS_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "UPS_KAFKA_PREFIX": kafka.prefix,
        "TZ": "UTC",
    } | more
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _MAIN, *arguments),
        cwd=folder,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return Said(process.returncode or 0, stdout.decode(), stderr.decode())


async def make_topics(kafka: KafkaSettings) -> None:
    """Make what the throttle needs; with few partitions, since each is looked at."""
    topics = [replace(topic, partitions=min(PARTITIONS, topic.partitions)) for topic in TOPICS]
    await apply_topics(kafka, topics, 1, get_logger("test"))


async def write(kafka: KafkaSettings, *messages: Message) -> None:
    """Write messages as the other services do."""
    async with started(producer(kafka, "test")) as writer:
        for message in messages:
            given = payload(message)
            await writer.send_and_wait(
                topic_name(kafka, _topic_of(message)),
                given.value,
                given.key,
                timestamp_ms=given.timestamp_ms,
                headers=list(given.headers),
            )


async def decide(kafka: KafkaSettings, *messages: Message) -> None:
    """Write messages, and let a throttle run until it has decided on all there are."""
    await write(kafka, *messages)
    settings = Settings(kafka, HttpSettings(side_host="127.0.0.1"), LogSettings(), ThrottleSettings())
    async with running(Service.THROTTLE, settings, start) as life:
        await eventually(lambda: not life.health.missing(), within_s=30)
        check: Callable[[], bool | Awaitable[bool]] = partial(_has_decided, kafka)
        await eventually(check, within_s=30)


async def read(kafka: KafkaSettings, topic: Topic) -> list[Copy]:
    """All that the topic holds."""
    found = [
        Copy(record.partition, record.timestamp, record.key, record.value, record.headers)
        for record in await read_all(kafka, replace(topic, partitions=min(PARTITIONS, topic.partitions)))
    ]
    return sorted(found, key=lambda copy: copy.partition)


async def restore(kafka: KafkaSettings, topic: Topic, copies: Sequence[Copy]) -> None:
    """Write records as they were elsewhere."""
    async with started(producer(kafka, "test")) as writer:
        for copy in copies:
            await writer.send_and_wait(
                topic_name(kafka, topic),
                copy.value,
                copy.key,
                partition=copy.partition,
                timestamp_ms=copy.timestamp_ms,
                headers=list(copy.headers),
            )


async def _has_decided(kafka: KafkaSettings) -> bool:
    places = [
        TopicPartition(topic_name(kafka, topic), number) for topic in (EVENTS, COMMANDS) for number in range(PARTITIONS)
    ]
    async with started(consumer(kafka, GROUP)) as asker:
        ends = await end_offsets(asker, places)
        asker.assign(places)
        return all([(await asker.committed(place) or 0) >= end for place, end in ends.items()])


def _topic_of(message: Message) -> Topic:
    match message:
        case AcceptedEvent():
            return EVENTS
        case DeviceSnapshot():
            return DEVICES
        case EnableNotifications():
            return COMMANDS

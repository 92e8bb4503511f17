"""The throttle's port on a real broker keeps the contract that the fake keeps."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from ups_devstack.stack import Backing
from ups_runtime.errors import ExitCode, Fatal, Retryable
from ups_runtime.kafka import apply_topics, consumer, end_offsets, producer, started, topic_name, transactional_producer
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import eventually
from ups_runtime.testing.forged import forge
from ups_schemas.envelope import milliseconds
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
from ups_throttle.adapters import kafka
from ups_throttle.adapters.kafka import GROUP, KafkaPort
from ups_throttle.port import BrokerRefused, Port
from ups_throttle.records import Offsets, Outgoing, Payload, Raw, Role, Source
from ups_throttle.testing.port_contract import PortContract, take_over, transact

TOPIC_BY_SOURCE = {Source.EVENTS: EVENTS, Source.COMMANDS: COMMANDS, Source.DEVICES: DEVICES}
TOPIC_BY_ROLE = {
    Role.DECISION: DECISIONS,
    Role.SUPPRESSION: SUPPRESSIONS,
    Role.CHANGELOG: THROTTLE_STATE,
    Role.DEAD_LETTER: DEAD_LETTERS[Service.THROTTLE],
}
NUMBER = 5


class KafkaWorld:
    def __init__(
        self, settings: KafkaSettings, events: AIOKafkaConsumer, asker: AIOKafkaConsumer, writer: AIOKafkaProducer
    ) -> None:
        self._settings = settings
        self._events = events
        self._asker = asker
        self._writer = writer
        self.ports: list[KafkaPort] = []

    def open(self) -> Port:
        port = KafkaPort(self._settings, NUMBER, self._events, self._asker, batch_records=3)
        self.ports.append(port)
        return port

    async def append(self, source: Source, payload: Payload) -> None:
        await self._write(self._writer, TOPIC_BY_SOURCE[source], payload)

    async def append_together(self, source: Source, *payloads: Payload, commits: bool) -> None:
        async with started(transactional_producer(self._settings, "relay")) as relay:
            await relay.begin_transaction()
            for payload in payloads:
                await self._write(relay, TOPIC_BY_SOURCE[source], payload)
            await (relay.commit_transaction() if commits else relay.abort_transaction())
        # the coordinator answers before its marker is there
        partition = TopicPartition(topic_name(self._settings, TOPIC_BY_SOURCE[source]), NUMBER)
        async with started(consumer(self._settings, None, isolation_level="read_uncommitted")) as written:

            async def is_over() -> bool:
                return await end_offsets(self._asker, [partition]) == await end_offsets(written, [partition])

            await eventually(is_over)

    async def append_beside(self, role: Role, payload: Payload) -> None:
        await self._write(self._writer, TOPIC_BY_ROLE[role], payload)

    async def append_forged(self, topic: Topic, payload: Payload) -> None:
        async with started(producer(self._settings, "forging")) as forging:
            forge(forging)
            await forging.send_and_wait(
                topic_name(self._settings, topic),
                payload.value,
                payload.key,
                partition=NUMBER,
                headers=list(payload.headers),
            )

    async def _write(self, writer: AIOKafkaProducer, topic: Topic, payload: Payload) -> None:
        await writer.send_and_wait(
            topic_name(self._settings, topic),
            payload.value,
            payload.key,
            partition=NUMBER,
            timestamp_ms=payload.timestamp_ms,
            headers=list(payload.headers),
        )

    async def read(self, role: Role) -> Sequence[Raw]:
        partition = TopicPartition(topic_name(self._settings, TOPIC_BY_ROLE[role]), NUMBER)
        async with started(consumer(self._settings, None)) as reader:
            reader.assign([partition])
            end = (await end_offsets(reader, [partition]))[partition]
            records: list[Raw] = []
            while await reader.position(partition) < end:
                records += (await reader.getmany(partition, timeout_ms=100)).get(partition, [])
            return records


@pytest.fixture
async def world(stack: Backing, prefix: str) -> AsyncIterator[KafkaWorld]:
    settings = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    topics = [*TOPIC_BY_SOURCE.values(), *TOPIC_BY_ROLE.values()]
    await apply_topics(settings, topics, 1, get_logger("test"))
    events = consumer(settings, GROUP, offset_reset="none")
    events.subscribe([topic_name(settings, EVENTS)])
    asker = consumer(settings, None)
    async with started(events), started(asker), started(producer(settings, "test")) as writer:
        events.pause(*events.assignment())
        await end_offsets(events, events.assignment())
        running = KafkaWorld(settings, events, asker, writer)
        yield running
        for port in running.ports:
            await port.close()


class TestKafkaPort(PortContract):
    """The broker itself."""

    async def test_what_the_broker_refuses_is_told_apart_from_a_broker_that_is_away(self, world: KafkaWorld) -> None:
        port = world.open()
        await port.fence()
        in_a_week = milliseconds(datetime.now(UTC) + timedelta(days=7))

        with pytest.raises(BrokerRefused, match="InvalidTimestampError"):
            await transact(port, Outgoing(Role.DECISION, Payload(b"d-1", b"ahead", (), in_a_week)))

    async def test_a_changelog_that_cannot_be_read_is_no_changelog_that_is_empty(self, world: KafkaWorld) -> None:
        await world.append_forged(THROTTLE_STATE, Payload(b"d-1", b"state", [("HOSTILE", b"x")]))

        with pytest.raises(Fatal) as fatal:
            await take_over(world.open(), Offsets(0, 0))

        assert fatal.value.exit_code is ExitCode.STALE_STATE

    async def test_devices_of_which_no_more_comes_are_not_waited_for_without_end(
        self, world: KafkaWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await world.append(Source.DEVICES, Payload(b"d-1", None))
        port = world.open()
        await take_over(port, Offsets(0, 0))
        monkeypatch.setattr(kafka, "SILENCE_DEADLINE_S", 1.0)
        end_of = port._end

        async def one_more_than_there_is(partition: TopicPartition) -> int:
            return await end_of(partition) + 1

        monkeypatch.setattr(port, "_end", one_more_than_there_is)

        async def read() -> None:
            async for _ in port.devices_to_end():
                pass

        with pytest.raises(Retryable, match="cannot read the devices"):
            await asyncio.wait_for(read(), 60)

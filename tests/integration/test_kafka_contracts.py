"""What we lean on in aiokafka and in the broker, shown on a real one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError, RequestTimedOutError
from aiokafka.protocol.transaction import EndTxnRequest

from ups_devstack.stack import Backing
from ups_runtime.errors import Fenced, Retryable
from ups_runtime.kafka import (
    OutcomeUnknownError,
    TransactionalProducer,
    apply_topics,
    consumer,
    end_offsets,
    map_kafka_errors,
    poll,
    producer,
    started,
    topic_name,
    transactional_producer,
    wait_for_kafka,
)
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import eventually
from ups_runtime.testing.forged import forge
from ups_schemas.topics import EVENTS, INGEST


@pytest.fixture
async def kafka(stack: Backing, prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(settings, [INGEST, EVENTS], 1, get_logger("test"))
    return settings


@pytest.fixture
def topic(kafka: KafkaSettings) -> str:
    return topic_name(kafka, INGEST)


@pytest.fixture
async def writer(kafka: KafkaSettings) -> AsyncIterator[TransactionalProducer]:
    async with started(transactional_producer(kafka, "throttle.0")) as client:
        yield client


async def write(client: Any, topic: str, value: bytes) -> None:
    await (await client.send(topic, value=value, key=b"k", partition=0))


async def read(kafka: KafkaSettings, topic: str) -> list[bytes]:
    partition = TopicPartition(topic, 0)
    values: list[bytes] = []
    async with started(consumer(kafka, None)) as asker, started(consumer(kafka, None)) as reader:
        reader.assign([partition])
        end = (await end_offsets(asker, [partition]))[partition]
        while await reader.position(partition) < end:
            for batch in (await reader.getmany(timeout_ms=100)).values():
                values += [record.value for record in batch]
    return values


async def test_the_next_producer_of_an_id_fences_the_one_before(
    kafka: KafkaSettings, topic: str, writer: TransactionalProducer
) -> None:
    await writer.begin_transaction()
    await write(writer, topic, b"before")

    async with started(transactional_producer(kafka, "throttle.0")) as successor:
        with pytest.raises(Fenced), map_kafka_errors():
            await writer.commit_transaction()
        await successor.begin_transaction()
        await write(successor, topic, b"after")
        await successor.commit_transaction()

    assert await read(kafka, topic) == [b"after"]


async def test_a_fenced_producer_is_of_no_more_use_and_says_why(
    kafka: KafkaSettings, topic: str, writer: TransactionalProducer
) -> None:
    async with started(transactional_producer(kafka, "throttle.0")):
        await writer.begin_transaction()
        with pytest.raises(Fenced), map_kafka_errors():
            await write(writer, topic, b"late")

        with pytest.raises(IllegalOperation):
            await write(writer, topic, b"later")
        with pytest.raises(Fenced), map_kafka_errors():
            raise writer.failure or AssertionError


async def test_a_lost_answer_to_a_commit_is_not_asked_for_again(
    kafka: KafkaSettings, topic: str, writer: TransactionalProducer
) -> None:
    ends = 0
    send = writer.client.send

    async def lose_the_answer(node: int, request: Any, **options: Any) -> Any:
        nonlocal ends
        answer = await send(node, request, **options)
        if isinstance(request, EndTxnRequest):
            ends += 1
            raise RequestTimedOutError
        return answer

    writer.client.send = lose_the_answer
    await writer.begin_transaction()
    await write(writer, topic, b"doubtful")

    with pytest.raises(KafkaError) as raised:
        await writer.commit_transaction()

    assert isinstance(raised.value.__cause__, OutcomeUnknownError)
    assert ends == 1
    assert writer.failure is raised.value
    with pytest.raises(AssertionError):
        await writer.begin_transaction()
    async with started(transactional_producer(kafka, "throttle.0")) as successor:
        await successor.begin_transaction()
        await write(successor, topic, b"next")
        await successor.commit_transaction()
    assert await read(kafka, topic) == [b"doubtful", b"next"]


async def test_leaving_aborts_what_was_begun(kafka: KafkaSettings, topic: str) -> None:
    async with started(transactional_producer(kafka, "other")) as client:
        await client.begin_transaction()
        await write(client, topic, b"unfinished")

    assert await read(kafka, topic) == []


async def test_offsets_in_a_transaction_are_those_of_the_group(kafka: KafkaSettings, topic: str) -> None:
    partition = TopicPartition(topic, 0)
    async with (
        started(transactional_producer(kafka, "other")) as client,
        started(consumer(kafka, "throttle")) as reader,
    ):
        await client.begin_transaction()
        await client.send_offsets_to_transaction({partition: 5}, f"{kafka.prefix}.throttle")
        await client.commit_transaction()

        assert await reader.committed(partition) == 5


async def test_an_ack_means_that_the_record_survives_the_broker(
    stack: Backing, kafka: KafkaSettings, topic: str
) -> None:
    async with started(producer(kafka, "test")) as client:
        await write(client, topic, b"kept")

    await stack.kill("kafka")
    await stack.start("kafka")

    assert await read(kafka, topic) == [b"kept"]


async def test_null_and_binary_headers_pass_through(kafka: KafkaSettings, topic: str) -> None:
    headers = [("null", None), ("binary", b"\xff\x00"), ("empty", b"")]
    partition = TopicPartition(topic, 0)
    async with started(producer(kafka, "test")) as client, started(consumer(kafka, None)) as reader:
        await client.send_and_wait(topic, value=b"v", key=None, partition=0, headers=headers)
        reader.assign([partition])

        record = await asyncio.wait_for(reader.getone(partition), 10)

    assert list(record.headers) == headers


async def test_a_timestamp_too_far_ahead_is_refused(kafka: KafkaSettings) -> None:
    ahead_ms = 4_000_000_000_000

    async with started(producer(kafka, "test")) as client:
        with pytest.raises(Retryable, match="InvalidTimestamp"), map_kafka_errors():
            await client.send_and_wait(topic_name(kafka, EVENTS), value=b"v", key=b"k", timestamp_ms=ahead_ms)


async def test_a_key_has_the_partition_that_other_languages_give_it(kafka: KafkaSettings, topic: str) -> None:
    # Utils.toPositive(murmur2("21")) % 12, by Kafka's own Java client
    async with started(producer(kafka, "test")) as client:
        sent = await client.send_and_wait(topic, value=b"v", key=b"21")

    assert sent.partition == (-973932308 & 0x7FFFFFFF) % 12


async def test_a_broker_that_is_away_is_waited_for(stack: Backing, kafka: KafkaSettings) -> None:
    await stack.stop("kafka")
    waiting = asyncio.create_task(wait_for_kafka(kafka, get_logger("test")))
    await stack.start("kafka")

    await asyncio.wait_for(waiting, 60)


async def test_a_poll_in_the_way_of_which_something_stood_does_not_pass_for_an_empty_one(
    kafka: KafkaSettings, topic: str
) -> None:
    partition = TopicPartition(topic, 0)
    async with started(producer(kafka, "forging")) as forging:
        forge(forging)
        await forging.send_and_wait(topic, b"1", b"k", partition=0, headers=[("HOSTILE", b"x")])
        await forging.send_and_wait(topic, b"2", b"k", partition=0)
    async with started(consumer(kafka, None)) as reader:
        reader.assign([partition])
        reader.seek(partition, 0)
        await eventually(lambda: reader.highwater(partition))

        polled = await poll(reader, 0, 1)

        assert polled.failed


async def test_a_record_that_nobody_can_read_is_found_beside_a_quiet_partition(
    kafka: KafkaSettings, topic: str
) -> None:
    quiet, poisoned = TopicPartition(topic_name(kafka, EVENTS), 0), TopicPartition(topic, 0)
    async with started(consumer(kafka, None)) as reader, started(producer(kafka, "forging")) as forging:
        forge(forging)
        reader.assign([quiet, poisoned])
        await poll(reader, 10, partitions=[quiet, poisoned])
        await forging.send_and_wait(topic, b"1", b"k", partition=0, headers=[("HOSTILE", b"x")])
        await forging.send_and_wait(topic, b"2", b"k", partition=0)

        found: list[Any] = []
        async with asyncio.timeout(10):
            while len(found) < 2:
                polled = await poll(reader, 250, partitions=[quiet, poisoned])
                found += [("unreadable", each.offset) for each in polled.unreadable]
                found += [("read", each.offset) for each in polled.batches.get(poisoned, [])]

        assert found == [("unreadable", 0), ("read", 1)]

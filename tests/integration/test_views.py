"""A view knows when it is at its topic's end, also where the end holds no records."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from ups_devstack.stack import Backing
from ups_runtime.errors import Retryable
from ups_runtime.kafka import (
    TransactionalProducer,
    View,
    apply_topics,
    consumer,
    end_offsets,
    producer,
    started,
    topic_name,
    transactional_producer,
)
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import AnsweredWhenCancelled, FakeClock, eventually
from ups_schemas.topics import DEVICES, SIGNING_KEYS


@dataclass
class Seen:
    values: dict[bytes, bytes] = field(default_factory=dict)

    def apply(self, key: bytes, value: bytes | None, _record: Any) -> None:
        if value == b"poison":
            raise ValueError("cannot be read")
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value


@pytest.fixture
async def kafka(stack: Backing, prefix: str) -> KafkaSettings:
    settings = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(settings, [DEVICES, SIGNING_KEYS], 1, get_logger("test"))
    return settings


@pytest.fixture
async def writer(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    async with started(producer(kafka, "test")) as client:
        yield client


@pytest.fixture
async def transactions(kafka: KafkaSettings) -> AsyncIterator[TransactionalProducer]:
    async with started(transactional_producer(kafka, "test")) as client:
        yield client


async def commit(client: TransactionalProducer, topic: str, **values: bytes) -> None:
    await client.begin_transaction()
    for key, value in values.items():
        await (await client.send(topic, value=value, key=key.encode()))
    await client.commit_transaction()


async def abort(client: TransactionalProducer, topic: str, **values: bytes) -> None:
    await client.begin_transaction()
    for key, value in values.items():
        await (await client.send(topic, value=value, key=key.encode()))
    await client.abort_transaction()


async def test_an_empty_topic_is_complete_at_once(kafka: KafkaSettings) -> None:
    async with View(kafka, DEVICES, Seen().apply) as view:
        await view.read_to_end()

        assert view.complete
        assert view.missing() is None


@pytest.mark.parametrize("failure", [None, KafkaError()])
async def test_it_ends_although_its_cancellation_was_lost(kafka: KafkaSettings, failure: Exception | None) -> None:
    step = AnsweredWhenCancelled()
    view = View(kafka, DEVICES, Seen().apply)

    async def turn(_client: Any) -> None:
        await step.wait()
        if failure:
            raise failure

    view._turn = turn  # type: ignore[method-assign]

    assert await step.ends(asyncio.create_task(view._follow()))


async def test_it_holds_the_last_value_of_each_key_and_no_removed_one(
    kafka: KafkaSettings, writer: AIOKafkaProducer
) -> None:
    topic = topic_name(kafka, DEVICES)
    for key, value in [(b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"c", b"1"), (b"b", None)]:
        await writer.send_and_wait(topic, value=value, key=key)
    seen = Seen()

    async with View(kafka, DEVICES, seen.apply) as view:
        await view.read_to_end()

        assert seen.values == {b"a": b"2", b"c": b"1"}


async def test_all_that_was_committed_before_the_call_is_there_after_it(
    kafka: KafkaSettings, writer: AIOKafkaProducer
) -> None:
    seen = Seen()
    async with View(kafka, SIGNING_KEYS, seen.apply) as view:
        for number in range(20):
            await writer.send_and_wait(topic_name(kafka, SIGNING_KEYS), value=b"%d" % number, key=b"k")

            await view.read_to_end()

            assert seen.values[b"k"] == b"%d" % number


async def test_control_records_at_the_end_do_not_keep_it_from_its_end(
    kafka: KafkaSettings, transactions: TransactionalProducer
) -> None:
    topic = topic_name(kafka, SIGNING_KEYS)
    await commit(transactions, topic, a=b"1")
    await abort(transactions, topic, a=b"never", b=b"never")
    seen = Seen()

    async with View(kafka, SIGNING_KEYS, seen.apply) as view:
        await view.read_to_end()
        assert seen.values == {b"a": b"1"}

        await abort(transactions, topic, a=b"never")
        await view.read_to_end()
        assert seen.values == {b"a": b"1"}

        await commit(transactions, topic, a=b"2")
        await eventually(lambda: seen.values == {b"a": b"2"})


async def test_an_open_transaction_holds_back_what_follows_it_and_nothing_waits_for_it(
    kafka: KafkaSettings, transactions: TransactionalProducer, writer: AIOKafkaProducer
) -> None:
    topic = topic_name(kafka, SIGNING_KEYS)
    await transactions.begin_transaction()
    await (await transactions.send(topic, value=b"1", key=b"open"))
    await writer.send_and_wait(topic, value=b"1", key=b"behind")
    seen = Seen()

    async with View(kafka, SIGNING_KEYS, seen.apply) as view:
        await view.read_to_end()
        assert seen.values == {}

        await transactions.commit_transaction()
        await eventually(lambda: seen.values == {b"open": b"1", b"behind": b"1"})


async def test_calls_at_the_same_time_share_a_look(kafka: KafkaSettings, writer: AIOKafkaProducer) -> None:
    seen = Seen()
    async with View(kafka, SIGNING_KEYS, seen.apply) as view:
        await view.read_to_end()
        asked: list[None] = []
        look = view._ends

        async def counted() -> Any:
            asked.append(None)
            return await look()

        view._ends = counted  # type: ignore[method-assign]

        await asyncio.gather(*(view.read_to_end() for _ in range(100)))

        assert len(asked) <= 2


async def test_a_bad_record_is_passed_over(kafka: KafkaSettings, writer: AIOKafkaProducer) -> None:
    topic = topic_name(kafka, SIGNING_KEYS)
    for key, value in [(b"a", b"1"), (b"x", b"poison"), (b"b", b"1")]:
        await writer.send_and_wait(topic, value=value, key=key)
    seen = Seen()

    async with View(kafka, SIGNING_KEYS, seen.apply) as view:
        await view.read_to_end()

        assert seen.values == {b"a": b"1", b"b": b"1"}
        assert view.skipped == 1


async def test_an_idle_view_stays_fresh(kafka: KafkaSettings) -> None:
    clock = FakeClock()
    async with View(kafka, DEVICES, Seen().apply, clock=clock) as view:
        assert view.age_s == float("inf")
        await eventually(lambda: view.age_s == 0)
        clock.advance(timedelta(minutes=1))
        assert view.age_s == 60

        await eventually(lambda: view.age_s == 0)


async def test_a_view_of_a_topic_that_comes_later_waits_for_it(stack: Backing, prefix: str) -> None:
    settings = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    async with View(settings, SIGNING_KEYS, Seen().apply) as view:
        with pytest.raises(Retryable, match="not at its end"):
            await view.read_to_end(0.3)
        assert view.missing() == "not read to the end yet"

        await apply_topics(settings, [SIGNING_KEYS], 1, get_logger("test"))

        await eventually(lambda: view.complete)


async def test_it_goes_on_after_the_broker_was_away(
    stack: Backing, kafka: KafkaSettings, writer: AIOKafkaProducer
) -> None:
    topic = topic_name(kafka, SIGNING_KEYS)
    await writer.send_and_wait(topic, value=b"1", key=b"before")
    seen = Seen()
    async with View(kafka, SIGNING_KEYS, seen.apply) as view:
        await view.read_to_end()

        await stack.kill("kafka")
        with pytest.raises(Retryable):
            await view.read_to_end(0.5)
        await stack.start("kafka")
        async with started(producer(kafka, "later")) as later:
            await later.send_and_wait(topic, value=b"2", key=b"after")

        await eventually(lambda: seen.values == {b"before": b"1", b"after": b"2"}, within_s=60)
        await view.read_to_end(30)


async def test_the_end_that_a_reader_is_told_is_that_of_committed_records(
    kafka: KafkaSettings, transactions: TransactionalProducer
) -> None:
    topic = topic_name(kafka, SIGNING_KEYS)
    partition = TopicPartition(topic, 0)
    await transactions.begin_transaction()
    await (await transactions.send(topic, value=b"1", key=b"open"))

    async with started(consumer(kafka, None)) as client:
        client.assign([partition])
        assert await end_offsets(client, [partition]) == {partition: 0}
        with pytest.raises(Retryable):
            await end_offsets(client, [TopicPartition(topic, 99)], timeout_s=0.3)

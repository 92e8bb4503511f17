"""Asking a consumer for records, past those that its library cannot read."""

from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, UnsupportedCodecError

from ups_runtime.logging import get_logger

log = get_logger("kafka")

# Of a partition with an unreadable record, so many of those before it are taken at once.
MAX_CAREFUL = 500

# A header's name that is not UTF-8; a compression whose library is not installed.
_UNREADABLE = (UnicodeDecodeError, UnsupportedCodecError)


@dataclass
class Polled:
    """Records by partition, and the places of those that were stepped over because nobody could read them."""

    batches: dict[TopicPartition, list[Any]] = field(default_factory=dict)
    unreadable: list[tuple[TopicPartition, int]] = field(default_factory=list)


async def poll(consumer: AIOKafkaConsumer, timeout_ms: int, max_records: int | None = None) -> Polled:
    """What `getmany` gives, but it goes on where that would fail for ever, and loses nothing when it fails.

    A record that the library cannot parse makes it raise for the whole fetch, again and again. What it had taken from
    other partitions in the same call is gone then, and their positions are behind it. So no call here takes records of
    more than one partition.

    Raises:
        KafkaError: as `getmany`, and there are no records that could be given instead.
    """
    polled, failure = Polled(), None
    try:
        polled.batches |= await consumer.getmany(timeout_ms=timeout_ms, max_records=1)
    except (KafkaError, UnicodeDecodeError) as error:
        failure = error
    if not polled.batches and failure is None:
        return polled
    wait_ms = timeout_ms if failure else 0
    for partition in consumer.assignment() - consumer.paused():
        left = None if max_records is None else max_records - sum(map(len, polled.batches.values()))
        if left == 0:
            break
        try:
            await _take(consumer, partition, wait_ms, left, polled)
        except KafkaError as error:
            failure = error
            log.warning("poll.partition_failed", partition=partition.partition, error=type(error).__name__)
    if isinstance(failure, KafkaError) and not (polled.batches or polled.unreadable):
        raise failure
    return polled


async def _take(
    consumer: AIOKafkaConsumer, partition: TopicPartition, wait_ms: int, most: int | None, to: Polled
) -> None:
    try:
        more = await consumer.getmany(partition, timeout_ms=wait_ms, max_records=most)
    except _UNREADABLE:
        await _take_carefully(consumer, partition, wait_ms, to)
    else:
        for records in more.values():
            to.batches.setdefault(partition, []).extend(records)


async def _take_carefully(consumer: AIOKafkaConsumer, partition: TopicPartition, wait_ms: int, to: Polled) -> None:
    records = to.batches.get(partition, [])
    while len(records) < MAX_CAREFUL:
        try:
            batches = await consumer.getmany(partition, timeout_ms=wait_ms, max_records=1)
        except _UNREADABLE as error:
            # All before it were handed out, so at this place is it or nothing: nothing readable is stepped over.
            place = await consumer.position(partition)
            consumer.seek(partition, place + 1)
            to.unreadable.append((partition, place))
            log.error(
                "record.unreadable",
                topic=partition.topic,
                partition=partition.partition,
                offset=place,
                error=type(error).__name__,
            )
            break
        if not batches:
            break
        records += batches[partition]
    if records:
        to.batches[partition] = records

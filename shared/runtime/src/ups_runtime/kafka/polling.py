"""Asking a consumer for records, past those that its library cannot read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, UnsupportedCodecError

from ups_runtime.logging import get_logger

log = get_logger("kafka")

# Of a partition with an unreadable record, so many of those before it are taken at once.
MAX_CAREFUL = 500

# What the library dropped is fetched anew, behind a fetch of other partitions that waits for records (500 ms). Half of
# this, and a poll may give up each time shortly before it is there.
REFETCH_MS = 1000

# A header's name that is not UTF-8; a compression whose library is not installed.
_UNREADABLE = (UnicodeDecodeError, UnsupportedCodecError)


UNREADABLE = (
    "a header's name is not UTF-8, or its compression is not installed: only another client can show this record, at "
    "its place in the topic"
)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a record of which only the place is known."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass
class Polled:
    """Records by partition, and the places of those that were stepped over because nobody could read them.

    `failed`: something was in the way, also where it was got over. Then a partition without records need not be empty:
    the library drops what it has fetched and says nothing until it is fetched anew.
    """

    batches: dict[TopicPartition, list[Any]] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    failed: bool = False


async def poll(
    consumer: AIOKafkaConsumer,
    timeout_ms: int,
    max_records: int | None = None,
    *,
    partitions: Sequence[TopicPartition] = (),
) -> Polled:
    """What `getmany` gives, but it goes on where that would fail for ever, and loses nothing when it fails.

    It asks for `partitions`, or for all that are assigned and not paused. A record that the library cannot parse makes
    it raise for the whole fetch, again and again. What it had taken from other partitions in the same call is gone
    then, and their positions are behind it. So no call here takes records of more than one partition.

    Raises:
        KafkaError: as `getmany`, and there are no records that could be given instead.
    """
    polled, failure, wait_ms = Polled(), None, timeout_ms
    if len(partitions) != 1:
        try:
            polled.batches |= await consumer.getmany(*partitions, timeout_ms=timeout_ms, max_records=1)
        except (KafkaError, UnicodeDecodeError) as error:
            failure, polled.failed = error, True
        else:
            wait_ms = 0
            if not polled.batches:
                return polled
    for partition in partitions or consumer.assignment() - consumer.paused():
        left = None if max_records is None else max_records - sum(map(len, polled.batches.values()))
        if left == 0:
            break
        try:
            if isinstance(failure, _UNREADABLE):
                # It may be this one, if there is more of it.
                has_more = (consumer.highwater(partition) or 0) > await consumer.position(partition)
                wait_ms = REFETCH_MS if has_more else 0
            await _take(consumer, partition, wait_ms, left, polled)
        except KafkaError as error:
            failure, polled.failed = error, True
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
        to.failed = True
        await _take_carefully(consumer, partition, to)
    else:
        for records in more.values():
            to.batches.setdefault(partition, []).extend(records)


async def _take_carefully(consumer: AIOKafkaConsumer, partition: TopicPartition, to: Polled) -> None:
    records = to.batches.get(partition, [])
    try:
        while len(records) < MAX_CAREFUL:
            try:
                batches = await consumer.getmany(partition, timeout_ms=REFETCH_MS, max_records=1)
            except _UNREADABLE as error:
                # All before it were handed out, so at this place is it or nothing: nothing readable is stepped over.
                place = await consumer.position(partition)
                consumer.seek(partition, place + 1)
                to.unreadable.append(Unreadable(partition.topic, partition.partition, place))
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
    finally:
        # Also when another call failed: their places are behind us.
        if records:
            to.batches[partition] = records

"""Asking a consumer for records, past those that its library cannot read."""

from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from ups_runtime.logging import get_logger

log = get_logger("kafka")

# Of a partition with an unreadable record, so many of those before it are taken at once.
MAX_CAREFUL = 500


@dataclass
class Polled:
    """Records by partition, and the places of those that were stepped over because nobody could read them."""

    batches: dict[TopicPartition, list[Any]] = field(default_factory=dict)
    unreadable: list[tuple[TopicPartition, int]] = field(default_factory=list)


async def poll(consumer: AIOKafkaConsumer, timeout_ms: int, max_records: int | None = None) -> Polled:
    """What `getmany` gives, and it goes on where that would fail for ever.

    A header's name that is not UTF-8 makes the library raise for the whole fetch, again and again, and hands out
    nothing before or after it: one such record of a foreign writer would stop its reader.

    Raises:
        KafkaError: as `getmany`.
    """
    try:
        return Polled(await consumer.getmany(timeout_ms=timeout_ms, max_records=max_records))
    except UnicodeDecodeError:
        polled = Polled()
        for partition in consumer.assignment() - consumer.paused():
            await _carefully(consumer, partition, timeout_ms, polled)
        return polled


async def _carefully(consumer: AIOKafkaConsumer, partition: TopicPartition, timeout_ms: int, polled: Polled) -> None:
    records: list[Any] = []
    while len(records) < MAX_CAREFUL:
        try:
            batches = await consumer.getmany(partition, timeout_ms=0 if records else timeout_ms, max_records=1)
        except UnicodeDecodeError:
            # All before it were handed out, so at this place is it or nothing: nothing readable is stepped over.
            place = await consumer.position(partition)
            consumer.seek(partition, place + 1)
            polled.unreadable.append((partition, place))
            log.error("record.unreadable", topic=partition.topic, partition=partition.partition, offset=place)
            break
        if not batches:
            break
        records += batches[partition]
    if records:
        polled.batches[partition] = records

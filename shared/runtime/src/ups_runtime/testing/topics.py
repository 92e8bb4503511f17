"""What a read-committed consumer sees of a topic."""

import asyncio

from aiokafka import ConsumerRecord, TopicPartition

from ups_runtime.kafka import consumer, end_offsets, started, topic_name
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import Topic


async def read_all(kafka: KafkaSettings, topic: Topic, *, within_s: float = 60) -> list[ConsumerRecord]:
    """All committed records of the topic, as of now; those of a partition are in its order.

    Raises:
        TimeoutError: they were not all there in time.
    """
    partitions = [TopicPartition(topic_name(kafka, topic), number) for number in range(topic.partitions)]
    async with started(consumer(kafka, None)) as reader, asyncio.timeout(within_s):
        ends = await end_offsets(reader, partitions)
        reader.assign(partitions)
        records: list[ConsumerRecord] = []
        while any([await reader.position(partition) < end for partition, end in ends.items()]):
            for batch in (await reader.getmany(timeout_ms=200)).values():
                records += batch
        return records

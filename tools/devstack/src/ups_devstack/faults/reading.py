"""Following a topic from its beginning as a read-committed consumer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import TypeAdapter

from ups_runtime.kafka import consumer, started, topic_name
from ups_runtime.settings import KafkaSettings
from ups_schemas.decision import Decision
from ups_schemas.topics import Topic

DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)


@dataclass
class Reader:
    """Follows a topic; `records` are all so far, and `read` adds what has come."""

    client: AIOKafkaConsumer
    records: list[Any] = field(default_factory=list)  # Any: aiokafka's ConsumerRecord

    async def read(self) -> list[Any]:
        """Take what is there."""
        while batches := await self.client.getmany(timeout_ms=50):
            self.records += [record for batch in batches.values() for record in batch]
        return self.records

    async def decisions(self, device_id: str | None = None) -> list[Decision]:
        """Give all decisions so far, of one device or of all."""
        found = [DECISION.validate_json(record.value) for record in await self.read()]
        return [decision for decision in found if device_id in (None, decision.device_id)]


@asynccontextmanager
async def reading(kafka: KafkaSettings, topic: Topic) -> AsyncIterator[Reader]:
    """Follow a topic from its beginning while the block runs."""
    async with started(consumer(kafka, None)) as client:
        client.assign([TopicPartition(topic_name(kafka, topic), number) for number in range(topic.partitions)])
        yield Reader(client)

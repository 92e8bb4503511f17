"""What a throttle wrote: how many records on each topic, and of what size."""

from dataclasses import asdict, dataclass
from typing import Any

from aiokafka import TopicPartition

from bench.cluster import Site, ends_of
from ups_runtime.kafka import consumer, started
from ups_schemas.topics import DECISIONS, SUPPRESSIONS, THROTTLE_STATE, Topic

SAMPLED = 3_000


@dataclass(frozen=True)
class Stream:
    """A topic's records: how many for each event, and the mean bytes of their values."""

    per_event: float
    size: int


async def shape_of(site: Site, events: int) -> dict[str, Stream]:
    """What was written for these events, as a read-committed reader sees it.

    Counted over two partitions, which the generator does not favour, and scaled up by offsets.
    """
    return {topic.name: await _stream(site, topic, events) for topic in (DECISIONS, SUPPRESSIONS, THROTTLE_STATE)}


async def _stream(site: Site, topic: Topic, events: int) -> Stream:
    ends = await ends_of(site, topic)
    records = size = span = 0
    async with started(consumer(site.kafka, None)) as client:
        client.assign(list(ends))
        seen: dict[TopicPartition, int] = dict.fromkeys(ends, 0)
        while records < SAMPLED and (batches := await client.getmany(timeout_ms=1000, max_records=SAMPLED)):
            for at, batch in batches.items():
                records += len(batch)
                size += sum(len(record.value or b"") for record in batch)
                span += batch[-1].offset + 1 - seen[at]
                seen[at] = batch[-1].offset + 1
    if not records:
        return Stream(0, 0)
    # offsets count the markers of transactions too: one for each partition and transaction
    return Stream(sum(ends.values()) * records / span / events, round(size / records))


def as_json(shape: dict[str, Stream]) -> dict[str, Any]:  # Any: JSON
    """For reports, and for the plain loop's environment."""
    return {name: asdict(stream) for name, stream in shape.items()}

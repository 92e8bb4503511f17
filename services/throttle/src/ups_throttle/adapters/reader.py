"""Partitions of a consumer fetched in the background, with how far each is known to be read."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from ups_runtime.kafka import Polled, Unreadable, poll

# A turn of a reader. Longer, and a partition that is let go is waited for longer.
TURN_MS = 250


@dataclass(slots=True)
class Turn:
    """What one fetch gave, and how far each partition is known to be read after it."""

    records: Mapping[TopicPartition, list[Any]] = field(default_factory=dict)  # Any: aiokafka's ConsumerRecord
    reached: dict[TopicPartition, int] = field(default_factory=dict)
    unreadable: Sequence[Unreadable] = ()

    def unreadable_of(self, partition: TopicPartition) -> list[Unreadable]:
        """Those of one partition."""
        return [each for each in self.unreadable if (each.topic, each.partition) == partition]


class Reader:
    """Fetches partitions of a consumer, one turn after the other, in a task of its own.

    aiokafka's `getmany` ignores its time-out while the group rebalances: whoever waits for a turn can stop waiting, and
    take the turn later.
    """

    def __init__(self, client: AIOKafkaConsumer, partitions: Sequence[TopicPartition], max_records: int) -> None:
        self._client = client
        self._partitions = partitions
        self._max_records = max_records
        self._task: asyncio.Task[Turn] | None = None

    def begin(self) -> asyncio.Task[Turn]:
        """Start a turn, unless one is under way or waits to be taken."""
        if self._task is None:
            self._task = asyncio.create_task(self._turn())
        return self._task

    def take(self) -> Turn | None:
        """Give the turn that has ended, if one has."""
        if self._task is None or not self._task.done():
            return None
        task, self._task = self._task, None
        return task.result()

    async def discard(self) -> None:
        """Drop what was fetched, taken or not."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.exception()

    async def _turn(self) -> Turn:
        client, partitions, limit = self._client, self._partitions, self._max_records
        before = {partition: await client.position(partition) for partition in partitions}
        stamps = {partition: client.last_poll_timestamp(partition) for partition in partitions}
        first = await poll(client, TURN_MS, limit, partitions=partitions)
        # From here to the end nothing is awaited that could let another answer of the broker in between.
        room = max(1, limit - _count(first))
        rest = await poll(client, 0, room, partitions=partitions)
        all_taken = _count(first) < limit and _count(rest) < room and not (first.failed or rest.failed)
        records = first.batches
        for partition, more in rest.batches.items():
            records.setdefault(partition, []).extend(more)
        reached = {}
        for partition in partitions:
            reached[partition] = position = await client.position(partition)
            answered = client.last_poll_timestamp(partition) != stamps[partition]
            if all_taken and answered and partition not in records and position == before[partition]:
                # Compaction and control records leave offsets without records, so a position may never come to the
                # end. This answer came for our position and nothing of it is left: it was empty, up to its end.
                reached[partition] = max(position, client.last_stable_offset(partition) or 0)
        return Turn(records, reached, [*first.unreadable, *rest.unreadable])


def _count(polled: Polled) -> int:
    return sum(map(len, polled.batches.values()))

"""The one loop of every service that consumes at least once."""

import asyncio
import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.dlq import DeadLetters, DrainCount, DrainLimit
from ups_runtime.errors import Retryable
from ups_runtime.health import Health, Heartbeat
from ups_runtime.kafka import UNREADABLE, Unreadable, poll
from ups_runtime.lane import Handle, HandleBatch, Handling, Lane, Retry, counters
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_schemas.envelope import DeadLetterReason

# How long a turn waits for records; also how late an offset may be committed.
POLL_MS = 200
# At once in memory and at stake on a crash: twice as many double the repeats after one.
MAX_RECORDS = 500
# A handler under way at a rebalance or at the end may take this long; no heartbeat reaches the broker meanwhile.
RELEASE_S = 5
# A poll outlasts any rebalance (60 s), a handler's try any deadline of its own: past this the loop is stuck.
STUCK_S = 300

DEFAULT_DRAIN = DrainLimit()

log = get_logger("consume")


async def consume(
    consumer: AIOKafkaConsumer,
    handle: Handle,
    *,
    dead_letters: DeadLetters,
    clock: Clock,
    metrics: Metrics,
    heartbeat: Heartbeat,
    topics: Collection[str] | None = None,
    health: Health | None = None,
    handle_batch: HandleBatch | None = None,
    retry: Retry | None = None,
    drain: DrainLimit | None = DEFAULT_DRAIN,
    without_value: Collection[str] = (),
) -> None:
    """Hand each record to `handle` until cancelled: in order within a partition, partitions side by side.

    1. A record whose `handle` returns is done. One that raises `Permanent` is done when the dead letters have it.
    2. `Retryable` is tried again for ever with growing waits; the records behind it wait, other partitions go on, and
       readiness says so. Any other error is tried `retry.unknown_tries` times, then becomes a dead letter (FAILED).
    3. An offset is committed only when the record and all before it are done: a crash repeats, and never loses.
    4. When partitions are taken away, and on cancellation, records under way get 5 s; what is done is committed.

    `consumer` is started, with no auto-commit; `topics` defaults to its subscription. `handle_batch` gets all that is
    there of one partition at once; if it raises, those records go to `handle` one by one, so both must be idempotent.
    `without_value` names topics whose dead letters keep no value.

    Raises:
        Fatal: too much lands in the dead letters, or from `handle`.
        Fenced: from `handle`.
    """
    chosen = sorted(topics or consumer.subscription())
    handling = Handling(handle, handle_batch, dead_letters, without_value, retry or Retry(), clock, counters(metrics))
    loop = _Loop(consumer, handling, drain)
    name = f"consume {','.join(chosen)}"
    consumer.subscribe(chosen, listener=_Listener(loop))
    if health:
        health.add(name, loop.missing)
    pulse = asyncio.create_task(_beat(loop, heartbeat, clock), name=f"{name} pulse")
    try:
        await loop.run()
    finally:
        pulse.cancel()
        await loop.release(list(loop.lanes))
        if health:
            health.remove(name)


@dataclass(eq=False)
class _Loop:
    consumer: AIOKafkaConsumer
    handling: Handling
    drain: DrainLimit | None
    lanes: dict[TopicPartition, Lane] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._turned_at = self.handling.clock.monotonic()
        self._tasks: dict[TopicPartition, asyncio.Task[None]] = {}
        self._done: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._committing = asyncio.Lock()
        self._counts: dict[TopicPartition, DrainCount] = {}
        self._failure: BaseException | None = None

    async def run(self) -> None:
        while True:
            heed_cancellation()
            self._turned_at = self.handling.clock.monotonic()
            for partition, records in (await self._poll()).items():
                # A paused partition gives no records; what the client had fetched of it, it fetches anew.
                self.consumer.pause(partition)
                count = self._counts.setdefault(partition, DrainCount(self.drain)) if self.drain else None
                lane = self.lanes[partition] = Lane(records, self.handling, count)
                self._tasks[partition] = asyncio.create_task(
                    lane.run(), name=f"{partition.topic}/{partition.partition}"
                )
            self._settle()
            await self._commit(list(self._done))
            if self._failure:
                raise self._failure

    async def release(self, partitions: Iterable[TopicPartition]) -> None:
        """Let these partitions go: what is under way may end, what is done is committed."""
        leaving = [partition for partition in partitions if partition in self.lanes]
        for partition in leaving:
            self.lanes[partition].stop.set()
        if tasks := [self._tasks[partition] for partition in leaving]:
            _, late = await asyncio.wait(tasks, timeout=RELEASE_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        self._settle(leaving)
        await self._commit(list(partitions))
        for partition in partitions:
            for remembered in (self._done, self._committed, self._counts):
                remembered.pop(partition, None)

    def missing(self) -> str | None:
        """What readiness says."""
        waiting = [f"{tp.topic}/{tp.partition}: {lane.waits_for}" for tp, lane in self.lanes.items() if lane.waits_for]
        return f"tries again: {'; '.join(waiting)}" if waiting else None

    def stuck(self) -> bool:
        """Whether neither polls nor tries come to an end."""
        now = self.handling.clock.monotonic()
        began = [self._turned_at, *(lane.trying_since or now for lane in self.lanes.values())]
        return now - min(began) > STUCK_S

    async def _poll(self) -> dict[TopicPartition, list[Any]]:
        try:
            polled = await poll(self.consumer, POLL_MS, MAX_RECORDS)
        except KafkaError as error:
            log.warning("poll.failed", error=type(error).__name__)
            await self.handling.clock.sleep(1)
            return {}
        for unreadable in polled.unreadable:
            await self._put_aside(unreadable)
            partition = TopicPartition(unreadable.topic, unreadable.partition)
            if partition not in polled.batches:
                self._done[partition] = unreadable.offset + 1
        return polled.batches

    async def _put_aside(self, record: Unreadable) -> None:
        # No later offset of its partition is committed before this returns.
        for tries in itertools.count(1):
            try:
                await self.handling.dead_letters.put(record, DeadLetterReason.UNDECODABLE, UNREADABLE)
            except Retryable as error:
                log.warning("record.waits", topic=record.topic, offset=record.offset, tries=tries, error=str(error))
                heed_cancellation()
                await self.handling.clock.sleep(self.handling.retry.wait_s(tries))
            else:
                return

    def _settle(self, leaving: Collection[TopicPartition] = ()) -> None:
        for partition, lane in list(self.lanes.items()):
            if lane.next_offset is not None:
                self._done[partition] = lane.next_offset
            task = self._tasks[partition]
            if not task.done() or (lane.stop.is_set() and partition not in leaving):
                continue
            if not task.cancelled() and (error := task.exception()):
                self._failure = error
            del self.lanes[partition], self._tasks[partition]
            if partition in leaving or self._failure:
                continue
            try:
                self.consumer.resume(partition)
            except IllegalStateError:
                log.info("partition.gone", topic=partition.topic, partition=partition.partition)

    async def _commit(self, partitions: Iterable[TopicPartition]) -> None:
        async with self._committing:
            offsets = {
                partition: self._done[partition]
                for partition in partitions
                if partition in self._done and self._committed.get(partition) != self._done[partition]
            }
            if not offsets:
                return
            try:
                async with asyncio.timeout(RELEASE_S):
                    await self.consumer.commit(offsets)
                self._committed |= offsets
            except (KafkaError, TimeoutError) as error:
                # Tried again at the next turn; after a rebalance the new owner repeats these records.
                log.warning("commit.failed", error=type(error).__name__, partitions=len(offsets))


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # the library ships no types
    def __init__(self, loop: _Loop) -> None:
        self._loop = loop

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        await self._loop.release(revoked)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        log.info("partitions.assigned", partitions=len(assigned))


async def _beat(loop: _Loop, heartbeat: Heartbeat, clock: Clock) -> None:
    # A task of its own: a poll ignores its time-out in a rebalance.
    while True:
        if not loop.stuck():
            heartbeat.beat()
        await clock.sleep(1)

"""A compacted topic followed into memory, which knows whether it is at the topic's end."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock, SystemClock
from ups_runtime.errors import Retryable
from ups_runtime.kafka.clients import LONGEST_WAIT_S, consumer, end_offsets, started, topic_name
from ups_runtime.kafka.polling import Polled, poll
from ups_runtime.kafka.topics import partition_counts
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import Topic

# aiokafka's ConsumerRecord, which has no types.
Apply = Callable[[bytes, bytes | None, Any], None]

# How long a turn waits for records. Longer: an idle view proves its freshness, and ends, more slowly.
POLL_MS = 200

# An idle view hears from the brokers twice a second. Half of this flickers on a busy machine; at twice as much an
# outage is over before anybody is told.
SILENT_S = 15

log = get_logger("view")


@dataclass(slots=True)
class _Progress:
    """How far one partition is.

    `position` is the next offset to read. `empty_until`: the broker said, at `position`, that nothing follows up to
    here. Control records and compaction leave offsets without records, so a position alone may never reach the end.
    """

    position: int = 0
    empty_until: int = 0
    at_end_at: float | None = None  # by the monotonic clock

    def reaches(self, end: int) -> bool:
        return max(self.position, self.empty_until) >= end


class View:
    """Calls `apply(key, value, record)` for each record of a topic, from its beginning, in order per partition.

    Enter it to follow; leave it to stop. A tombstone comes with the value None; records without a key are skipped.
    What `apply` raises is logged and counted in `skipped`, and the record passed over: one bad record must not stop the
    others. While the brokers are away the view waits, and keeps what it has.

    `complete` becomes true, for good, when all that was in the topic at the start has been applied.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: Topic,
        apply: Apply,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.name = f"view {topic.name}"
        self.complete = False
        self.skipped = 0
        self._settings = settings
        self._topic = topic
        self._apply = apply
        self._clock = clock or SystemClock()
        self._asker: AIOKafkaConsumer | None = None
        self._progress: dict[TopicPartition, _Progress] = {}
        self._moved = asyncio.Event()
        self._wanted = asyncio.Event()
        self._next_read: asyncio.Future[None] | None = None
        self._parts = AsyncExitStack()
        self._failure: BaseException | None = None

    async def __aenter__(self) -> Self:
        """Start to follow; returns at once."""
        self._wanted.set()
        for part in (self._follow(), self._answer_reads()):
            task = asyncio.create_task(part, name=self.name)
            task.add_done_callback(self._ended)
            self._parts.push_async_callback(_cancel, task)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self._parts.aclose()

    @property
    def age_s(self) -> float:
        """Seconds since the last moment at which nothing was missing; infinite before the first."""
        moments = [progress.at_end_at for progress in self._progress.values()]
        known = [moment for moment in moments if moment is not None]
        if not known or len(known) < len(moments):
            return float("inf")
        return self._clock.monotonic() - min(known)

    def missing(self) -> str | None:
        """What readiness waits for: `health.add(view.name, view.missing)`."""
        if self._failure is not None:
            return f"ended by {type(self._failure).__name__}"
        if not self.complete:
            return "not read to the end yet"
        return f"not at its end for {self.age_s:.0f} s" if self.age_s > SILENT_S else None

    async def read_to_end(self, timeout_s: float = 5) -> None:
        """Return when all that was committed before this call has been applied.

        Calls that wait at the same time share one look at the end. Where nothing is missing it costs one request to
        the broker.

        Raises:
            Retryable: not within `timeout_s`.
        """
        if self._next_read is None:
            self._next_read = asyncio.get_running_loop().create_future()
            self._wanted.set()
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._next_read)
        except TimeoutError:
            raise Retryable(f"{self.name}: not at its end within {timeout_s:g} s") from None

    async def _answer_reads(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            # Who calls from here on gets the next look: this one may be from before their call.
            read, self._next_read = self._next_read, None
            while (ends := await self._ends()) is None:
                await self._clock.sleep(1)
            while not all(self._progress[partition].reaches(end) for partition, end in ends.items()):
                self._moved.clear()
                await self._moved.wait()
            if not self.complete:
                self.complete = True
                log.info("view.complete", topic=self._topic.name, skipped=self.skipped)
            if read is not None:
                read.set_result(None)

    async def _ends(self) -> dict[TopicPartition, int] | None:
        if self._asker is None:
            return None
        ends = None
        try:
            ends = await end_offsets(self._asker, self._progress)
        except Retryable as error:
            log.warning("view.waiting", topic=self._topic.name, error=str(error))
        heed_cancellation()
        return ends

    async def _follow(self) -> None:
        partitions = await self._find_partitions()
        wait_s = 0.5
        while True:
            try:
                # The ends are asked for on a connection of their own: a broker answers one connection in order, and a
                # fetch that waits for records would hold an answer back by up to half a second.
                async with (
                    started(consumer(self._settings, None)) as client,
                    started(consumer(self._settings, None)) as asker,
                ):
                    client.assign(partitions)
                    for partition, progress in self._progress.items():
                        if progress.position:
                            client.seek(partition, progress.position)
                    self._asker = asker
                    while True:
                        heed_cancellation()
                        await self._turn(client)
                        wait_s = 0.5
            except (KafkaError, OSError) as error:
                log.warning("view.waiting", topic=self._topic.name, error=type(error).__name__)
            finally:
                self._asker = None
            heed_cancellation()
            await self._clock.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _find_partitions(self) -> list[TopicPartition]:
        name = topic_name(self._settings, self._topic)
        while True:
            try:
                count = (await partition_counts(self._settings, [self._topic])).get(name)
            except Retryable:
                count = None
            if count is not None:
                break
            log.warning("view.waiting", topic=name, error="the topic does not exist, or no broker answers")
            heed_cancellation()
            await self._clock.sleep(1)
        self._progress = {TopicPartition(name, number): _Progress() for number in range(count)}
        return list(self._progress)

    async def _turn(self, client: AIOKafkaConsumer) -> None:
        began_at = self._clock.monotonic()
        stamps = {partition: client.last_poll_timestamp(partition) for partition in self._progress}
        first = await poll(client, POLL_MS)
        self._take(first)
        # From here to the end nothing is awaited that could let another answer of the broker in between.
        rest = await poll(client, 0)
        self._take(rest)
        if first.failed or rest.failed:
            return
        for partition, progress in self._progress.items():
            answered = client.last_poll_timestamp(partition) != stamps[partition]
            if not answered:
                continue
            position = await client.position(partition)
            stable_end = client.last_stable_offset(partition) or 0
            if position == progress.position and partition not in {*first.batches, *rest.batches}:
                # The answer came for this position, and nothing of it is left: it was empty.
                progress.empty_until = max(progress.empty_until, stable_end)
            progress.position = position
            if progress.reaches(stable_end):
                # The answer came after the turn began: then, at least, nothing was missing.
                progress.at_end_at = began_at
        self._moved.set()
        await asyncio.sleep(0)

    def _take(self, polled: Polled) -> None:
        self.skipped += len(polled.unreadable)
        for partition, records in polled.batches.items():
            for record in records:
                try:
                    if record.key is not None:
                        self._apply(record.key, record.value, record)
                except Exception as error:  # noqa: BLE001 - the loop's outermost frame for one record
                    self.skipped += 1
                    log.error(
                        "view.record_skipped",
                        topic=record.topic,
                        partition=record.partition,
                        offset=record.offset,
                        error=f"{type(error).__name__}: {error}"[:300],
                    )
            self._progress[partition].position = records[-1].offset + 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._failure = error
            log.error("view.failed", topic=self._topic.name, error=repr(error))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])

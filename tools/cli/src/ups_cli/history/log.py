"""Reading the topics of an installation, committed records only, without a group: nobody's place in them changes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.partitioner import murmur2

from ups_cli.errors import CliError, ExitCode
from ups_cli.output import note
from ups_runtime.kafka import consumer, end_offsets, map_kafka_errors, partition_counts, poll, started, topic_name
from ups_runtime.settings import KafkaSettings
from ups_schemas.envelope import milliseconds
from ups_schemas.topics import Topic

T = TypeVar("T")

OnRead = Callable[[int], None]

_POLL_MS = 500
_CHUNK_RECORDS = 500
# Of brokers that are there: an answer takes milliseconds.
_SILENCE_DEADLINE_S = 30
_PATIENCE_S = 2
_FIRST_SPAN = 200


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a partition; `is_cut` says that the partition had records before `start`."""

    partition: TopicPartition
    start: int
    end: int
    is_cut: bool

    @property
    def offsets(self) -> int:
        """How many offsets it has, which is at least the number of its records."""
        return self.end - self.start


class Log:
    """The topics of one installation, all of which are there."""

    def __init__(
        self,
        settings: KafkaSettings,
        counts: dict[str, int],
        reader: AIOKafkaConsumer,
        asker: Any,  # Any: aiokafka's answers have no types
        on_read: OnRead | None,
    ) -> None:
        self._settings = settings
        self._on_read = on_read
        self._counts = counts
        self._reader = reader
        self._asker = asker

    def partitions(self, topic: Topic) -> int:
        """How many the topic has."""
        return self._counts[topic_name(self._settings, topic)]

    def partition_of(self, topic: Topic, key: str) -> int:
        """Where the key's records are, by Kafka's default."""
        return int((murmur2(key.encode()) & 0x7FFF_FFFF) % self.partitions(topic))

    def at(self, topic: Topic, number: int) -> TopicPartition:
        """One partition."""
        return TopicPartition(topic_name(self._settings, topic), number)

    async def span(self, partition: TopicPartition, since: datetime | None = None) -> Span:
        """All that the partition holds at this moment, or what was written to it since."""
        begin = (await self._ask(self._asker.beginning_offsets([partition])))[partition]
        end = (await end_offsets(self._asker, [partition]))[partition]
        start = begin
        if since is not None:
            found = await self._ask(self._asker.offsets_for_times({partition: milliseconds(since)}))
            start = end if found[partition] is None else max(begin, min(end, found[partition].offset))
        return Span(partition, start, end, is_cut=start > 0)

    async def committed(self, group: str, partition: TopicPartition) -> int | None:
        """How far the group has come; none where it has no offset."""
        async with started(consumer(self._settings, group)) as member:
            member.assign([partition])
            offset: int | None = await self._ask(member.committed(partition))
            return offset

    async def records(self, span: Span) -> AsyncIterator[Sequence[ConsumerRecord]]:
        """The records of the span in order, in handy chunks; what nobody can read is stepped over."""
        reader, partition = self._reader, span.partition
        reader.assign([partition])
        reader.seek(partition, span.start)
        place = span.start
        while place < span.end:
            async with asyncio.timeout(_SILENCE_DEADLINE_S):
                stamp = reader.last_poll_timestamp(partition)
                records: list[ConsumerRecord] = []
                while not records and place < span.end:
                    polled = await poll(reader, _POLL_MS, _CHUNK_RECORDS)
                    if not polled.batches and not polled.failed:
                        # an answer may have come in the moment in which that one gave up
                        polled = await poll(reader, 0, _CHUNK_RECORDS)
                    records = polled.batches.get(partition, [])
                    before, place = place, await reader.position(partition)
                    answered = reader.last_poll_timestamp(partition) != stamp
                    if not records and not polled.failed and answered and place == before:
                        # markers of transactions have offsets: the answer was empty up to the end
                        place = max(place, reader.last_stable_offset(partition) or 0)
            if self._on_read is not None:
                self._on_read(len(records))
            yield [record for record in records if record.offset < span.end]

    async def last(
        self, partition: TopicPartition, limit: int, wanted: Callable[[ConsumerRecord], bool]
    ) -> list[ConsumerRecord]:
        """The last `limit` records that are wanted, oldest first; reads no more of the partition than it must."""
        whole = await self.span(partition)
        found: list[ConsumerRecord] = []
        end, size = whole.end, _FIRST_SPAN
        while end > whole.start and len(found) < limit:
            start = max(whole.start, end - size)
            part: list[ConsumerRecord] = []
            async for chunk in self.records(Span(partition, start, end, is_cut=True)):
                part += filter(wanted, chunk)
            found = part + found
            end, size = start, size * 4
        return found[-limit:]

    async def _ask(self, answer: Any) -> Any:  # Any: aiokafka's answers have no types
        async with asyncio.timeout(_SILENCE_DEADLINE_S):
            return await answer


@asynccontextmanager
async def opened(settings: KafkaSettings, topics: Iterable[Topic], on_read: OnRead | None = None) -> AsyncIterator[Log]:
    """The installation's log; `on_read` is told how many records were read since it was last told.

    Raises:
        CliError: one of the topics does not exist.
        Retryable: the brokers are away.
    """
    wanted = list(topics)
    with _patience():
        counts = await partition_counts(settings, wanted)
    missing = [topic_name(settings, topic) for topic in wanted if topic_name(settings, topic) not in counts]
    if missing:
        more = {"missing": ", ".join(missing), "what to do": "see UPS_KAFKA_PREFIX, or make them: ups topics apply"}
        raise CliError(ExitCode.NO, "This installation lacks topics.", more)
    with map_kafka_errors():
        async with started(consumer(settings, None)) as reader, started(consumer(settings, None)) as asker:
            yield Log(settings, counts, reader, asker, on_read)


@contextmanager
def _patience() -> Iterator[None]:
    """Say that the brokers are waited for, if they are for long."""
    timer = asyncio.get_running_loop().call_later(_PATIENCE_S, note, "Waiting for the brokers.")
    try:
        yield
    finally:
        timer.cancel()

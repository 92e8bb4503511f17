"""Reading the dead-letter topics, without a group: nobody's place in them changes."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from ups_cli.errors import CliError, ExitCode
from ups_cli.output import Json
from ups_runtime.kafka import consumer, end_offsets, map_kafka_errors, partition_counts, started, topic_name
from ups_runtime.settings import KafkaSettings
from ups_schemas.envelope import DeadLetterHeader
from ups_schemas.topics import DEAD_LETTERS, Service

_POLL_MS = 500
# Two empty polls at a place that has records mean that what is left there are markers of transactions.
_EMPTY_POLLS = 2
_DEADLINE_S = 60


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that a service could not take. Everything in it is somebody else's: print it with care."""

    id: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, str], ...]

    def header(self, name: DeadLetterHeader) -> str:
        """The last header of that name, or nothing."""
        return next((value for header, value in reversed(self.headers) if header == name), "")

    def origin(self) -> str:
        """The topic, partition and offset that it came from."""
        places = (DeadLetterHeader.TOPIC, DeadLetterHeader.PARTITION, DeadLetterHeader.OFFSET)
        return ":".join(self.header(place) for place in places)

    @property
    def key_text(self) -> str:
        """The key, in base64 if it is no text."""
        return _text(self.key)

    @property
    def value_text(self) -> str:
        """The value, in base64 if it is no text."""
        return _text(self.value)

    def summary(self) -> Json:
        """What is known about it, without what is in it."""
        names = (str(header) for header in DeadLetterHeader)
        return {"id": self.id, **{name: self.header(DeadLetterHeader(name)) for name in names}}

    def whole(self) -> Json:
        """All of it, bytes in base64."""
        return {
            "id": self.id,
            "key_base64": None if self.key is None else base64.b64encode(self.key).decode(),
            "value_base64": None if self.value is None else base64.b64encode(self.value).decode(),
            "value_text": None if self.value is None else self.value_text,
            "headers": [{"name": name, "value": value} for name, value in self.headers],
        }


async def latest(settings: KafkaSettings, services: Sequence[Service], limit: int) -> list[DeadLetter]:
    """Up to `limit` letters of each service, those that came last, in the order in which they came."""
    letters: list[DeadLetter] = []
    partitions = await _partitions(settings, services)
    with map_kafka_errors():
        async with started(consumer(settings, None)) as reader, asyncio.timeout(_DEADLINE_S):
            for partition, service in partitions.items():
                reader.assign([partition])
                end = (await end_offsets(reader, [partition]))[partition]
                begin = (await reader.beginning_offsets([partition]))[partition]
                found: list[DeadLetter] = []
                # markers of transactions have offsets, too: step back until there are enough letters
                span = limit
                while len(found) < limit:
                    start = max(begin, end - span)
                    found = [_letter(service, record) for record in await _read(reader, partition, start, end)]
                    if start == begin:
                        break
                    span *= 2
                letters += found[-limit:]
    return letters


async def find(settings: KafkaSettings, service: Service, partition: int, offset: int) -> DeadLetter | None:
    """The letter at this place, or None."""
    wanted = next((each for each in await _partitions(settings, [service]) if each.partition == partition), None)
    if wanted is None:
        return None
    with map_kafka_errors():
        async with started(consumer(settings, None)) as reader, asyncio.timeout(_DEADLINE_S):
            reader.assign([wanted])
            end = (await end_offsets(reader, [wanted]))[wanted]
            begin = (await reader.beginning_offsets([wanted]))[wanted]
            if not begin <= offset < end:
                return None
            records = await _read(reader, wanted, offset, offset + 1)
    return next((_letter(service, record) for record in records if record.offset == offset), None)


async def _partitions(settings: KafkaSettings, services: Sequence[Service]) -> dict[TopicPartition, Service]:
    counts = await partition_counts(settings, [DEAD_LETTERS[service] for service in services])
    if not counts:
        raise CliError(ExitCode.NO, "There are no dead-letter topics.", {"what to do": "ups topics apply"})
    names = {topic_name(settings, DEAD_LETTERS[service]): service for service in services}
    return {
        TopicPartition(name, number): service
        for name, service in names.items()
        for number in range(counts.get(name, 0))
    }


async def _read(reader: AIOKafkaConsumer, partition: TopicPartition, start: int, end: int) -> list[ConsumerRecord]:
    """The records from `start` to before `end`."""
    reader.seek(partition, start)
    records: list[ConsumerRecord] = []
    empty = 0
    while await reader.position(partition) < end and empty < _EMPTY_POLLS:
        got = (await reader.getmany(partition, timeout_ms=_POLL_MS)).get(partition, [])
        empty = 0 if got else empty + 1
        records += (record for record in got if record.offset < end)
    return records


def _letter(service: Service, record: ConsumerRecord) -> DeadLetter:
    headers = tuple((str(name), _text(value)) for name, value in record.headers)
    return DeadLetter(f"{service}:{record.partition}:{record.offset}", record.key, record.value, headers)


def _text(data: bytes | None) -> str:
    if data is None:
        return ""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(data).decode()}"

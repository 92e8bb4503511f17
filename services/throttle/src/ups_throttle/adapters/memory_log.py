"""A log in memory with Kafka's transactions.

What it keeps of Kafka is what the worker's guarantees hang on: control records take offsets; a read-committed reader
stops at the first open transaction; the start of a producer ends the open transaction of its id and fences the former
one; a commit succeeds although a send of it failed; the group's consumer keeps its buffer over a take-over until it is
told to seek.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from ups_runtime.clock import Clock
from ups_runtime.errors import Fenced
from ups_schemas.envelope import milliseconds
from ups_throttle.records import Payload


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class LogRecord(NamedTuple):
    """A record as it is in the log."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Fate(Enum):
    """What became of a transaction."""

    OPEN = auto()
    COMMITTED = auto()
    ABORTED = auto()


@dataclass(eq=False)
class Transaction:
    """What one transaction wrote to, and what became of it."""

    fate: Fate = Fate.OPEN
    places: set[Place] = field(default_factory=set)
    offsets: dict[Place, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Entry:
    record: LogRecord | None  # none: a control record
    transaction: Transaction | None


class MemoryLog:
    """The brokers. `lose_sends`: so many of the next sends fail, which only their acknowledgement tells."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.offsets: dict[Place, int] = {}
        self.lose_sends = 0
        self.changed = asyncio.Event()
        self._entries: dict[Place, list[_Entry]] = defaultdict(list)
        self._epochs: dict[str, int] = defaultdict(int)
        self._open: dict[str, Transaction] = {}
        self.buffers: dict[Place, list[LogRecord]] = {}

    def append(self, topic: str, partition: int, payload: Payload, transaction: Transaction | None = None) -> LogRecord:
        """Write one record; without a transaction it is visible at once."""
        place = Place(topic, partition)
        timestamp = milliseconds(self.clock.now()) if payload.timestamp_ms is None else payload.timestamp_ms
        record = LogRecord(
            topic, partition, len(self._entries[place]), timestamp, payload.key, payload.value, tuple(payload.headers)
        )
        self._entries[place].append(_Entry(record, transaction))
        if transaction is not None:
            transaction.places.add(place)
        self._wake()
        return record

    def read(self, topic: str, partition: int, offset: int = 0) -> list[LogRecord]:
        """Give what a read-committed consumer sees from `offset` on."""
        place = Place(topic, partition)
        entries = self._entries[place][offset : self.end(topic, partition)]
        return [
            entry.record
            for entry in entries
            if entry.record is not None and (entry.transaction is None or entry.transaction.fate is Fate.COMMITTED)
        ]

    def end(self, topic: str, partition: int) -> int:
        """Give the last stable offset."""
        entries = self._entries[Place(topic, partition)]
        for offset, entry in enumerate(entries):
            if entry.transaction is not None and entry.transaction.fate is Fate.OPEN:
                return offset
        return len(entries)

    def start(self, transactional_id: str) -> int:
        """End what the id left open, and give the epoch that is the only valid one from now on."""
        if transactional_id in self._open:
            self.finish(transactional_id, Fate.ABORTED)
        self._epochs[transactional_id] += 1
        return self._epochs[transactional_id]

    def check(self, transactional_id: str, epoch: int) -> None:
        """Refuse a producer that another one has replaced."""
        if self._epochs[transactional_id] != epoch:
            raise Fenced("another producer took over this transactional id")

    def transaction(self, transactional_id: str) -> Transaction:
        """Give the id's open transaction, begun by this if there is none."""
        return self._open.setdefault(transactional_id, Transaction())

    def finish(self, transactional_id: str, fate: Fate) -> None:
        """Commit or abort: markers to every partition of the transaction, offsets to the group."""
        transaction = self._open.pop(transactional_id, None)
        if transaction is None:
            return
        transaction.fate = fate
        for place in transaction.places:
            self._entries[place].append(_Entry(None, None))
        if fate is Fate.COMMITTED:
            self.offsets |= transaction.offsets
        self._wake()

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

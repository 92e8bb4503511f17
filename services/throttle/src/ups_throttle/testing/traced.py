"""The log in memory with its history: every transaction that was committed, and what its writer had seen by then."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from ups_runtime.clock import Clock
from ups_schemas.topics import COMMANDS, EVENTS
from ups_throttle.adapters.memory_log import Fate, LogRecord, MemoryLog, Place, Transaction
from ups_throttle.records import Offsets, Payload


class Seen(NamedTuple):
    """What a writer had seen: so many records of `ups.devices`, and the barrier that its timers wait for."""

    devices_next: int = 0
    now_ms: int = 0
    ends: Offsets = Offsets(0, 0)


@dataclass
class Written:
    """One transaction of a partition number; `offsets` are none if it had none."""

    number: int
    seen: Seen = Seen()  # noqa: RUF009 - a value
    offsets: Offsets | None = None
    records: dict[str, list[LogRecord]] = field(default_factory=lambda: defaultdict(list))


class TracedLog(MemoryLog):
    """A `MemoryLog` that remembers what was committed, in order."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.history: list[Written] = []
        self._written: dict[Transaction, Written] = {}

    def append(self, topic: str, partition: int, payload: Payload, transaction: Transaction | None = None) -> LogRecord:
        """As `MemoryLog`."""
        record = super().append(topic, partition, payload, transaction)
        if transaction is not None:
            self._written[transaction].records[topic].append(record)
        return record

    def transaction(self, transactional_id: str) -> Transaction:
        """As `MemoryLog`."""
        transaction = super().transaction(transactional_id)
        self._written.setdefault(transaction, Written(int(transactional_id.split(".")[1])))
        return transaction

    def saw(self, transactional_id: str, seen: Seen) -> None:
        """Note what the writer of the id's open transaction has seen."""
        if transactional_id in self._open:
            self._written[self._open[transactional_id]].seen = seen

    def finish(self, transactional_id: str, fate: Fate) -> None:
        """As `MemoryLog`."""
        transaction = self._open.get(transactional_id)
        super().finish(transactional_id, fate)
        if transaction is None:
            return
        written = self._written.pop(transaction)
        if fate is Fate.COMMITTED:
            if transaction.offsets:
                offsets = [transaction.offsets[Place(topic.name, written.number)] for topic in (EVENTS, COMMANDS)]
                written.offsets = Offsets(*offsets)
            self.history.append(written)

    def is_open(self, transactional_id: str, epoch: int) -> bool:
        """Whether this producer has a transaction under way, and nobody has replaced it."""
        return transactional_id in self._open and self._epochs[transactional_id] == epoch

    def epoch(self, transactional_id: str) -> int:
        """Give the only valid epoch of the id; 0 if there is none yet."""
        return self._epochs[transactional_id]

    @property
    def has_open(self) -> bool:
        """Whether any transaction is neither committed nor aborted."""
        return bool(self._open)

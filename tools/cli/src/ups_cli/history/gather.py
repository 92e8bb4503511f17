"""One partition number after the other: what all its topics hold, sorted by device."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from aiokafka import ConsumerRecord

from ups_cli.history.log import Log, Span
from ups_cli.history.spool import Kept, Kind, Spool
from ups_schemas.envelope import DeadLetterHeader
from ups_schemas.topics import (
    COMMANDS,
    DEAD_LETTERS,
    DECISIONS,
    DEVICES,
    EVENTS,
    SUPPRESSIONS,
    THROTTLE_STATE,
    Service,
    Topic,
)

GROUP = "throttle"
DEAD = DEAD_LETTERS[Service.THROTTLE]

# The order is what makes a throttle that goes on meanwhile look like no fault: state is never ahead of the decisions
# that were read, a decision never ahead of its event, nor of its copy or the order that caused it.
_ORDER: tuple[tuple[Kind, Topic], ...] = (
    (Kind.STATE, THROTTLE_STATE),
    (Kind.DECISION, DECISIONS),
    (Kind.STATE_AFTER, THROTTLE_STATE),
    (Kind.SUPPRESSION, SUPPRESSIONS),
    (Kind.COMMAND, COMMANDS),
    (Kind.DEVICE, DEVICES),
    (Kind.EVENT, EVENTS),
)
TOPICS = (EVENTS, COMMANDS, DEVICES, DECISIONS, SUPPRESSIONS, THROTTLE_STATE, DEAD)

# Compacted: read whole, whatever is asked for.
_WHOLE = (Kind.STATE, Kind.STATE_AFTER, Kind.DEVICE)

OnProgress = Callable[[int, int], None]


@dataclass
class Bounds:
    """Where what was read of a partition number begins and ends.

    `cut`: those kinds had older records, which are gone or were not asked for; `first_ms` are the oldest timestamps
    of those read. `committed`: how far the throttle said it was, before its decisions were read. `dead`: offsets of
    events that it put aside.
    """

    number: int
    cut: dict[Kind, bool] = field(default_factory=dict)
    first_ms: dict[Kind, int] = field(default_factory=dict)
    committed: int | None = None
    dead: frozenset[int] = frozenset()


class DeadEvents:
    """Offsets of the events that the throttle put aside, by partition number."""

    def __init__(self) -> None:
        self._offsets: dict[int, set[int]] = {}
        self._read_to: dict[int, int] = {}

    async def read(self, log: Log) -> None:
        """Read the throttle's dead letters, or those that came since."""
        events = log.at(EVENTS, 0).topic
        for number in range(log.partitions(DEAD)):
            span = await log.span(log.at(DEAD, number))
            start = max(span.start, self._read_to.get(number, 0))
            async for chunk in log.records(replace(span, start=start)):
                for record in chunk:
                    self._take(record, events)
            self._read_to[number] = span.end

    def of(self, number: int) -> frozenset[int]:
        """Those of one partition."""
        return frozenset(self._offsets.get(number, ()))

    def _take(self, record: ConsumerRecord, events: str) -> None:
        said = {name: value or b"" for name, value in record.headers}
        partition = said.get(DeadLetterHeader.PARTITION, b"").decode(errors="replace")
        offset = said.get(DeadLetterHeader.OFFSET, b"").decode(errors="replace")
        if said.get(DeadLetterHeader.TOPIC) == events.encode() and partition.isdecimal() and offset.isdecimal():
            self._offsets.setdefault(int(partition), set()).add(int(offset))


@asynccontextmanager
async def gathered(
    log: Log, number: int, dead: DeadEvents, *, device_id: str | None, since: datetime | None, on_progress: OnProgress
) -> AsyncIterator[tuple[Bounds, Spool]]:
    """The partition's records, sorted by device; only those of `device_id`, if one is named."""
    bounds = Bounds(number)
    key = None if device_id is None else device_id.encode()
    expected = sum([(await log.span(log.at(topic, number))).offsets for _, topic in _ORDER])
    done = 0
    state_end = 0
    with Spool(expected if device_id is None else 0) as spool:
        for kind, topic in _ORDER:
            if kind is Kind.DECISION:
                bounds.committed = await log.committed(GROUP, log.at(EVENTS, number))
            span = await log.span(log.at(topic, number), None if kind in _WHOLE else since)
            if kind is Kind.STATE:
                state_end = span.end
            elif kind is Kind.STATE_AFTER:
                span = Span(span.partition, state_end, max(state_end, span.end), is_cut=True)
            bounds.cut[kind] = span.is_cut
            async for chunk in log.records(span):
                for record in chunk:
                    bounds.first_ms[kind] = min(record.timestamp, bounds.first_ms.get(kind, record.timestamp))
                    if record.key is not None and key in (None, record.key) and not record.key.startswith(b"\0"):
                        spool.put(kind, record.key[:65_535], Kept(record.offset, record.timestamp, record.value))
                done += len(chunk)
                on_progress(done, max(expected, done))
        # what was put aside before one of the decisions that were read has its letter by now
        await dead.read(log)
        bounds.dead = dead.of(number)
        yield bounds, spool

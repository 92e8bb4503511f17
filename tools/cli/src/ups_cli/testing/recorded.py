"""A partition of an installation as the throttle writes it, in memory: real records, to be read, or spoilt first."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ups_cli.history.device import DeviceHistory, read_device
from ups_cli.history.gather import Bounds
from ups_cli.history.spool import Kept, Kind, Spool
from ups_runtime.testing.clock import FakeClock
from ups_schemas.device import DeviceSnapshot, EnableNotifications, Policy
from ups_schemas.envelope import milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.topics import Service
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.domain import snapshot
from ups_throttle.domain.device import project
from ups_throttle.domain.event import event_of
from ups_throttle.domain.state import State
from ups_throttle.overlay import Commit
from ups_throttle.partition import Partition
from ups_throttle.records import Offsets, Record, Role, Source
from ups_throttle.testing.histories import DEVICE_ID, Changed, Heard, Ordered, Ticked, history, order_for

_KIND_BY_ROLE = {Role.DECISION: Kind.DECISION, Role.SUPPRESSION: Kind.SUPPRESSION, Role.CHANGELOG: Kind.STATE}


@dataclass(frozen=True)
class _Raw:
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    topic: str = "recorded"
    partition: int = 0
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass
class Recorded:
    """`records` are (key, record) by kind, in order; change them at will before `spool`."""

    records: dict[Kind, list[tuple[bytes, Kept]]] = field(default_factory=lambda: {kind: [] for kind in Kind})

    def __post_init__(self) -> None:
        clock = FakeClock(datetime(2100, 1, 1, tzinfo=UTC))
        self._partition = Partition(0, 1, CloudEventsWire(Service.THROTTLE, clock))

    def changed(self, device_id: str, device: DeviceSnapshot | None) -> None:
        """The device's snapshot changes; none: it is removed."""
        value = None if device is None else device.model_dump_json().encode()
        self._write(Kind.DEVICE, device_id.encode(), value, 0)
        self._partition.follow(device_id, None if device is None else project(device))

    def heard(self, *events: AcceptedEvent) -> None:
        """Events arrive, and are decided as one batch."""
        self._batch(Source.EVENTS, Kind.EVENT, [(event, milliseconds(event.received_at)) for event in events])

    def ordered(self, order: EnableNotifications) -> None:
        """Somebody orders the end of a period."""
        self._batch(Source.COMMANDS, Kind.COMMAND, [(order, milliseconds(order.enabled_at))])

    def ticked(self, now: datetime) -> None:
        """The timers that are due fire."""
        self._keep(self._partition.tick(milliseconds(now), 1000))

    def accepted(self, event: AcceptedEvent) -> None:
        """Write an event on which nothing is decided yet."""
        value = event.model_dump_json().encode()
        self._write(Kind.EVENT, event.device_id.encode(), value, milliseconds(event.received_at))

    def state(self, device_id: str) -> State | None:
        """What is remembered of the device."""
        packed = self._partition.packed(device_id)
        return None if packed is None else snapshot.unpack(packed)

    def bounds(self, *, committed: int | None = None, cut: Iterable[Kind] = ()) -> Bounds:
        """Where it begins and ends; `cut` are the kinds whose oldest records are gone."""
        gone = frozenset(cut)
        return Bounds(0, cut={kind: kind in gone for kind in Kind}, committed=committed)

    def spool(self) -> Spool:
        """All of it, sorted by device."""
        spool = Spool(sum(map(len, self.records.values())))
        for kind in Kind:
            for key, kept in self.records[kind]:
                spool.put(kind, key, kept)
        return spool

    def _batch(
        self, source: Source, kind: Kind, messages: list[tuple[AcceptedEvent | EnableNotifications, int]]
    ) -> None:
        records = []
        for message, at_ms in messages:
            key, value = message.device_id.encode(), message.model_dump_json().encode()
            offset = self._write(kind, key, value, at_ms)
            heard = event_of(message) if isinstance(message, AcceptedEvent) else message
            records.append(Record(source, _Raw(offset, at_ms, key, value), heard))
        offsets = Offsets(len(self.records[Kind.EVENT]), len(self.records[Kind.COMMAND]))
        self._keep(self._partition.batch(records, offsets))

    def _keep(self, commit: Commit) -> None:
        for role, payload in commit.outgoing:
            if role in _KIND_BY_ROLE and payload.key is not None:
                self._write(_KIND_BY_ROLE[role], payload.key, payload.value, payload.timestamp_ms or 0)
        self._partition.apply(commit)

    def _write(self, kind: Kind, key: bytes, value: bytes | None, at_ms: int) -> int:
        offset = len(self.records[kind])
        self.records[kind].append((key, Kept(offset, at_ms, value)))
        return offset


def read(recorded: Recorded) -> DeviceHistory:
    """What is recorded of the first device."""
    with recorded.spool() as spool:
        return next(read_device(key, records) for key, records in spool.devices())


def played(seed: int, policy: Policy | None = None) -> Recorded:
    """A random history of one device; each snapshot has a version of its own, as device-svc gives it.

    All have the `policy`, if one is given.
    """
    recorded, version = Recorded(), 0
    for happening in history(seed):
        match happening:
            case Changed(None):
                recorded.changed(DEVICE_ID, None)
            case Changed(DeviceSnapshot() as known):
                version += 1
                changes = {"version": version, "policy": policy or known.policy}
                recorded.changed(DEVICE_ID, known.model_copy(update=changes))
            case Heard(heard):
                recorded.heard(heard)
            case Ordered():
                state = recorded.state(DEVICE_ID)
                running = state.period.period_id if state is not None and state.period is not None else None
                recorded.ordered(order_for(happening, running))
            case Ticked(now):
                recorded.ticked(now)
    return recorded

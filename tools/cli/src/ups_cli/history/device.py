"""All that is retained of one device, parsed."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from ups_cli.history.spool import Kept, Kind, Records
from ups_runtime.codec import parse
from ups_runtime.errors import Permanent
from ups_schemas.decision import (
    Decision,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
)
from ups_schemas.device import DeviceSnapshot, EnableNotifications
from ups_schemas.envelope import milliseconds
from ups_schemas.event import AcceptedEvent
from ups_throttle.domain import snapshot as packing
from ups_throttle.domain.output import Output
from ups_throttle.domain.state import State
from ups_throttle.partition import Partition
from ups_throttle.records import Payload, Raw

DECISIONS_OF = (EventDecided, LateEventsDecided, NotificationsDisabled, NotificationsEnabled)
SUPPRESSIONS_OF = (NotificationsDisabled, NotificationsEnabled)

M = TypeVar("M")


class Heard(NamedTuple):
    """An event, and where it stands."""

    offset: int
    timestamp_ms: int
    event: AcceptedEvent


class Copied(NamedTuple):
    """A decision that silences or ends it, as bytes."""

    offset: int
    seq: int
    value: bytes


@dataclass
class DeviceHistory:
    """`decided_at` are the decisions' offsets; `snapshots` are by version; `unreadable` counts records by kind.

    `state` was read before the decisions, so it is never ahead of them; `has_state` is as of after, and
    `has_newer_state` says that something was decided meanwhile.
    """

    device_id: str
    events: list[Heard] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    decided_at: list[int] = field(default_factory=list)
    copied: list[Copied] = field(default_factory=list)
    copies: list[Copied] = field(default_factory=list)
    orders: list[EnableNotifications] = field(default_factory=list)
    snapshots: dict[int, DeviceSnapshot] = field(default_factory=dict)
    state: State | None = None
    state_error: str | None = None
    has_state: bool = False
    has_newer_state: bool = False
    was_removed: bool = False
    unreadable: Counter[Kind] = field(default_factory=Counter)

    def versions_missing(self) -> list[int]:
        """Versions of the device that decisions were judged by, and that are no longer kept."""
        judged_by = {decision.basis.device_version for decision in self.decisions}
        return sorted(version for version in judged_by if version is not None and version not in self.snapshots)

    def heard_from_the_first(self, dead: Collection[int] = ()) -> list[Heard]:
        """The events that are kept, and before them those whose decisions alone are, as they quote them.

        Without the `dead`, by offset, which the throttle put aside.
        """
        kept = {(heard.event.event_id, heard.event.received_at) for heard in self.events}
        gone: list[Heard] = []
        for decision in self.decisions:
            if isinstance(decision, EventDecided):
                if (decision.event.event_id, decision.event.received_at) in kept:
                    break
                gone.append(Heard(-1, milliseconds(decision.event.received_at), decision.event))
        return gone + [heard for heard in self.events if heard.offset not in dead]


def read_device(key: bytes, records: Records) -> DeviceHistory:
    """The device's history. What cannot be read is counted: whose fault that is others say."""
    history = DeviceHistory(key.decode(errors="replace"))
    for kept in records[Kind.EVENT]:
        event = _parsed(history, Kind.EVENT, kept, AcceptedEvent)
        if event is not None and event.device_id == history.device_id:
            history.events.append(Heard(kept.offset, kept.timestamp_ms, event))
    for kept in records[Kind.DECISION]:
        decision: Decision | None = _parsed(history, Kind.DECISION, kept, DECISIONS_OF)
        if decision is not None:
            history.decisions.append(decision)
            history.decided_at.append(kept.offset)
            if isinstance(decision, SUPPRESSIONS_OF):
                history.copied.append(Copied(kept.offset, decision.device_seq, kept.value or b""))
    _read_rest(history, records)
    _read_state(history, key, records)
    return history


def read_state(key: bytes, value: bytes) -> State | None:
    """The state in a record of the changelog; none for what is no device.

    Raises:
        ValueError: another release wrote it, or somebody else.
    """
    restored = Partition(0, 1, _NoWire())
    try:
        restored.restore(key, value)
        packed = restored.packed(key.decode())
        return None if packed is None else packing.unpack(packed)
    except Exception as error:
        raise ValueError(f"{len(value)} bytes that this release cannot read: {type(error).__name__}") from error


def _read_rest(history: DeviceHistory, records: Records) -> None:
    for kept in records[Kind.SUPPRESSION]:
        copy = _parsed(history, Kind.SUPPRESSION, kept, SUPPRESSIONS_OF)
        if copy is not None:
            history.copies.append(Copied(kept.offset, copy.device_seq, kept.value or b""))
    for kept in records[Kind.COMMAND]:
        order = _parsed(history, Kind.COMMAND, kept, EnableNotifications)
        if order is not None and order.device_id == history.device_id:
            history.orders.append(order)
    for kept in records[Kind.DEVICE]:
        if kept.value is None:
            history.was_removed = True
        else:
            snapshot = _parsed(history, Kind.DEVICE, kept, DeviceSnapshot)
            if snapshot is not None and snapshot.device_id == history.device_id:
                history.snapshots[snapshot.version] = snapshot


def _read_state(history: DeviceHistory, key: bytes, records: Records) -> None:
    before, after = records[Kind.STATE], records[Kind.STATE] + records[Kind.STATE_AFTER]
    history.has_newer_state = bool(records[Kind.STATE_AFTER])
    history.has_state = bool(after) and after[-1].value is not None
    if before and (value := before[-1].value) is not None:
        try:
            history.state = read_state(key, value)
        except ValueError as error:
            history.state_error = str(error)


def _parsed(history: DeviceHistory, kind: Kind, kept: Kept, models: Any) -> Any:  # Any: as `codec.parse`
    try:
        return parse(kept.value, models)
    except Permanent:
        history.unreadable[kind] += 1
        return None


class _NoWire:
    """`ups_throttle.records.Wire` for who only restores."""

    def decision(self, told: Output) -> Payload:
        raise NotImplementedError

    def dead_letter(self, raw: Raw, reason: str, error: str) -> Payload:
        raise NotImplementedError

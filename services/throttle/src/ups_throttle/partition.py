"""One partition's memory: what a batch or a tick would change, as a value that is applied after the broker committed.

Nothing here waits, reads a clock or talks to anybody. A `Partition` whose commit failed is thrown away whole, and a new
one is restored from the changelog.
"""

import json
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, assert_never

from ups_schemas.decision import NotificationsDisabled, NotificationsEnabled
from ups_schemas.device import DeviceSnapshot, EnableNotifications
from ups_schemas.envelope import DeadLetterReason
from ups_schemas.event import AcceptedEvent
from ups_throttle.domain import device as projection
from ups_throttle.domain import snapshot
from ups_throttle.domain.decide import Step, command, decide, due, forgettable, next_due
from ups_throttle.domain.device import Device
from ups_throttle.domain.state import State
from ups_throttle.domain.timers import Timers
from ups_throttle.records import (
    MAX_RECORD_BYTES,
    SENTINEL_KEY,
    TAKEOVER_KEY,
    Committed,
    Offsets,
    Outgoing,
    Payload,
    Record,
    Role,
    Source,
    Unreadable,
    Wire,
)

# How often an idle device is looked at, to be forgotten. Halved: more looking; doubled: its memory is held longer.
FORGET_CHECK_MS = 25 * 3_600_000

# A timer on which the domain raised is tried again after this: soon enough for a person to see it recover.
TIMER_RETRY_MS = 60_000

_FRAME = struct.Struct(">Bqq")
_FRAME_VERSION = 1
_ARMED_AT_ONCE = 500


class Refusal(StrEnum):
    """Why what was restored must not be gone on with."""

    OFFSETS_LOST = "offsets_lost"
    STATE_AHEAD = "state_ahead"
    CHANGELOG_LOST = "changelog_lost"
    PARTITIONS_CHANGED = "partitions_changed"


@dataclass(frozen=True, slots=True)
class Commit:
    """All that one transaction writes, and what becomes true once it is committed. `dead`: whether, for each record."""

    offsets: Offsets
    outgoing: list[Outgoing] = field(default_factory=list)
    states: dict[str, bytes | None] = field(default_factory=dict)
    wake_ms: dict[str, int | None] = field(default_factory=dict)
    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    duplicates: int = 0
    buried: tuple[tuple[Source, DeadLetterReason, str], ...] = ()
    stuck_timers: tuple[tuple[str, str], ...] = ()
    dead: tuple[bool, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to tell the broker; `apply` it all the same."""
        return not self.outgoing and not self.dead


class _UnpackableError(Exception):
    def __init__(self, device_id: str) -> None:
        super().__init__(device_id)
        self.device_id = device_id


class Partition:
    """States, timers and the device view of one partition number."""

    def __init__(self, number: int, partitions: int, wire: Wire) -> None:
        self.number = number
        self.offsets = Offsets(0, 0)
        self._partitions = partitions
        self._wire = wire
        self._states: dict[str, bytes] = {}
        self._devices: dict[str, bytes] = {}
        self._timers = Timers()
        self._sentinel: dict[str, int] | None = None
        self._newest = Offsets(-1, -1)
        self._unpacked: dict[str, Device] = {}

    # ------------------------------------------------------------ restoring

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one record of the changelog, in order.

        Raises:
            ValueError: it was written by another version than this code can read.
        """
        if key == TAKEOVER_KEY:
            return
        if key == SENTINEL_KEY:
            self._sentinel = json.loads(value or b"null")
            return
        device_id = key.decode()
        if value is None:
            self._states.pop(device_id, None)
            return
        version, events, commands = _FRAME.unpack_from(value)
        if version != _FRAME_VERSION:
            raise ValueError(f"state of version {version}, this release reads {_FRAME_VERSION}")
        self._newest = Offsets(max(self._newest.events, events), max(self._newest.commands, commands))
        self._states[device_id] = value[_FRAME.size :]

    def begin(self, committed: Committed) -> Offsets | Refusal:
        """Say where to go on after all was restored, or why that must not be.

        State carries the offsets of the transaction that wrote it, so it can never be ahead of what is committed,
        unless somebody moved the group back. An offset that is gone while a sentinel is there expired or was deleted.
        """
        history = self._sentinel is not None or bool(self._states)
        if self._sentinel is not None and self._sentinel["partitions"] != self._partitions:
            return Refusal.PARTITIONS_CHANGED
        if committed.events is None or committed.commands is None:
            if history:
                return Refusal.OFFSETS_LOST
            self.offsets = Offsets(committed.events or 0, committed.commands or 0)
            return self.offsets
        if not history:
            return Refusal.CHANGELOG_LOST
        newest = self.restored_to
        if newest.events > committed.events or newest.commands > committed.commands:
            return Refusal.STATE_AHEAD
        self.offsets = Offsets(committed.events, committed.commands)
        return self.offsets

    @property
    def restored_to(self) -> Offsets:
        """The offsets that the changelog was last committed with; past them nothing was decided that left a trace."""
        sentinel = Offsets(self._sentinel["events"], self._sentinel["commands"]) if self._sentinel else self._newest
        return Offsets(max(self._newest.events, sentinel.events), max(self._newest.commands, sentinel.commands))

    def arm(self, now_ms: int) -> Iterator[int]:
        """Set the timers of all that was restored; yields every few hundred devices, for others to get a turn."""
        for count, (device_id, packed) in enumerate(self._states.items(), start=1):
            wake_ms = next_due(snapshot.unpack(packed))
            self._timers.replace(device_id, now_ms if wake_ms is None else wake_ms)
            if count % _ARMED_AT_ONCE == 0:
                yield count

    # ------------------------------------------------------------ device view

    def follow(self, device_id: str, device: DeviceSnapshot | None) -> None:
        """Take one record of `ups.devices`; none: the device was removed."""
        self._unpacked.pop(device_id, None)
        if device is None:
            self._devices.pop(device_id, None)
        else:
            self._devices[device_id] = projection.pack(projection.project(device))

    def is_behind(self, records: Iterable[Record]) -> bool:
        """Whether an event was accepted by a newer device snapshot than the view has."""
        for record in records:
            event = record.message
            if isinstance(event, AcceptedEvent):
                device = self._device(event.device_id)
                if event.device_version > (device.version if device else 0):
                    return True
        return False

    # ------------------------------------------------------------ deciding

    @property
    def next_wake_ms(self) -> int | None:
        """When the next timer is due."""
        return self._timers.peek()

    @property
    def state_count(self) -> int:
        """How many devices are remembered."""
        return len(self._states)

    def batch(self, records: Sequence[Record], offsets: Offsets) -> Commit:
        """Decide on `records`, in order; `offsets` are the next ones to read.

        A record that cannot be read, or on which the domain raises, becomes a dead letter and changes no state: each is
        tried alone. A state that cannot be packed does not show which record spoilt it, so that device's records are
        gone through again and packed one by one.
        """
        one_by_one: set[str] = set()
        while True:
            draft = _Draft(self, one_by_one)
            dead = tuple([not draft.take(record) for record in records])
            try:
                return draft.commit(offsets, dead)
            except _UnpackableError as error:
                if error.device_id in one_by_one:
                    raise
                one_by_one.add(error.device_id)

    def tick(self, now_ms: int, limit: int) -> Commit:
        """Fire up to `limit` timers that are due, earliest first. The caller has decided on all that came before."""
        draft = _Draft(self, set())
        for device_id in self._timers.pop_due(now_ms, limit):
            draft.wake(device_id, now_ms)
        return draft.commit(self.offsets, ())

    def sentinel(self) -> Commit:
        """Commit both offsets anew, and the proof that there were some: offsets expire, the sentinel does not."""
        return Commit(self.offsets, [self._sentinel_at(self.offsets)])

    def apply(self, commit: Commit) -> None:
        """Make true what the broker has committed."""
        self.offsets = commit.offsets
        for device_id, packed in commit.states.items():
            if packed is None:
                self._states.pop(device_id, None)
            else:
                self._states[device_id] = packed
        for device_id, wake_ms in commit.wake_ms.items():
            if wake_ms is None:
                self._timers.remove(device_id)
            else:
                self._timers.replace(device_id, wake_ms)
        self._unpacked.clear()

    def packed(self, device_id: str) -> bytes | None:
        """Give a device's state as it is kept."""
        return self._states.get(device_id)

    def _sentinel_at(self, offsets: Offsets) -> Outgoing:
        told = {"partitions": self._partitions, "events": offsets.events, "commands": offsets.commands}
        return Outgoing(Role.CHANGELOG, Payload(SENTINEL_KEY, json.dumps(told).encode()))

    def _device(self, device_id: str) -> Device | None:
        device = self._unpacked.get(device_id)
        if device is None and (packed := self._devices.get(device_id)) is not None:
            device = self._unpacked[device_id] = projection.unpack(packed)
        return device


class _Draft:
    """The overlay of one batch or tick: reads through to the partition, writes only here."""

    def __init__(self, partition: Partition, one_by_one: set[str]) -> None:
        self._partition = partition
        self._one_by_one = one_by_one
        self._states: dict[str, State | None] = {}
        self._wake_ms: dict[str, int | None] = {}
        self._outgoing: list[Outgoing] = []
        self._decided: Counter[tuple[str, str]] = Counter()
        self._duplicates = 0
        self._buried: list[tuple[Source, DeadLetterReason, str]] = []
        self._stuck: list[tuple[str, str]] = []

    def take(self, record: Record) -> bool:
        """Decide on a record; false when it became a dead letter."""
        message = record.message
        if isinstance(message, Unreadable):
            return self._bury(record, message.reason, message.error)
        device_id, at_ms = message.device_id, record.raw.timestamp
        try:
            state, device = self._state(device_id), self._partition._device(device_id)  # noqa: SLF001 - its overlay
            match message:
                case AcceptedEvent():
                    step = decide(state, message, at_ms, device)
                case EnableNotifications():
                    step = command(state, message, device)
                case _:
                    assert_never(message)
            self._keep(device_id, state, step, at_ms, record.event_json)
        except Exception as error:  # noqa: BLE001 - whatever one record does, its neighbours pass
            return self._bury(record, DeadLetterReason.FAILED, _describe(error))
        return True

    def wake(self, device_id: str, now_ms: int) -> None:
        try:
            state = self._state(device_id)
            if state is None:
                return
            wake_ms, device = next_due(state), self._partition._device(device_id)  # noqa: SLF001
            if wake_ms is not None and wake_ms <= now_ms:
                self._keep(device_id, state, due(state, now_ms, device), now_ms)
            elif forgettable(state, now_ms, self._partition._device(device_id)):  # noqa: SLF001
                self._keep(device_id, state, Step(None, ()), now_ms)
            else:
                self._wake_ms[device_id] = wake_ms or now_ms + FORGET_CHECK_MS
        except Exception as error:  # noqa: BLE001 - whatever one timer does, the others fire
            self._stuck.append((device_id, _describe(error)))
            self._wake_ms[device_id] = now_ms + TIMER_RETRY_MS

    def commit(self, offsets: Offsets, dead: tuple[bool, ...]) -> Commit:
        states: dict[str, bytes | None] = {}
        for device_id, state in self._states.items():
            packed = None if state is None else self._pack(device_id, state)
            if packed is None and self._partition.packed(device_id) is None:
                continue  # born and forgotten within this batch
            states[device_id] = packed
            framed = None if packed is None else _FRAME.pack(_FRAME_VERSION, *offsets) + packed
            self._outgoing.append(Outgoing(Role.CHANGELOG, Payload(device_id.encode(), framed)))
        if any(dead) and not states:
            # Should the group's offsets be lost, the changelog says from where on nothing is put aside twice.
            self._outgoing.append(self._partition._sentinel_at(offsets))  # noqa: SLF001
        return Commit(
            offsets=offsets,
            outgoing=self._outgoing,
            states=states,
            wake_ms=self._wake_ms,
            decided=self._decided,
            duplicates=self._duplicates,
            buried=tuple(self._buried),
            stuck_timers=tuple(self._stuck),
            dead=dead,
        )

    def _state(self, device_id: str) -> State | None:
        if device_id in self._states:
            return self._states[device_id]
        packed = self._partition.packed(device_id)
        return None if packed is None else snapshot.unpack(packed)

    def _keep(
        self, device_id: str, before: State | None, step: Step, at_ms: int, event_json: bytes | None = None
    ) -> None:
        """Take a step over into the overlay, wholly or (when something about it raises) not at all."""
        outgoing: list[Outgoing] = []
        for decision in step.outputs:
            payload = self._partition._wire.decision(decision, event_json)  # noqa: SLF001
            if len(payload.value or b"") > MAX_RECORD_BYTES:
                raise ValueError(f"a decision of {len(payload.value or b'')} bytes is more than a record may have")
            outgoing.append(Outgoing(Role.DECISION, payload))
            if isinstance(decision, NotificationsDisabled | NotificationsEnabled):
                outgoing.append(Outgoing(Role.SUPPRESSION, payload))
        if step.state is not before:
            if step.state is None:
                wake_ms = None
            else:
                wake_ms = next_due(step.state) or at_ms + FORGET_CHECK_MS
                if device_id in self._one_by_one:
                    snapshot.pack(step.state)
            self._states[device_id] = step.state
            self._wake_ms[device_id] = wake_ms
        self._outgoing += outgoing
        self._duplicates += step.duplicate
        for decision in step.outputs:
            self._decided[decision.type, getattr(decision, "outcome", "")] += 1

    def _pack(self, device_id: str, state: State) -> bytes:
        try:
            return snapshot.pack(state)
        except Exception as error:
            raise _UnpackableError(device_id) from error

    def _bury(self, record: Record, reason: DeadLetterReason, error: str) -> bool:
        payload = self._partition._wire.dead_letter(record.raw, reason, error)  # noqa: SLF001
        self._outgoing.append(Outgoing(Role.DEAD_LETTER, payload))
        self._buried.append((record.source, reason, error))
        return False


def _describe(error: Exception) -> str:
    """Name the error without its text, which may quote the record."""
    trace: Any = error.__traceback__  # Any: the last frame is reached by walking
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"

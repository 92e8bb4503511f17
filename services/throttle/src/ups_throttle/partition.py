"""One partition's memory: what a batch or a tick would change, as a value that is applied after the broker committed.

Nothing here waits, reads a clock or talks to anybody. A `Partition` whose commit failed is thrown away whole, and a new
one is restored from the changelog.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from ups_throttle.changelog import unframe
from ups_throttle.domain import device as projection
from ups_throttle.domain import snapshot
from ups_throttle.domain.decide import next_due
from ups_throttle.domain.device import Device
from ups_throttle.domain.event import Event
from ups_throttle.domain.timers import Timers
from ups_throttle.overlay import Commit, Overlay, UnpackableError
from ups_throttle.records import (
    SENTINEL_KEY,
    TAKEOVER_KEY,
    Committed,
    Offsets,
    Outgoing,
    Payload,
    Record,
    Role,
    Source,
    Wire,
)

_ARMED_AT_ONCE = 500


class Refusal(StrEnum):
    """Why what was restored must not be gone on with."""

    OFFSETS_LOST = "offsets_lost"
    STATE_AHEAD = "state_ahead"
    CHANGELOG_LOST = "changelog_lost"
    PARTITIONS_CHANGED = "partitions_changed"


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
        self._sentinel: dict[str, Any] | None = None  # Any: JSON
        # The offsets that the changelog was last committed with, and those before; past them nothing left a trace.
        self.restored_to = self._restored_from = Offsets(-1, -1)
        self._committed = Offsets(0, 0)
        self._devices_aside = 0
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
            if self._sentinel is not None:
                self._devices_aside = self._sentinel.get("devices_aside", 0)
                offsets = Offsets(self._sentinel["events"], self._sentinel["commands"])
                self._note(offsets, Offsets(*self._sentinel.get("before", offsets)))
            return
        device_id = key.decode()
        if value is None:
            self._states.pop(device_id, None)
            return
        framed = unframe(value)
        self._states[device_id] = framed.packed
        self._note(framed.offsets, framed.before)

    def _note(self, offsets: Offsets, before: Offsets) -> None:
        if _reaches(offsets, self.restored_to):
            self.restored_to, self._restored_from = offsets, before

    def begin(self, committed: Committed) -> Offsets | Refusal:
        """Say where to go on after all was restored, or why that must not be.

        State carries the offsets of the transaction that wrote it. It is ahead of what the group has when somebody
        moved the group back, which is refused; or when a broker that stopped lost the group's part of the last
        transaction (docs/adr/0010): the group then stands where that one found it, and the state says where to go on.
        An offset that is gone while a sentinel is there expired or was deleted.
        """
        history = self._sentinel is not None or bool(self._states)
        if self._sentinel is not None and self._sentinel["partitions"] != self._partitions:
            return Refusal.PARTITIONS_CHANGED
        if committed.events is None or committed.commands is None:
            if history:
                return Refusal.OFFSETS_LOST
            self.offsets = self._committed = Offsets(committed.events or 0, committed.commands or 0)
            return self.offsets
        if not history:
            return Refusal.CHANGELOG_LOST
        self._committed = Offsets(committed.events, committed.commands)
        if not _reaches(self._committed, self._restored_from):
            return Refusal.STATE_AHEAD
        self.offsets = Offsets(*map(max, self._committed, self.restored_to))
        return self.offsets

    def arm(self, now_ms: int) -> Iterator[int]:
        """Set the timers of all that was restored; yields every few hundred devices, for others to get a turn."""
        for count, (device_id, packed) in enumerate(self._states.items(), start=1):
            wake_ms = next_due(snapshot.unpack(packed))
            self._timers.replace(device_id, now_ms if wake_ms is None else wake_ms)
            if count % _ARMED_AT_ONCE == 0:
                yield count

    # ------------------------------------------------------------ device view

    def follow(self, device_id: str, device: Device | None) -> None:
        """Take one record of `ups.devices`; none: the device was removed."""
        self._unpacked.pop(device_id, None)
        if device is None:
            self._devices.pop(device_id, None)
        else:
            self._devices[device_id] = projection.pack(device)

    def was_put_aside(self, unreadable: Record) -> bool:
        """Whether this record of `ups.devices` is in the dead letters: each take-over meets it again."""
        return unreadable.raw.offset < self._devices_aside

    def is_behind(self, records: Iterable[Record]) -> bool:
        """Whether an event was accepted by a newer device snapshot than the view has."""
        for record in records:
            event = record.message
            if isinstance(event, Event):
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
            overlay = Overlay(self._states, self._device, self._wire, one_by_one)
            dead = tuple([not overlay.take(record) for record in records])
            try:
                commit = overlay.commit(offsets, self._committed, dead)
            except UnpackableError as error:
                if error.device_id in one_by_one:
                    raise
                one_by_one.add(error.device_id)
            else:
                break
        aside = [record.raw.offset + 1 for record in records if record.source is Source.DEVICES]
        if aside:
            commit = replace(commit, devices_aside=max(aside))
        if aside or (any(dead) and not commit.states):
            # Should the group's offsets be lost, the changelog says from where on nothing is put aside twice. Devices
            # have no offset in the group: of them only the sentinel says it.
            commit.outgoing.append(self._sentinel_at(offsets, commit.devices_aside or self._devices_aside))
        return commit

    def tick(self, now_ms: int, limit: int) -> Commit:
        """Fire up to `limit` timers that are due, earliest first. The caller has decided on all that came before."""
        overlay = Overlay(self._states, self._device, self._wire)
        for device_id in self._timers.pop_due(now_ms, limit):
            overlay.wake(device_id, now_ms)
        return overlay.commit(self.offsets, self._committed, ())

    def sentinel(self) -> Commit:
        """Commit both offsets anew, and the proof that there were some: offsets expire, the sentinel does not."""
        return Commit(self.offsets, [self._sentinel_at(self.offsets, self._devices_aside)])

    def apply(self, commit: Commit) -> None:
        """Make true what the broker has committed."""
        self.offsets = commit.offsets
        if not commit.changes_nothing:
            self._committed = commit.offsets
        self._devices_aside = commit.devices_aside or self._devices_aside
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

    def _sentinel_at(self, offsets: Offsets, devices_aside: int) -> Outgoing:
        told = {
            "partitions": self._partitions,
            **offsets._asdict(),
            "before": self._committed,
            "devices_aside": devices_aside,
        }
        return Outgoing(Role.CHANGELOG, Payload(SENTINEL_KEY, json.dumps(told).encode()))

    def _device(self, device_id: str) -> Device | None:
        device = self._unpacked.get(device_id)
        if device is None and (packed := self._devices.get(device_id)) is not None:
            device = self._unpacked[device_id] = projection.unpack(packed)
        return device


def _reaches(offsets: Offsets, others: Offsets) -> bool:
    return offsets.events >= others.events and offsets.commands >= others.commands

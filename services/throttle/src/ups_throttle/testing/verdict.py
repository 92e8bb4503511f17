"""Whether what was committed is what must be: the rules told once more, and what holds whatever happened.

A transaction says how far it read. So all that was committed can be told anew in the same order, by somebody who knows
the rules and nothing of the worker.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from pydantic import TypeAdapter

from ups_schemas.decision import Decision, EnabledBy, EventDecided, NotificationsDisabled, NotificationsEnabled
from ups_schemas.device import DeviceSnapshot, EnableNotifications
from ups_schemas.envelope import DeadLetterHeader, from_milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.topics import (
    COMMANDS,
    DEAD_LETTERS,
    DECISIONS,
    DEVICES,
    EVENTS,
    SUPPRESSIONS,
    THROTTLE_STATE,
    Service,
)
from ups_throttle.adapters.memory_log import LogRecord
from ups_throttle.adapters.wire import parse_device, parse_record
from ups_throttle.changelog import unframe
from ups_throttle.domain import snapshot
from ups_throttle.domain.event import Event
from ups_throttle.records import SENTINEL_KEY, TAKEOVER_KEY, Offsets, Record, Source, Unreadable
from ups_throttle.testing.members import Wrong
from ups_throttle.testing.traced import TracedLog, Written

DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
LETTERS = DEAD_LETTERS[Service.THROTTLE].name


class Teller(Protocol):
    """Tells what is decided for one device; each call brings the newest snapshot."""

    duplicates: int

    @property
    def decisions(self) -> list[Decision]:
        """All so far."""

    @property
    def running_period(self) -> str | None:
        """The disabled period that runs."""

    def event(self, event: AcceptedEvent, device: DeviceSnapshot | None) -> None:
        """Decide on an event."""

    def command(self, order: EnableNotifications, device: DeviceSnapshot | None) -> None:
        """Take an order."""

    def due(self, now: datetime, device: DeviceSnapshot | None) -> None:
        """Fire what is due."""


class Verdict:
    """Goes through the transactions of a log in the order of their commits; `seen` counts what was there."""

    def __init__(self, log: TracedLog, new_teller: Callable[[str], Teller]) -> None:
        self.seen: Counter[str] = Counter()
        self._log = log
        self._new_teller = new_teller
        self._tellers: dict[str, Teller] = {}
        self._offsets: dict[int, Offsets] = defaultdict(lambda: Offsets(0, 0))
        self._views: dict[int, dict[str, DeviceSnapshot]] = defaultdict(dict)
        self._views_next: Counter[int] = Counter()
        self._running: dict[str, NotificationsDisabled] = {}
        self._letters: list[tuple[str, int, int, bytes | None]] = []

    def reach(self) -> None:
        """Say nothing if all is well.

        Raises:
            Wrong: something is not.
        """
        for written in self._log.history:
            self._transaction(written)
        for number, offsets in self._offsets.items():
            ends = Offsets(self._log.end(EVENTS.name, number), self._log.end(COMMANDS.name, number))
            _same("the offsets in the end", offsets, ends)
            self._outputs(number)
        self._dead_letters()
        _same("periods that no timer ended", sorted(self._running), [])
        self.seen["duplicate"] = sum(teller.duplicates for teller in self._tellers.values())

    # ------------------------------------------------------------ one transaction

    def _transaction(self, written: Written) -> None:
        number, before = written.number, self._offsets[written.number]
        after = written.offsets or before
        if after.events < before.events or after.commands < before.commands:
            raise Wrong(f"the offsets of {number} went back from {before} to {after}")
        self._offsets[number] = after
        self._follow(number, written.seen.devices_next)
        decided = [DECISION.validate_json(record.value or b"") for record in written.records[DECISIONS.name]]
        touched = [
            record for record in written.records[THROTTLE_STATE.name] if record.key not in {TAKEOVER_KEY, SENTINEL_KEY}
        ]
        told = self._read(number, before, after) if after != before else self._fired(written, touched)
        for position, (ours, theirs) in enumerate(zip(decided, told, strict=False)):
            _same(f"decision {position} on {theirs.device_id}", ours, theirs)
        _same("decisions in the transaction", len(decided), len(told))
        for decision in decided:
            self._alternate(decision)
        for record in touched:
            self._state(record, after)

    def _read(self, number: int, before: Offsets, after: Offsets) -> list[Decision]:
        """Tell a batch: orders first, as the port hands them out."""
        told: list[Decision] = []
        commands = self._log.read(COMMANDS.name, number, before.commands)
        events = self._log.read(EVENTS.name, number, before.events)
        for record in [
            *(parse_record(Source.COMMANDS, raw) for raw in commands if raw.offset < after.commands),
            *(parse_record(Source.EVENTS, raw) for raw in events if raw.offset < after.events),
        ]:
            told += self._tell(number, record)
        return told

    def _tell(self, number: int, record: Record) -> Sequence[Decision]:
        message = record.message
        if isinstance(message, Unreadable):
            raw = record.raw
            self._letters.append((raw.topic, raw.partition, raw.offset, raw.value))
            return ()
        device = self._views[number].get(message.device_id)
        teller = self._teller(message.device_id)
        count = len(teller.decisions)
        if isinstance(message, Event):
            if device is not None and device.version < message.device_version:
                raise Wrong(f"{message.event_id} of snapshot {message.device_version} was judged by {device.version}")
            teller.event(AcceptedEvent.model_validate_json(bytes(message.json)), device)
        else:
            teller.command(message, device)
            self.seen["order_obeyed" if len(teller.decisions) > count else "order_for_nothing"] += 1
        return teller.decisions[count:]

    def _fired(self, written: Written, touched: Sequence[LogRecord]) -> list[Decision]:
        """Tell timers; all that had come when their moment was noted must be decided."""
        told: list[Decision] = []
        reached, ends = self._offsets[written.number], written.seen.ends
        if touched and (reached.events < ends.events or reached.commands < ends.commands):
            raise Wrong(f"a timer fired at {reached}, before all was decided that was there: {ends}")
        for record in touched:
            device_id = (record.key or b"").decode()
            device = self._views[written.number].get(device_id)
            teller = self._teller(device_id)
            count = len(teller.decisions)
            if record.value is None:
                _same(f"{device_id} forgotten while it is there", device, None)
                _same(f"{device_id} forgotten in a period", teller.running_period, None)
                del self._tellers[device_id]
                self.seen["forgotten"] += 1
                continue
            teller.due(from_milliseconds(written.seen.now_ms), device)
            told += teller.decisions[count:]
        self.seen["timers_together"] += len(touched) > 1
        self.seen["enabled_by_timer"] += sum(isinstance(each, NotificationsEnabled) for each in told)
        return told

    def _state(self, record: LogRecord, after: Offsets) -> None:
        """What the state says is what the teller knows, and it carries the offsets of its transaction."""
        if record.value is None:
            return
        teller, state = self._teller((record.key or b"").decode()), snapshot.unpack(unframe(record.value).packed)
        offsets = [int.from_bytes(record.value[first : first + 8], "big") for first in (1, 9)]
        _same("the offsets of a state", Offsets(*offsets), after)
        _same("device_seq in the state", state.device_seq, len(teller.decisions))
        _same("the period in the state", state.period and state.period.period_id, teller.running_period)

    def _alternate(self, decision: Decision) -> None:
        running = self._running.get(decision.device_id)
        if isinstance(decision, NotificationsDisabled):
            _same("a period starts in a period", running, None)
            self._running[decision.device_id] = decision
            self.seen["disabled"] += 1
        elif isinstance(decision, NotificationsEnabled):
            _same("the period that ends", running and running.period_id, decision.period_id)
            del self._running[decision.device_id]
            if not decision.since <= decision.enabled_at <= decision.until:
                raise Wrong(f"enabled at {decision.enabled_at}, outside of the period")
            if decision.by is EnabledBy.TIME:
                _same("enabled_at", decision.enabled_at, decision.until)
            self.seen[f"enabled_by_{decision.by}"] += 1
        elif isinstance(decision, EventDecided):
            self.seen[decision.outcome] += 1

    # ------------------------------------------------------------ all of them

    def _outputs(self, number: int) -> None:
        """A reader sees what the transactions say, in their order; suppressions are a part of the decisions."""
        mine = [written for written in self._log.history if written.number == number]
        for topic in (DECISIONS.name, SUPPRESSIONS.name, THROTTLE_STATE.name):
            told = [record for written in mine for record in written.records[topic]]
            _same(f"what a reader sees of {topic}", self._log.read(topic, number), told)
        kinds = {NotificationsDisabled.model_fields["type"].default, NotificationsEnabled.model_fields["type"].default}
        periods = [
            record.value
            for record in self._log.read(DECISIONS.name, number)
            if (dict(record.headers)["ce_type"] or b"").decode() in kinds
        ]
        _same("suppressions", [record.value for record in self._log.read(SUPPRESSIONS.name, number)], periods)

    def _dead_letters(self) -> None:
        found = []
        for letter in self._log.read(LETTERS, 0):
            headers = {name: (value or b"").decode() for name, value in letter.headers}
            topic = headers[DeadLetterHeader.TOPIC]
            if topic != DEVICES.name:
                place = int(headers[DeadLetterHeader.PARTITION]), int(headers[DeadLetterHeader.OFFSET])
                found.append((topic, *place, letter.value))
        _same("dead letters", sorted(found, key=str), sorted(self._letters, key=str))
        self.seen["dead_letter"] = len(found)

    def _follow(self, number: int, devices_next: int) -> None:
        """Bring the view to where the writer had it; who takes over reads on, never back."""
        view, at = self._views[number], self._views_next[number]
        for raw in self._log.read(DEVICES.name, number, at):
            if raw.offset < devices_next and isinstance(parsed := parse_device(raw), tuple):
                device_id, device = parsed
                if device is None:
                    view.pop(device_id, None)
                else:
                    view[device_id] = device
        self._views_next[number] = max(at, devices_next)

    def _teller(self, device_id: str) -> Teller:
        if device_id not in self._tellers:
            self._tellers[device_id] = self._new_teller(device_id)
        return self._tellers[device_id]


def _same(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Wrong(f"{what}:\n  committed {ours}\n  must be   {theirs}")

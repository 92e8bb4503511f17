"""What one batch or tick would change, kept apart from the partition until the broker has committed it."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, assert_never

from ups_schemas.device import EnableNotifications
from ups_schemas.envelope import DeadLetterReason
from ups_throttle.changelog import Framed, frame
from ups_throttle.domain import snapshot
from ups_throttle.domain.decide import Step, command, decide, due, forgettable, next_due
from ups_throttle.domain.device import Device
from ups_throttle.domain.event import Event
from ups_throttle.domain.output import (
    Decided,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
)
from ups_throttle.domain.state import State
from ups_throttle.records import MAX_RECORD_BYTES, Offsets, Outgoing, Payload, Record, Role, Source, Unreadable, Wire

# How often an idle device is looked at, to be forgotten. Halved: more looking; doubled: its memory is held longer.
FORGET_CHECK_MS = 25 * 3_600_000

# A timer on which the domain raised is tried again after this: soon enough for a person to see it recover.
TIMER_RETRY_MS = 60_000


class Buried(NamedTuple):
    """A record that became a dead letter."""

    source: Source
    offset: int
    reason: DeadLetterReason
    error: str


@dataclass(frozen=True, slots=True)
class Commit:
    """All that one transaction writes, and what becomes true once it is committed.

    `dead`: whether, for each record. `devices_aside`: the offset after the last record of `ups.devices` put aside.
    """

    offsets: Offsets
    outgoing: list[Outgoing] = field(default_factory=list)
    states: dict[str, bytes | None] = field(default_factory=dict)
    wake_ms: dict[str, int | None] = field(default_factory=dict)
    decided: Counter[tuple[str, str]] = field(default_factory=Counter)
    duplicates: int = 0
    buried: tuple[Buried, ...] = ()
    stuck_timers: tuple[tuple[str, str], ...] = ()
    dead: tuple[bool, ...] = ()
    devices_aside: int | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether there is nothing to tell the broker; `apply` it all the same."""
        return not self.outgoing and not self.dead


class UnpackableError(Exception):
    """A device's state cannot be packed; which of a batch's records spoilt it does not show."""

    def __init__(self, device_id: str) -> None:
        super().__init__(device_id)
        self.device_id = device_id


class Overlay:
    """What one batch or tick changes: reads through to the partition's `states`, writes only here.

    The states of `one_by_one` are packed after each record: see `UnpackableError`.
    """

    def __init__(
        self,
        states: Mapping[str, bytes],
        device_of: Callable[[str], Device | None],
        wire: Wire,
        one_by_one: set[str] | frozenset[str] = frozenset(),
    ) -> None:
        self._before = states
        self._device_of = device_of
        self._wire = wire
        self._one_by_one = one_by_one
        self._states: dict[str, State | None] = {}
        self._wake_ms: dict[str, int | None] = {}
        self._outgoing: list[Outgoing] = []
        self._decided: Counter[tuple[str, str]] = Counter()
        self._duplicates = 0
        self._buried: list[Buried] = []
        self._stuck: list[tuple[str, str]] = []

    def take(self, record: Record) -> bool:
        """Decide on a record; false when it became a dead letter."""
        message = record.message
        if isinstance(message, Unreadable):
            return self._bury(record, message.reason, message.error)
        device_id, at_ms = message.device_id, record.raw.timestamp
        try:
            state, device = self._state(device_id), self._device_of(device_id)
            match message:
                case Event():
                    step = decide(state, message, at_ms, device)
                case EnableNotifications():
                    step = command(state, message, device)
                case _:
                    assert_never(message)
            self._keep(device_id, state, step, at_ms)
        except Exception as error:  # noqa: BLE001 - whatever one record does, its neighbours pass
            return self._bury(record, DeadLetterReason.FAILED, _describe(error))
        return True

    def wake(self, device_id: str, now_ms: int) -> None:
        """Fire a device's timer, forget the device, or look again later."""
        try:
            state = self._state(device_id)
            if state is None:
                return
            wake_ms, device = next_due(state), self._device_of(device_id)
            if wake_ms is not None and wake_ms <= now_ms:
                self._keep(device_id, state, due(state, now_ms, device), now_ms)
            elif forgettable(state, now_ms, device):
                self._keep(device_id, state, Step(None, ()), now_ms)
            else:
                self._wake_ms[device_id] = wake_ms or now_ms + FORGET_CHECK_MS
        except Exception as error:  # noqa: BLE001 - whatever one timer does, the others fire
            self._stuck.append((device_id, _describe(error)))
            self._wake_ms[device_id] = now_ms + TIMER_RETRY_MS

    def commit(self, offsets: Offsets, before: Offsets, dead: tuple[bool, ...]) -> Commit:
        """Give it all as a value, which takes the group from `before` to `offsets`.

        Raises:
            UnpackableError: a state cannot be packed.
        """
        states: dict[str, bytes | None] = {}
        for device_id, state in self._states.items():
            packed = None if state is None else self._pack(device_id, state)
            if packed is None and self._before.get(device_id) is None:
                continue  # born and forgotten within this batch
            states[device_id] = packed
            framed = None if packed is None else frame(Framed(offsets, before, packed))
            self._outgoing.append(Outgoing(Role.CHANGELOG, Payload(device_id.encode(), framed)))
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
        packed = self._before.get(device_id)
        return None if packed is None else snapshot.unpack(packed)

    def _keep(self, device_id: str, before: State | None, step: Step, at_ms: int) -> None:
        """Take a step over into the overlay, wholly or (when something about it raises) not at all."""
        outgoing: list[Outgoing] = []
        for output in step.outputs:
            payload = self._wire.decision(output)
            if len(payload.value or b"") > MAX_RECORD_BYTES:
                raise ValueError(f"a decision of {len(payload.value or b'')} bytes is more than a record may have")
            outgoing.append(Outgoing(Role.DECISION, payload))
            if isinstance(output.decided, NotificationsDisabled | NotificationsEnabled):
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
        for output in step.outputs:
            self._decided[output.decided.type, _outcome_of(output.decided)] += 1

    def _pack(self, device_id: str, state: State) -> bytes:
        try:
            return snapshot.pack(state)
        except Exception as error:
            raise UnpackableError(device_id) from error

    def _bury(self, record: Record, reason: DeadLetterReason, error: str) -> bool:
        payload = self._wire.dead_letter(record.raw, reason, error)
        self._outgoing.append(Outgoing(Role.DEAD_LETTER, payload))
        self._buried.append(Buried(record.source, record.raw.offset, reason, error))
        return False


def _outcome_of(decided: Decided) -> str:
    if isinstance(decided, EventDecided | LateEventsDecided):
        return decided.outcome.value
    return ""


def _describe(error: Exception) -> str:
    """Name the error without its text, which may quote the record."""
    trace: Any = error.__traceback__  # Any: the last frame is reached by walking
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"

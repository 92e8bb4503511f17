"""A device's history told again, step by step, to somebody who decides: each event, order and timer at its place.

The decisions say where that place is: one on an event comes of the next event, the end of a period of its timer, of an
order that names it, or of an event that found it over. They say which version of the device they were judged by, too.
Where they do not (nobody knew the device), or where several steps may have led to the same, each is tried: the first
that gives what was decided is taken.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from ups_cli.history.device import DeviceHistory, Heard
from ups_schemas.decision import (
    Decision,
    EnabledBy,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
)
from ups_schemas.device import Actor, DeviceSnapshot, EnableNotifications

# How many decisions one step can make: ends of a period, late events, the event, the start of a period.
_LONGEST_STEP = 4


class Teller(Protocol):
    """Decides on one device, and never changes: each call gives another teller, and what was decided."""

    def event(self, heard: Heard, device: DeviceSnapshot | None) -> tuple[Self, Sequence[Decision]]:
        """An event arrives."""

    def command(self, order: EnableNotifications, device: DeviceSnapshot | None) -> tuple[Self, Sequence[Decision]]:
        """Somebody orders the end of a period."""

    def due(self, now: datetime, device: DeviceSnapshot | None) -> tuple[Self, Sequence[Decision]]:
        """The timers that are due fire."""


T = TypeVar("T", bound=Teller)
_Tell = Callable[[T, DeviceSnapshot | None], tuple[T, Sequence[Decision]]]


class Move(NamedTuple, Generic[T]):
    """A step that may have led to a decision; `takes_event`: the next event is used up by it."""

    tell: _Tell[T]
    takes_event: bool = False


@dataclass(frozen=True)
class Difference:
    """The first decision that came out otherwise. What comes after it hangs on it."""

    expected: Decision
    told: Decision | None

    def __str__(self) -> str:
        """In words."""
        if self.told is None:
            return f"{_name(self.expected)} was decided, told again it is nothing"
        if type(self.told) is not type(self.expected):
            return f"{_name(self.expected)} was decided, told again it is {_name(self.told)}"
        was, now = self.expected.model_dump(mode="json"), self.told.model_dump(mode="json")
        fields = [
            f"{name} was {_short(was[name])}, told again {_short(now[name])}" for name in was if was[name] != now[name]
        ]
        return "; ".join(fields[:5])


@dataclass(frozen=True)
class Retold(Generic[T]):
    """How it went: the decisions that came out the same, the first that did not, and who told it up to `at_seq`."""

    same: int
    difference: Difference | None
    teller: T | None


def retell(
    history: DeviceHistory, events: Sequence[Heard], begin: Callable[[], T], *, at_seq: int | None = None
) -> Retold[T]:
    """Tell the history, which must begin with the device's first decision. `at_seq`: whose teller is wanted."""
    told = _Retelling(history, events, begin, unknown_first=False).run(at_seq)
    if told.difference is None:
        return told
    # Rows that look the same whether the device was known or not leave its state open: the other reading, then.
    other = _Retelling(history, events, begin, unknown_first=True).run(at_seq)
    return max(told, other, key=lambda one: (one.difference is None, one.same))


class _Retelling(Generic[T]):
    def __init__(
        self, history: DeviceHistory, events: Sequence[Heard], begin: Callable[[], T], *, unknown_first: bool
    ) -> None:
        self._history = history
        self._unknown_first = unknown_first
        self._begin = begin
        self._events = deque(events)
        self._teller = begin()
        self._device: DeviceSnapshot | None = None
        self._heard: tuple[tuple[T, DeviceSnapshot | None, Heard], tuple[T, Sequence[Decision]]] | None = None

    def run(self, at_seq: int | None) -> Retold[T]:
        decisions = self._history.decisions
        wanted: T | None = None
        place = 0
        while place < len(decisions):
            if decisions[place].device_seq == 1 and place:
                self._teller = self._begin()
            self._pass_silent_events()
            outcome = self._step(decisions[place : place + _LONGEST_STEP])
            if isinstance(outcome, Difference):
                return Retold(place, outcome, wanted)
            place += outcome
            if decisions[place - 1].device_seq == at_seq:
                wanted = self._teller
        return Retold(place, None, wanted)

    def _pass_silent_events(self) -> None:
        """Duplicates and readings come to nothing and change nothing, wherever they stand."""
        while self._events:
            _, decided = self._hear(self._teller, self._device)
            if decided:
                return
            self._events.popleft()

    def _step(self, expected: Sequence[Decision]) -> int | Difference:
        told: Decision | None = None
        for device in self._devices(expected):
            for move in self._moves(expected[0]):
                teller, decided = move.tell(self._teller, device)
                if decided and list(decided) == list(expected[: len(decided)]):
                    self._teller, self._device = teller, device
                    if move.takes_event:
                        self._events.popleft()
                    return len(decided)
                told = told or _first_other(decided, expected)
        return Difference(*_told_otherwise(expected, told))

    def _moves(self, expected: Decision) -> Iterator[Move[T]]:
        match expected:
            case NotificationsEnabled(by=EnabledBy.HAND):
                yield from self._orders(expected)
            case NotificationsEnabled(by=EnabledBy.TIME):
                yield self._due(expected.until)
                yield from self._orders(expected)
                yield from self._event()
            case NotificationsEnabled():
                yield from self._event()
                yield self._due(expected.until)
                yield from self._orders(expected)
            case LateEventsDecided():
                yield self._due(expected.effective_at)
                yield from self._event()
            case EventDecided() | NotificationsDisabled():
                yield from self._event()

    def _event(self) -> Iterator[Move[T]]:
        if self._events:
            yield Move(self._hear, takes_event=True)

    def _hear(self, teller: T, device: DeviceSnapshot | None) -> tuple[T, Sequence[Decision]]:
        """Tell the next event; what came of it a moment ago is remembered."""
        heard = self._events[0]
        if self._heard is None or any(
            ours is not theirs for ours, theirs in zip(self._heard[0], (teller, device, heard), strict=True)
        ):
            self._heard = ((teller, device, heard), teller.event(heard, device))
        return self._heard[1]

    def _due(self, now: datetime) -> Move[T]:
        return Move(lambda teller, device: teller.due(now, device))

    def _orders(self, expected: NotificationsEnabled) -> Iterator[Move[T]]:
        """Orders for the period; one that is no longer kept is as the decision says."""
        orders = [order for order in self._history.orders if order.period_id == expected.period_id]
        for order in orders or [order_of(expected)]:
            yield Move(lambda teller, device, order=order: teller.command(order, device))  # type: ignore[misc]

    def _devices(self, expected: Sequence[Decision]) -> Iterator[DeviceSnapshot | None]:
        """What may have been known of the device, the likeliest first."""
        snapshots = self._history.snapshots
        version = expected[0].basis.device_version
        if version is not None:
            yield snapshots.get(version)
            return
        tried: set[int | None] = set()
        nearby = [decision.basis.device_version for decision in expected[1:]]
        known = [] if self._device is None else [self._device.version]
        likely = (None, *known, *nearby) if self._unknown_first else (*known, *filter(None, nearby), None)
        for candidate in (*likely, *sorted(snapshots)):
            if candidate not in tried:
                tried.add(candidate)
                yield None if candidate is None else snapshots.get(candidate)


def _first_other(decided: Sequence[Decision], expected: Sequence[Decision]) -> Decision | None:
    for ours, theirs in zip(decided, expected, strict=False):
        if ours != theirs:
            return ours
    return decided[len(expected)] if len(decided) > len(expected) else None


def _told_otherwise(expected: Sequence[Decision], told: Decision | None) -> tuple[Decision, Decision | None]:
    """Put what was told beside the decision of the same number."""
    if told is not None:
        for decision in expected:
            if decision.device_seq == told.device_seq:
                return decision, told
    return expected[0], told


def order_of(enabled: NotificationsEnabled) -> EnableNotifications:
    """The order by hand that ended the period, as the decision says."""
    return EnableNotifications(
        command_id="no-longer-kept",
        device_id=enabled.device_id,
        ownership=enabled.ownership,
        period_id=enabled.period_id,
        enabled_at=enabled.enabled_at,
        actor=enabled.actor or Actor(kind="operator"),
        reason=enabled.command_reason,
    )


def _name(decision: Decision) -> str:
    if isinstance(decision, EventDecided | LateEventsDecided):
        return f"{decision.type} {decision.outcome}"
    return decision.type


def _short(value: Any) -> str:  # Any: a field of a decision, as JSON has it
    text = str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004 - what fits a line

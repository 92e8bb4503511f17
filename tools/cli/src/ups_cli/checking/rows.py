"""Each accepted event has one decision, in the same order; no decision is without its event.

In one partition decisions on events stand in the order of the events. So what is missing at its beginning is gone by
retention if older records are gone at all, what is missing at its end is still to be decided, and what is missing
between two that fit together is a fault.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from ups_cli.checking.faults import Fault, Findings, Rule
from ups_cli.history.device import DeviceHistory, Heard
from ups_cli.history.gather import Bounds
from ups_cli.history.spool import Kind
from ups_schemas.catalogue import STATUS
from ups_schemas.decision import EventDecided
from ups_schemas.envelope import milliseconds
from ups_schemas.event import AcceptedEvent

_REMEMBERED_IDS = 64
_REMEMBERED_FOR = timedelta(hours=24)


class Lone(NamedTuple):
    """An event without a decision, or the other way round; `offset` is that of the one which is there."""

    offset: int
    device_id: str
    event_id: str
    device_seq: int | None = None


@dataclass
class Matched:
    """The device's events as they were decided, and whether only ends of it may be missing."""

    told: list[Heard] = field(default_factory=list)
    is_sound: bool = True
    has_pairs: bool = False


class Rows:
    """Matches the devices of one partition; `finish` says what is amiss once all are known."""

    def __init__(self, bounds: Bounds, findings: Findings) -> None:
        self._bounds = bounds
        self._findings = findings
        self._events: list[Lone] = []
        self._decisions: list[Lone] = []
        self._first_event: int | None = None
        self._last_event = -1
        self._first_decision: int | None = None

    def match(self, history: DeviceHistory) -> Matched:
        """Put the device's decisions beside its events."""
        matched = Matched()
        rows = deque(
            (decision, at)
            for decision, at in zip(history.decisions, history.decided_at, strict=True)
            if isinstance(decision, EventDecided)
        )
        left = Counter(_name(heard.event) for heard in history.events)
        done: deque[EventDecided] = deque(maxlen=_REMEMBERED_IDS)
        lone_before = len(self._events)
        embedded: list[Heard] = []
        for heard in history.events:
            self._pop_lone(history, rows, left, done, embedded, matched)
            left[_name(heard.event)] -= 1
            if rows and _name(rows[0][0].event) == _name(heard.event):
                decision, at = rows.popleft()
                self._pair(history, heard, decision, at)
                if len(self._events) > lone_before:
                    matched.is_sound = False
                done.append(decision)
                matched.has_pairs = True
                matched.told.append(heard)
            else:
                if self._is_undecided(heard, done):
                    self._events.append(Lone(heard.offset, history.device_id, heard.event.event_id))
                if heard.offset not in self._bounds.dead:
                    matched.told.append(heard)
        self._pop_lone(history, rows, left, done, embedded, matched)
        matched.told[:0] = embedded
        return matched

    def finish(self) -> None:
        """Tell faults from what retention took and from what is still to be decided."""
        bounds, findings = self._bounds, self._findings
        for lone in self._events:
            if bounds.cut[Kind.DECISION] and (self._first_event is None or lone.offset < self._first_event):
                findings.before_retention += 1
            elif lone.offset > self._last_event and (bounds.committed is None or lone.offset >= bounds.committed):
                findings.pending += 1
            else:
                place = f"event {lone.event_id} (partition {bounds.number}, offset {lone.offset}) has no decision"
                findings.add(Fault(Rule.NOT_DECIDED, lone.device_id, place))
        for lone in self._decisions:
            if bounds.cut[Kind.EVENT] and (self._first_decision is None or lone.offset < self._first_decision):
                findings.before_retention += 1
            else:
                detail = f"event {lone.event_id} was decided, but was never accepted"
                findings.add(Fault(Rule.NO_EVENT, lone.device_id, detail, lone.device_seq))

    def _pop_lone(
        self,
        history: DeviceHistory,
        rows: deque[tuple[EventDecided, int]],
        left: Counter[tuple[str, datetime]],
        done: deque[EventDecided],
        embedded: list[Heard],
        matched: Matched,
    ) -> None:
        """Take out decisions whose event does not come any more."""
        while rows and not left[_name(rows[0][0].event)]:
            decision, at = rows.popleft()
            event = decision.event
            if any(_name(other.event) == _name(event) for other in done):
                detail = f"event {event.event_id} was decided a second time"
                self._findings.add(Fault(Rule.DECIDED_TWICE, history.device_id, detail, decision.device_seq))
                matched.is_sound = False
                continue
            self._decisions.append(Lone(at, history.device_id, event.event_id, decision.device_seq))
            if matched.has_pairs or not self._bounds.cut[Kind.EVENT]:
                matched.is_sound = False
            else:
                done.append(decision)
                embedded.append(Heard(-1, milliseconds(event.received_at), event))

    def _pair(self, history: DeviceHistory, heard: Heard, decision: EventDecided, at: int) -> None:
        first_event, first_decision = self._first_event, self._first_decision
        self._first_event = heard.offset if first_event is None else min(first_event, heard.offset)
        self._first_decision = at if first_decision is None else min(first_decision, at)
        self._last_event = max(self._last_event, heard.offset)
        if decision.event != heard.event:
            detail = f"the decision on event {heard.event.event_id} quotes it otherwise than it was accepted"
            self._findings.add(Fault(Rule.EVENT_DIFFERS, history.device_id, detail, decision.device_seq))
        if milliseconds(heard.event.received_at) != heard.timestamp_ms:
            detail = f"event {heard.event.event_id} says another time of receipt than its record"
            self._findings.add(Fault(Rule.EVENT_DIFFERS, history.device_id, detail, decision.device_seq))

    def _is_undecided(self, heard: Heard, done: deque[EventDecided]) -> bool:
        event = heard.event
        if event.code == STATUS and not (event.suspect or event.test):
            reason = "status"
        elif heard.offset in self._bounds.dead:
            reason = "dead_letter"
        elif _repeats(event.event_id, heard, done):
            reason = "duplicate"
        elif self._bounds.cut[Kind.DECISION] and _may_repeat_what_is_gone(heard, done):
            reason = "perhaps_duplicate"
        else:
            return True
        self._findings.without_decision[reason] += 1
        return False


def _name(event: AcceptedEvent) -> tuple[str, datetime]:
    """What tells an event from others of the device: one that is sent again is received another time."""
    return event.event_id, event.received_at


def _repeats(event_id: str, heard: Heard, done: deque[EventDecided]) -> bool:
    at = max(heard.event.received_at, *(row.effective_at for row in done)) if done else heard.event.received_at
    return any(row.event.event_id == event_id and at - row.effective_at < _REMEMBERED_FOR for row in done)


def _may_repeat_what_is_gone(heard: Heard, done: deque[EventDecided]) -> bool:
    """Whether the throttle may remember an event of this id whose decision is no longer kept."""
    if not done or len(done) == done.maxlen:
        return False
    return heard.event.received_at - done[0].effective_at < _REMEMBERED_FOR

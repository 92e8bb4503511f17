"""What becomes of a raise, a clear or a pulse of the ownership that is being decided for."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ups_schemas.decision import Note, Outcome, Reason
from ups_schemas.ids import NotificationId, event_notification_id, period_id
from ups_throttle.domain import period
from ups_throttle.domain.conditions import (
    Effect,
    apart,
    effect_of,
    find,
    is_over,
    is_stale,
    make_room,
    take_ended,
    text_of,
    with_ends,
)
from ups_throttle.domain.device import Device, Subscriber
from ups_throttle.domain.draft import Draft
from ups_throttle.domain.event import Event
from ups_throttle.domain.gate import Gate, gate
from ups_throttle.domain.late import QUIET_MS
from ups_throttle.domain.record import event_decided, id_of, incidents, rank_of
from ups_throttle.domain.state import DAY_MS, Counted, Incident, LateTimer
from ups_throttle.domain.wish import Wish, wish


class _Verdict(NamedTuple):
    """The outcome, and who is mailed for the raise and for what it ends."""

    gate: Gate
    reason: Reason | None = None
    raise_to: Sequence[Subscriber] = ()
    close_to: Sequence[Subscriber] = ()

    @property
    def is_mailed(self) -> bool:
        return self.gate.outcome is Outcome.NOTIFY

    @property
    def passed(self) -> bool:
        return self.reason is Reason.PASSED_WHILE_DISABLED

    def recipients(self, view: Device | None) -> tuple[str, ...]:
        """Both, each person once."""
        if not self.close_to or not self.raise_to or view is None:
            return tuple([who.user_id for who in self.raise_to or self.close_to])
        both = {who.user_id for who in (*self.raise_to, *self.close_to)}
        return tuple(who.user_id for who in view.subscribers if who.user_id in both)


def judge(draft: Draft, event: Event, received_ms: int, at_ms: int) -> None:
    """Decide on the event and update the conditions: the first outcome of product section 2 that applies."""
    if event.late:
        draft.late = LateTimer(at_ms + QUIET_MS, event.event_id, event.code, event.phase)
    effect = effect_of(event)
    key = apart(event, event.code) if effect.opens else b""
    if effect.opens and is_over(draft.ends, event, key, at_ms):
        event_decided(draft, event, at_ms, Outcome.ALREADY_OVER, period_id=draft.disabled_at(at_ms))
        return
    notes: list[Note] = []
    standing = _standing(draft, event, key, at_ms, notes) if effect.opens else None
    closed = take_ended(draft.incidents, event, effect.ends, at_ms)
    draft.ends = with_ends(draft.ends, event, effect.ends, at_ms)
    if effect.clears:
        wanted = Wish((), Outcome.NOT_TOLD if closed else Outcome.NO_OPEN_CONDITION)
    elif standing is not None and standing.told:
        wanted = Wish((), Outcome.REPEAT)
    elif event.late:
        wanted = Wish((), Outcome.LATE)
    else:
        wanted = wish(draft, received_ms, ((event.code, rank_of(draft, event)),))
    view = draft.view
    verdict = _verdict(draft, view, event, wanted, closed, at_ms)
    told_of = incidents(draft, closed)
    notification_id = event_notification_id(event.device_id, event.event_id) if verdict.is_mailed else None
    opened: tuple[Incident, ...] = ()
    evicted = None
    if effect.opens:
        if standing is None:
            evicted = _make_room(draft, at_ms, notes)
        opened = _open(draft, event, key, standing, at_ms, verdict, notification_id)
    _count(draft, event, effect, opened, closed, verdict, at_ms)
    trips = verdict.gate.outcome is Outcome.DISABLED
    disabled_in = period_id(event.device_id, event.event_id) if trips else verdict.gate.period_id
    event_decided(
        draft,
        event,
        at_ms,
        verdict.gate.outcome,
        reason=verdict.reason,
        notes=tuple(notes),
        opened=incidents(draft, opened),
        closed=told_of,
        confirmed=id_of(draft, standing),
        evicted=id_of(draft, evicted),
        count=verdict.gate.place,
        notification_id=notification_id,
        recipients=verdict.recipients(view),
        period_id=disabled_in,
    )
    if trips and view is not None and disabled_in is not None:
        period.start(draft, view, disabled_in, Counted(at_ms, event.event_id, event.code, event.phase))


def _standing(draft: Draft, event: Event, key: bytes, at_ms: int, notes: list[Note]) -> Incident | None:
    """The open condition that the raise is about. One that is long taken as over makes room for a new one."""
    index = find(draft.incidents, event.code, key)
    if index is None:
        return None
    incident = draft.incidents[index]
    if not is_stale(incident, at_ms):
        return incident
    del draft.incidents[index]
    notes.append(Note.END_NOT_REPORTED)
    return None


def _verdict(
    draft: Draft, view: Device | None, event: Event, wanted: Wish, closed: Sequence[Incident], at_ms: int
) -> _Verdict:
    close_to = draft.still_listening(closed)
    if view is None or not (wanted.by or close_to):
        return _Verdict(Gate(wanted.outcome, period_id=draft.disabled_at(at_ms)), wanted.reason)
    passage = gate(draft, view, at_ms)
    if passage.outcome is Outcome.SUPPRESSED:
        return _passed(draft, view, event, wanted, closed, passage, at_ms)
    if passage.outcome is Outcome.DISABLED:
        return _Verdict(passage)
    return _Verdict(passage, None, wanted.by, close_to)


def _passed(
    draft: Draft,
    view: Device,
    event: Event,
    wanted: Wish,
    closed: Sequence[Incident],
    passage: Gate,
    at_ms: int,
) -> _Verdict:
    """What is mailed although notifications are disabled: one listed raise a day, and the end of such a one."""
    rested = draft.passed_ms is None or at_ms - draft.passed_ms >= DAY_MS
    raise_to = wanted.by if rested and event.code in view.passes else ()
    close_to = draft.still_listening([incident for incident in closed if incident.passed])
    if raise_to:
        draft.passed_ms = at_ms
    if not raise_to and not close_to:
        return _Verdict(passage)
    return _Verdict(passage._replace(outcome=Outcome.NOTIFY), Reason.PASSED_WHILE_DISABLED, raise_to, close_to)


def _make_room(draft: Draft, at_ms: int, notes: list[Note]) -> Incident | None:
    """Drop what is one too many; gives it if it was still open."""
    evicted = make_room(draft.incidents, at_ms)
    if evicted is not None:
        notes.append(Note.EVICTED)
    return evicted


def _open(
    draft: Draft,
    event: Event,
    key: bytes,
    standing: Incident | None,
    at_ms: int,
    verdict: _Verdict,
    notification_id: NotificationId | None,
) -> tuple[Incident, ...]:
    """Open the condition, or confirm it; gives it if it is new."""
    told = draft.tell(verdict.raise_to) if verdict.raise_to else b""
    if standing is None:
        incident = Incident(
            event.code,
            key,
            event.event_id,
            rank_of(draft, event),
            at_ms,
            at_ms,
            event.occurred_ms,
            text_of(event),
            told,
            notification_id if told else None,
            event.late,
            bool(told) and verdict.passed,
        )
        draft.incidents.append(incident)
        return (incident,)
    index = draft.incidents.index(standing)
    if standing.told:
        draft.incidents[index] = msgspec.structs.replace(standing, confirmed_ms=at_ms)
    else:
        draft.incidents[index] = msgspec.structs.replace(
            standing,
            confirmed_ms=at_ms,
            told=told,
            told_in=notification_id if told else None,
            late=event.late,
            passed=bool(told) and verdict.passed,
        )
    return ()


def _count(
    draft: Draft,
    event: Event,
    effect: Effect,
    opened: Sequence[Incident],
    closed: Sequence[Incident],
    verdict: _Verdict,
    at_ms: int,
) -> None:
    if verdict.gate.place is not None:
        draft.count(Counted(at_ms, event.event_id, event.code, event.phase))
    if draft.period is not None:
        raised = [event.code] if opened or not (effect.opens or effect.clears) else []
        cleared = [incident.code for incident in closed]
        draft.happened(raised, cleared, suppressed=verdict.gate.outcome is Outcome.SUPPRESSED)

"""What becomes of a raise, a clear or a pulse."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ups_cli.oracle.desk import Desk, Users
from ups_cli.oracle.history import DAY, Open, Past
from ups_cli.oracle.periods import disable
from ups_cli.oracle.said import clears, ended_by, occurred_at, opens, text, told_apart
from ups_schemas import decision as wire
from ups_schemas import ids
from ups_schemas.decision import Note, Outcome, Reason
from ups_schemas.event import AcceptedEvent

HOUR = timedelta(hours=1)
OPEN_AT_MOST = 64


@dataclass(frozen=True)
class Verdict:
    """The outcome, and who is mailed for the raise and for what it ends."""

    outcome: Outcome
    reason: Reason | None = None
    count: wire.Count | None = None
    raise_to: Users = ()
    close_to: Users = ()


def judge(desk: Desk, event: AcceptedEvent, at: datetime) -> None:
    """Decide on the event, and note what it did."""
    history, key = desk.history, told_apart(event, event.code)
    past = Past(at, late_event=event if event.late else None)
    if opens(event) and _occurred_before_its_end(desk, event, key, at):
        desk.row(past, event, Outcome.ALREADY_OVER, period_id=history.disabled_at(at))
        return
    same = [one for one in history.open() if opens(event) and (one.code, one.told_apart) == (event.code, key)]
    forgotten = [one for one in same if one.is_over_by(at)]
    about = next((one for one in same if one not in forgotten), None)
    gone = [
        one
        for code in ended_by(event)
        for one in history.open()
        if one.code == code and told_apart(event, code) in ("", one.told_apart)
    ]
    ended = [one for one in gone if not one.is_over_by(at)]
    verdict = _verdict(desk, event, about, ended, at)
    mailed = verdict.outcome is Outcome.NOTIFY
    notification_id = ids.event_notification_id(desk.device_id, event.event_id) if mailed else None
    notes = [Note.END_NOT_REPORTED] if forgotten else []
    opened: list[Open] = []
    evicted: list[Open] = []
    if opens(event) and about is None:
        opened = [_new(desk, event, key, at)]
        evicted = _too_many([one for one in history.open() if one not in (*gone, *forgotten)], at)
        notes += [Note.EVICTED for one in evicted if not one.is_over_by(at)]
    now = [_judged(one, event, verdict, notification_id, at) for one in opened or ([about] if about else [])]
    tripping = wire.Tripping(event_id=event.event_id, code=event.code, phase=event.phase, at=at)
    trips = verdict.outcome is Outcome.DISABLED
    period = ids.period_id(desk.device_id, event.event_id) if trips else history.disabled_at(at)
    occurred = occurred_at(event)
    pulsed = not opens(event) and not clears(event)
    past = replace(
        past,
        gone=(*forgotten, *gone, *evicted),
        now=tuple(now),
        counted=tripping if verdict.count else None,
        ends=tuple((code, told_apart(event, code), occurred) for code in ended_by(event)) if occurred else (),
        passed_raise=verdict.reason is Reason.PASSED_WHILE_DISABLED and bool(verdict.raise_to),
        came=(event.code,) if opened or pulsed else (),
        went=tuple(one.code for one in ended),
    )
    desk.row(
        past,
        event,
        verdict.outcome,
        reason=verdict.reason,
        notes=tuple(notes),
        opened=desk.listed(now) if opened else (),
        closed=desk.listed(ended),
        confirmed=desk.incident_id(about) if about else None,
        evicted=next((desk.incident_id(one) for one in evicted if not one.is_over_by(at)), None),
        count=verdict.count,
        notification_id=notification_id,
        recipients=desk.in_order({*verdict.raise_to, *verdict.close_to}),
        period_id=period,
    )
    if trips and period:
        disable(desk, period, tripping)


def _verdict(desk: Desk, event: AcceptedEvent, about: Open | None, ended: list[Open], at: datetime) -> Verdict:
    by, outcome, reason = _wanted(desk, event, about, ended)
    close_to = desk.told_of(ended)
    if not by and not close_to:
        return Verdict(outcome, reason)
    outcome, count = desk.gate(at)
    if outcome is Outcome.DISABLED:
        return Verdict(outcome)
    if outcome is Outcome.SUPPRESSED:
        by = by if _may_pass(desk, event, at) else ()
        close_to = desk.told_of(one for one in ended if one.passed)
        if not by and not close_to:
            return Verdict(outcome)
        return Verdict(Outcome.NOTIFY, Reason.PASSED_WHILE_DISABLED, None, by, close_to)
    return Verdict(outcome, None, count, by, close_to)


def _wanted(
    desk: Desk, event: AcceptedEvent, about: Open | None, ended: list[Open]
) -> tuple[Users, Outcome, Reason | None]:
    if clears(event):
        return (), Outcome.NOT_TOLD if ended else Outcome.NO_OPEN_CONDITION, None
    if about and about.told:
        return (), Outcome.REPEAT, None
    if event.late:
        return (), Outcome.LATE, None
    return desk.wish(event.received_at, [(event.code, desk.severity(event))])


def _occurred_before_its_end(desk: Desk, event: AcceptedEvent, key: str, at: datetime) -> bool:
    occurred, end = occurred_at(event), desk.history.last_end(event, key)
    return occurred is not None and end is not None and at - end[0] < HOUR and occurred < end[1]


def _may_pass(desk: Desk, event: AcceptedEvent, at: datetime) -> bool:
    before = desk.history.last_passed()
    listed = desk.view is not None and event.code in desk.view.pass_while_disabled
    return listed and (before is None or at - before >= DAY)


def _new(desk: Desk, event: AcceptedEvent, key: str, at: datetime) -> Open:
    severity = desk.severity(event)
    return Open(event.code, key, event.event_id, severity, at, at, occurred_at(event), text(event))


def _judged(one: Open, event: AcceptedEvent, verdict: Verdict, notification_id: str | None, at: datetime) -> Open:
    """The condition as it is after this raise of it."""
    if one.told:
        return replace(one, confirmed=at)
    one = replace(one, confirmed=at, late=event.late)
    if not verdict.raise_to:
        return one
    passed = verdict.reason is Reason.PASSED_WHILE_DISABLED
    return replace(one, told=frozenset(verdict.raise_to), told_in=notification_id, passed=passed)


def _too_many(others: list[Open], at: datetime) -> list[Open]:
    if len(others) < OPEN_AT_MOST:
        return []
    return [min(others, key=lambda one: (not one.is_over_by(at), one.severity.rank, one.since))]

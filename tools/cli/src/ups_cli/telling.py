"""Decisions in words that somebody in a server room understands."""

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from ups_cli import moments
from ups_schemas.catalogue import CONDITIONS, OTHER, name_of
from ups_schemas.decision import (
    Basis,
    Decision,
    EnabledBy,
    EventDecided,
    Incident,
    LateEventsDecided,
    Note,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
    Reason,
)
from ups_schemas.event import AcceptedEvent, Phase

Periods = Mapping[str, NotificationsDisabled]

_NOT_ENTITLED = {
    Reason.DEVICE_UNKNOWN: "the device was not known then",
    Reason.OWNERSHIP_ENDED: "the device had passed to somebody else",
}
_CLEARING = frozenset(clear for condition in CONDITIONS for clear in condition.clears)
_WHY_NOT = {
    Outcome.BELOW_SEVERITY: "nobody wants mails of this kind or severity",
    Outcome.NO_SUBSCRIBER: "nobody is subscribed to this device",
    Outcome.ALREADY_OVER: "it was over before we heard of it",
    Outcome.NO_OPEN_CONDITION: "it ends nothing that we knew of",
    Outcome.NOT_TOLD: "nobody who still listens was told that it began",
    Outcome.SUSPECT: "its own readings contradict it",
}
_NOTES = {
    Note.END_NOT_REPORTED: "the end of the one before was never reported",
    Note.EVICTED: "too many conditions were open, so an older one was dropped",
}


class Words:
    """Says decisions. `periods` are the disabled periods that are known, by id; times are in the zone."""

    def __init__(self, periods: Periods, zone: ZoneInfo | None) -> None:
        self._periods = periods
        self._zone = zone

    def line(self, decision: Decision) -> tuple[datetime, str]:
        """When it was, and what was decided and why."""
        match decision:
            case EventDecided():
                return decision.event.received_at, f"{event_name(decision.event)}: {self._event(decision)}"
            case LateEventsDecided():
                return decision.effective_at, f"{_listed(decision.open)}, told late: {self._late(decision)}"
            case NotificationsDisabled():
                return decision.since, self._disabled(decision)
            case NotificationsEnabled():
                return decision.enabled_at, self._enabled(decision)
            case _:
                assert_never(decision)

    def at(self, moment: datetime) -> str:
        """The moment in the zone."""
        return moments.said(moment, self._zone)

    def _event(self, decision: EventDecided) -> str:
        said = self._outcome(decision.outcome, decision)
        notes = [_NOTES[note] for note in decision.notes if note in _NOTES]
        return "; ".join([said, *notes])

    def _late(self, decision: LateEventsDecided) -> str:
        return self._outcome(decision.outcome, decision)

    def _outcome(self, outcome: Outcome, decision: EventDecided | LateEventsDecided) -> str:
        match outcome:
            case Outcome.NOTIFY | Outcome.TEST:
                said = self._mailed(decision)
            case Outcome.DISABLED:
                said = f"not mailed, one too many: {_limit(decision.basis)}. Event Notifications were disabled instead"
            case Outcome.SUPPRESSED:
                said = f"not mailed, since {self._disabled_then(decision.period_id)}"
            case Outcome.REPEAT:
                said = "not mailed again: it still lasts, and was told before"
            case Outcome.LATE:
                said = "not mailed at once: it came late, and is told with others if it still lasts"
            case Outcome.NOT_ENTITLED:
                said = f"not mailed: {_NOT_ENTITLED.get(decision.reason or Reason.PLAN) or _plan(decision.basis)}"
            case _:
                said = f"not mailed: {_WHY_NOT.get(outcome, outcome)}"
        return said

    def _mailed(self, decision: EventDecided | LateEventsDecided) -> str:
        if decision.outcome is Outcome.TEST:
            return (
                f"a test, mailed to {', '.join(decision.recipients)}" if decision.recipients else "a test, not mailed"
            )
        said = f"mailed to {', '.join(decision.recipients)}"
        if decision.reason is Reason.PASSED_WHILE_DISABLED:
            said += f", although {self._disabled_then(decision.period_id)}, for this one always is"
        if decision.count is not None:
            count = decision.count
            said += f" ({count.position} of {count.limit} in {moments.long(count.window_s)})"
        return said

    def _disabled_then(self, period_id: str | None) -> str:
        period = self._periods.get(period_id or "")
        if period is None:
            return "Event Notifications were disabled then"
        return f"Event Notifications are disabled until {self.at(period.until)} after {_limit(period.basis)}"

    def _disabled(self, decision: NotificationsDisabled) -> str:
        to = f"; told to {', '.join(decision.recipients)}" if decision.recipients else ""
        return f"Event Notifications disabled until {self.at(decision.until)} after {_limit(decision.basis)}{to}"

    def _enabled(self, decision: NotificationsEnabled) -> str:
        match decision.by:
            case EnabledBy.TIME:
                how = "the time was over"
            case EnabledBy.HAND:
                actor = decision.actor
                how = f"by hand, by {(actor.user_id if actor else None) or 'the operator'}"
                how += f" ({decision.command_reason})" if decision.command_reason else ""
            case EnabledBy.OWNERSHIP_ENDED:
                how = "the device was removed or passed to somebody else"
        return f"Event Notifications enabled again: {how}; {decision.suppressed_count} not mailed meanwhile"


def event_name(event: AcceptedEvent) -> str:
    """What happened; of an event that no catalogue knows, what the device called it."""
    name = name_of(event.code)
    told = event.native_text or event.native_code
    if event.code.startswith(OTHER) and told:
        name = f"{name} ({told})"
    if event.phase is Phase.CLEAR and event.code not in _CLEARING:
        return f"{name}, ended"
    return f"{name}, still" if event.phase is Phase.REPEAT else name


def open_condition(incident: Incident, words: Words) -> str:
    """An open condition, since when, and who was told."""
    text = f" ({incident.text})" if incident.text else ""
    told = f"told to {', '.join(incident.told)}" if incident.told else "told to nobody"
    return f"{name_of(incident.code)}{text} since {words.at(incident.since)}, {told}"


def _listed(incidents: tuple[Incident, ...]) -> str:
    return ", ".join(name_of(one.code) for one in incidents) or "Nothing"


def _limit(basis: Basis) -> str:
    policy = basis.policy
    if policy is None:
        return "too many notifications"
    return f"{moments.many(policy.limit, 'notification')} in {moments.long(policy.window_s)}"


def _plan(basis: Basis) -> str:
    if basis.plan is None or basis.plan.name == "basic":
        return "the plan logs only (Basic Monitoring)"
    return f"the plan {basis.plan.name} had ended"

"""Decisions in words that somebody in a server room understands: one table for the Event Log, its pages and `ups`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

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
from ups_schemas.ids import PeriodId, UserId
from ups_schemas.wording import count, duration, one_line, shortened

# More people than that are a number.
NAMED = 5

_CLEARING = frozenset(clear for condition in CONDITIONS for clear in condition.clears)
_NOT_ENTITLED = {
    Reason.DEVICE_UNKNOWN: "the device was not known then",
    Reason.OWNERSHIP_ENDED: "the device had passed to somebody else",
}
_WHY_NOT = {
    Outcome.BELOW_SEVERITY: "not mailed: nobody who is subscribed wants events of this kind or severity",
    Outcome.NO_SUBSCRIBER: "not mailed: nobody is subscribed to this device",
    Outcome.LATE: "not mailed at once: it came late, and is told with others if it still lasts",
    Outcome.REPEAT: "not mailed again: it still lasts, and was told before",
    Outcome.ALREADY_OVER: "not mailed: it was over before we heard of it",
    Outcome.NO_OPEN_CONDITION: "not mailed: it ends nothing that we knew of",
    Outcome.NOT_TOLD: "not mailed: nobody who still listens was told that it began",
    Outcome.SUSPECT: "not mailed: its own readings contradict it",
}
_NOTES = {
    Note.END_NOT_REPORTED: "the end of the one before was never reported",
    Note.EVICTED: "too many conditions were open, so an older one was dropped",
}


@dataclass(frozen=True, slots=True)
class Words:
    """Says decisions to one reader.

    `at` gives a moment in the reader's zone, `name` what a person is called there. `periods` are the disabled periods
    that are known: of others it is not said how long they last.
    """

    at: Callable[[datetime], str]
    name: Callable[[UserId], str]
    periods: Mapping[PeriodId, NotificationsDisabled] = field(default_factory=dict)

    def row(
        self,
        decision: EventDecided | None,
        late_mail: LateEventsDecided | None = None,
        began_at: datetime | None = None,
    ) -> str:
        """What became of an event, as sentences: mailed to whom, or why not; of a late one also what came of it.

        `began_at` is when the condition began that the event reports once more.
        """
        if decision is None:
            return "Not decided yet."
        if decision.outcome is Outcome.REPEAT and began_at is not None:
            return f"Not mailed again: it has lasted since {self.at(began_at)}, and was told before."
        said = _sentence(self._event(decision))
        if late_mail is None:
            return said
        return f"{said} Later, at {self.at(late_mail.effective_at)}, {self._outcome(late_mail)}."

    def line(self, decision: Decision) -> tuple[datetime, str]:
        """When it was, and what was decided and why."""
        match decision:
            case EventDecided():
                return decision.event.received_at, f"{event_name(decision.event)}: {self._event(decision)}"
            case LateEventsDecided():
                return decision.effective_at, f"{_listed(decision.open)}, told late: {self._outcome(decision)}"
            case NotificationsDisabled():
                return decision.since, self._disabled(decision)
            case NotificationsEnabled():
                return decision.enabled_at, self._enabled(decision)
            case _:
                assert_never(decision)

    def people(self, user_ids: Sequence[UserId]) -> str:
        """`Anna, Ben and 3 more`."""
        named = user_ids if len(user_ids) <= NAMED else user_ids[: NAMED - 1]
        more = len(user_ids) - len(named)
        return ", ".join(map(self.name, named)) + (f" and {more} more" if more else "")

    def _event(self, decision: EventDecided) -> str:
        return "; ".join([self._outcome(decision), *(_NOTES[note] for note in decision.notes)])

    def _outcome(self, decision: EventDecided | LateEventsDecided) -> str:
        match decision.outcome:
            case Outcome.NOTIFY:
                return self._mailed(decision)
            case Outcome.TEST:
                to = self.people(decision.recipients)
                return f"a test, mailed to {to}" if to else "a test, not mailed"
            case Outcome.DISABLED:
                return f"not mailed, one too many: {_limit(decision.basis)}. Event Notifications were disabled instead"
            case Outcome.SUPPRESSED:
                return f"not mailed, since {self._disabled_then(decision.period_id)}"
            case Outcome.NOT_ENTITLED:
                why = _NOT_ENTITLED.get(decision.reason or Reason.PLAN) or _plan(decision.basis)
                return f"not mailed: {why}"
            case _:
                return _WHY_NOT[decision.outcome]

    def _mailed(self, decision: EventDecided | LateEventsDecided) -> str:
        said = f"mailed to {self.people(decision.recipients)}"
        if decision.reason is Reason.PASSED_WHILE_DISABLED:
            said += f", although {self._disabled_then(decision.period_id)}, for this one always is"
        if decision.count is not None:
            limit = f"{decision.count.position} of {decision.count.limit}"
            said += f" ({limit} in {duration(timedelta(seconds=decision.count.window_s))})"
        return said

    def _disabled_then(self, period_id: PeriodId | None) -> str:
        period = self.periods.get(period_id or "")
        if period is None:
            return "Event Notifications were disabled then"
        return f"Event Notifications are disabled until {self.at(period.until)} after {_limit(period.basis)}"

    def _disabled(self, decision: NotificationsDisabled) -> str:
        to = f"; told to {self.people(decision.recipients)}" if decision.recipients else ""
        return f"Event Notifications disabled until {self.at(decision.until)} after {_limit(decision.basis)}{to}"

    def _enabled(self, decision: NotificationsEnabled) -> str:
        match decision.by:
            case EnabledBy.TIME:
                how = "the time was over"
            case EnabledBy.HAND:
                by = decision.actor.user_id if decision.actor else None
                how = f"by hand, by {self.name(by) if by else 'the operator'}"
                how += f" ({one_line(decision.command_reason)})" if decision.command_reason else ""
            case EnabledBy.OWNERSHIP_ENDED:
                how = "the device was removed or passed to somebody else"
        return f"Event Notifications enabled again: {how}; {decision.suppressed_count} not mailed meanwhile"


def event_name(event: AcceptedEvent) -> str:
    """What happened; of an event that no catalogue knows, what the device called it."""
    name = name_of(event.code)
    told = event.native_text or event.native_code
    if event.code.startswith(OTHER) and told:
        name = f"{name} ({shortened(one_line(told), 200)})"
    if event.phase is Phase.CLEAR and event.code not in _CLEARING:
        return f"{name}, ended"
    return f"{name}, still" if event.phase is Phase.REPEAT else name


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:]}."


def _listed(incidents: tuple[Incident, ...]) -> str:
    return ", ".join(name_of(one.code) for one in incidents) or "Nothing"


def _limit(basis: Basis) -> str:
    policy = basis.policy
    if policy is None:
        return "too many notifications"
    return f"{count(policy.limit, 'notification')} in {duration(timedelta(seconds=policy.window_s))}"


def _plan(basis: Basis) -> str:
    if basis.plan is None or basis.plan.name == "basic":
        return "the plan logs only (Basic Monitoring)"
    return f"the plan {basis.plan.name} had ended"

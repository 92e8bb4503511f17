"""What another policy would have made of a device's events, by the throttle's own code.

The decisions alone tell it: they quote their events, stand where each event, order and timer came, and say what they
were judged by. So it does not matter which events and orders are still kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, dropwhile

from ups_cli.history.device import DeviceHistory, Heard
from ups_cli.history.retelling import order_of
from ups_cli.history.tellers import DomainTeller
from ups_cli.output import Json
from ups_schemas.decision import (
    Decision,
    EnabledBy,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
    Reason,
)
from ups_schemas.device import DeviceSnapshot, Policy
from ups_schemas.envelope import format_timestamp, milliseconds
from ups_schemas.event import AcceptedEvent


@dataclass(frozen=True)
class OtherPolicy:
    """What is to be other than it was; none: as it was."""

    limit: int | None = None
    window: timedelta | None = None
    period: timedelta | None = None

    def instead_of(self, policy: Policy) -> Policy:
        """The policy with the changes."""
        return Policy(
            limit=self.limit or policy.limit,
            window_s=policy.window_s if self.window is None else round(self.window.total_seconds()),
            period_s=policy.period_s if self.period is None else round(self.period.total_seconds()),
        )


@dataclass
class Tally:
    """What went out, and what did not. An id that is sent again is received another time: outcomes go by both."""

    notifications: int = 0
    mails: int = 0
    suppressed: int = 0
    periods: list[tuple[datetime, datetime]] = field(default_factory=list)
    outcome_by_event: dict[tuple[str, datetime], tuple[AcceptedEvent, Outcome]] = field(default_factory=dict)

    def add(self, decision: Decision) -> None:
        """Count one decision."""
        self.mails += len(decision.recipients)
        match decision:
            case EventDecided(event=event):
                self.outcome_by_event[event.event_id, event.received_at] = event, decision.outcome
            case NotificationsDisabled():
                self.periods.append((decision.since, decision.until))
            case NotificationsEnabled():
                if self.periods and self.periods[-1][0] == decision.since:
                    self.periods[-1] = decision.since, decision.enabled_at
            case LateEventsDecided():
                pass
        if isinstance(decision, EventDecided | LateEventsDecided):
            self.notifications += decision.outcome is Outcome.NOTIFY
            self.suppressed += decision.outcome is Outcome.SUPPRESSED

    @property
    def disabled_for(self) -> timedelta:
        """How long notifications were disabled."""
        return sum((until - since for since, until in self.periods), timedelta())

    def as_json(self) -> Json:
        """The tally for programs."""
        return {
            "notifications": self.notifications,
            "mails": self.mails,
            "suppressed": self.suppressed,
            "disabled": len(self.periods),
            "disabled_s": round(self.disabled_for.total_seconds()),
            "periods": [
                {"since": format_timestamp(since), "until": format_timestamp(until)} for since, until in self.periods
            ],
        }


@dataclass(frozen=True)
class Differing:
    """An event that would have come out otherwise; `was` is its decision."""

    event: AcceptedEvent
    was: Outcome
    told_again: Outcome
    would_be: Outcome


@dataclass(frozen=True)
class Simulated:
    """The tallies over the same events; `begins_blank`: what came before the first of them is not known.

    `told_again` is by the policy that was in force. Where it is not as it `was`, what is no longer kept matters, and
    what the other policy does is the step from `told_again` to `would_be`.
    """

    was: Tally
    told_again: Tally
    would_be: Tally
    begins_blank: bool

    @property
    def is_as_it_was(self) -> bool:
        """Whether the policy that was in force gives what was decided."""
        return self.told_again == self.was

    def differing(self) -> list[Differing]:
        """The events that came out otherwise by the policy."""
        again, would_be = self.told_again.outcome_by_event, self.would_be.outcome_by_event
        return [
            Differing(event, outcome, again[name][1], would_be[name][1])
            for name, (event, outcome) in self.was.outcome_by_event.items()
            if name in again and name in would_be and again[name][1] is not would_be[name][1]
        ]


def run(history: DeviceHistory, policy: OtherPolicy, now: datetime, on_progress: Callable[[int], None]) -> Simulated:
    """Decide the retained decisions' events once more, by the policy in force and by the other one, up to `now`."""
    decisions = list(dropwhile(lambda decision: not isinstance(decision, EventDecided), history.decisions))
    was, done = Tally(), count(1)
    for decision in decisions:
        was.add(decision)
    told_again, would_be = (
        _Simulation(history, changes).run(decisions, now, lambda: on_progress(next(done)))
        for changes in (OtherPolicy(), policy)
    )
    begins_blank = bool(history.decisions) and history.decisions[0].device_seq != 1
    return Simulated(was, told_again, would_be, begins_blank)


class _Simulation:
    def __init__(self, history: DeviceHistory, policy: OtherPolicy) -> None:
        self._history = history
        self._policy = policy
        self._teller = DomainTeller()
        self._device: DeviceSnapshot | None = None
        self._tally = Tally()

    def run(self, decisions: Sequence[Decision], now: datetime, on_each: Callable[[], None]) -> Tally:
        self._device = next(filter(None, map(self._device_for, decisions)), None)
        for decision in decisions:
            self._tell(decision)
            on_each()
        self._take(self._teller.due(now, self._device))
        return self._tally

    def _tell(self, decision: Decision) -> None:
        self._device = self._known_at(decision)
        match decision:
            case EventDecided(event=event):
                self._take(self._teller.event(Heard(-1, milliseconds(event.received_at), event), self._device))
            case LateEventsDecided():
                self._take(self._teller.due(decision.effective_at, self._device))
            case NotificationsEnabled(by=EnabledBy.TIME):
                self._take(self._teller.due(decision.enabled_at, self._device))
            case NotificationsEnabled():
                self._end(decision)
            case NotificationsDisabled():
                pass

    def _take(self, told: tuple[DomainTeller, Sequence[Decision]]) -> None:
        self._teller, decided = told
        for decision in decided:
            self._tally.add(decision)

    def _end(self, ended: NotificationsEnabled) -> None:
        """End whatever period runs, by hand or with the ownership: under another policy it has another name."""
        state = self._teller.state
        if state is not None and state.period is not None:
            named = {"period_id": state.period.period_id, "ownership": state.ownership}
            self._take(self._teller.command(order_of(ended).model_copy(update=named), self._device))

    def _known_at(self, decision: Decision) -> DeviceSnapshot | None:
        """The device as it was known then. That an event is an earlier owner's says nothing of it but the owner."""
        device, state = self._device, self._teller.state
        if isinstance(decision, EventDecided):
            if decision.reason is Reason.OWNERSHIP_ENDED and device is not None:
                return device.model_copy(update={"ownership": max(device.ownership, decision.event.ownership + 1)})
            if state is not None and decision.event.ownership < state.ownership:
                return device
        return self._device_for(decision)

    def _device_for(self, decision: Decision) -> DeviceSnapshot | None:
        """The version of the device that it was judged by, or the nearest that is kept."""
        version, snapshots = decision.basis.device_version, self._history.snapshots
        if version is None or not snapshots:
            return None
        if isinstance(decision, NotificationsEnabled) and decision.by is EnabledBy.OWNERSHIP_ENDED:
            return None
        snapshot = snapshots[min(snapshots, key=lambda kept: (abs(kept - version), kept))]
        return snapshot.model_copy(
            update={
                "policy": self._policy.instead_of(decision.basis.policy or snapshot.policy),
                "plan": decision.basis.plan or snapshot.plan,
                "ownership": decision.ownership,
            }
        )

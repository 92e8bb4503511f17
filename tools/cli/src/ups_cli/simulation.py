"""What another policy would have made of a device's events, by the throttle's own code."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ups_cli.history.device import DeviceHistory, Heard
from ups_cli.history.tellers import DomainTeller
from ups_cli.output import Json
from ups_schemas.decision import (
    Decision,
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
)
from ups_schemas.device import DeviceSnapshot, EnableNotifications, Policy
from ups_schemas.envelope import format_timestamp
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
    """What went out, and what did not."""

    notifications: int = 0
    mails: int = 0
    suppressed: int = 0
    periods: list[tuple[datetime, datetime]] = field(default_factory=list)
    outcome_by_event: dict[str, tuple[AcceptedEvent, Outcome]] = field(default_factory=dict)

    def add(self, decision: Decision) -> None:
        """Count one decision."""
        self.mails += len(decision.recipients)
        match decision:
            case EventDecided():
                self.outcome_by_event[decision.event.event_id] = decision.event, decision.outcome
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
class Simulated:
    """Both tallies over the same events; `begins_blank`: what came before the first of them is not known."""

    was: Tally
    would_be: Tally
    begins_blank: bool

    def differing(self) -> list[tuple[AcceptedEvent, Outcome, Outcome]]:
        """The events that came out otherwise: as what they were decided, and as what they would have been."""
        would_be = self.would_be.outcome_by_event
        return [
            (event, outcome, would_be[event_id][1])
            for event_id, (event, outcome) in self.was.outcome_by_event.items()
            if event_id in would_be and would_be[event_id][1] is not outcome
        ]


def run(history: DeviceHistory, policy: OtherPolicy, now: datetime, on_progress: Callable[[int], None]) -> Simulated:
    """Decide all retained events that were decided once more, under another policy, up to `now`.

    Each by the version of the device that it was judged by, or by the nearest that is kept. An order by hand ends
    whatever period runs at that moment: under another policy it has another name.
    """
    was, would_be = Tally(), Tally()
    rows = {decision.event.event_id: decision for decision in history.decisions if isinstance(decision, EventDecided)}
    events = [heard for heard in history.events if heard.event.event_id in rows]
    orders = sorted(history.orders, key=lambda order: order.enabled_at)
    first = min((row.device_seq for row in rows.values()), default=1)
    for decision in history.decisions:
        if decision.device_seq >= first:
            was.add(decision)
    teller, device = DomainTeller(), None
    for count, heard in enumerate(events, start=1):
        device = _device_for(history, rows[heard.event.event_id], policy)
        while orders and orders[0].enabled_at <= heard.event.received_at:
            teller = _ordered(teller, orders.pop(0), device, would_be)
        teller = _heard(teller, heard, device, would_be)
        on_progress(count)
    for order in orders:
        teller = _ordered(teller, order, device, would_be)
    teller, decided = teller.due(now, device)
    for decision in decided:
        would_be.add(decision)
    return Simulated(was, would_be, begins_blank=bool(history.decisions) and history.decisions[0].device_seq != 1)


def _heard(teller: DomainTeller, heard: Heard, device: DeviceSnapshot | None, tally: Tally) -> DomainTeller:
    teller, decided = teller.event(heard, device)
    for decision in decided:
        tally.add(decision)
    return teller


def _ordered(
    teller: DomainTeller, order: EnableNotifications, device: DeviceSnapshot | None, tally: Tally
) -> DomainTeller:
    state = teller.state
    if state is None or state.period is None:
        return teller
    named = order.model_copy(update={"period_id": state.period.period_id, "ownership": state.ownership})
    teller, decided = teller.command(named, device)
    for decision in decided:
        tally.add(decision)
    return teller


def _device_for(history: DeviceHistory, row: EventDecided, policy: OtherPolicy) -> DeviceSnapshot | None:
    version, snapshots = row.basis.device_version, history.snapshots
    if version is None or not snapshots:
        return None
    nearest = min(snapshots, key=lambda kept: (abs(kept - version), kept))
    snapshot = snapshots[nearest]
    known = row.basis.policy or snapshot.policy
    return snapshot.model_copy(
        update={
            "policy": policy.instead_of(known),
            "plan": row.basis.plan or snapshot.plan,
            "ownership": row.ownership,
        }
    )

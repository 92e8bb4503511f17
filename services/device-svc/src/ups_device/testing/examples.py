"""Examples of what the service deals with, each with only what a test wants to say about it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ups_device.domain.device import Change
from ups_device.domain.event_log import NewDecision, NewEvent
from ups_device.domain.registration import Registration, register
from ups_device.domain.subscription import Preferences
from ups_schemas.catalogue import CODES, CONDITION_BY_CODE, STATUS, Severity
from ups_schemas.decision import (
    Basis,
    Count,
    EnabledBy,
    EventDecided,
    Incident,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
    Tripping,
)
from ups_schemas.device import Plan, Policy, Subscription
from ups_schemas.event import AcceptedEvent, Phase
from ups_schemas.ids import late_notification_id, period_id
from ups_schemas.keys import RANDOM_BYTES, NewKey, new_key
from ups_schemas.mail import MailKind, MailRequest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


def a_key(number: int = 1) -> NewKey:
    """The key with this number: the same number gives the same key."""
    return new_key(number.to_bytes(RANDOM_BYTES, "little"))


def a_registration(
    number: int = 1,
    company_id: str = "acme",
    preferences: Mapping[str, Preferences] | None = None,
    owner: str = "anna",
) -> Change:
    """The first step of device `d<number>`."""
    return register(
        Registration(company_id, owner, f"Rack {number}"),
        choices=(Subscription(user_id=owner),),
        preferences=preferences or {owner: Preferences(owner)},
        device_id=f"d{number}",
        key=a_key(number),
        plan=Plan(name="advanced", until=NOW + timedelta(days=365)),
        policy=Policy(),
        now=NOW + timedelta(seconds=number),
    )


# Any: fields of the model, as the test gives them
def an_event(number: int = 1, **fields: Any) -> AcceptedEvent:
    """Event `e<number>`, received `number` seconds after NOW."""
    code = fields.get("code", "ON_BATTERY")
    return AcceptedEvent.model_validate(
        {
            "event_id": f"e{number}",
            "device_id": "d1",
            "ownership": 1,
            "device_version": 1,
            "code": code,
            "phase": Phase.PULSE if code == STATUS else Phase.RAISE,
            "severity": CODES[code].severity,
            "received_at": NOW + timedelta(seconds=number),
            **fields,
        }
    )


def an_incident(event: AcceptedEvent) -> Incident:
    """What the event opens."""
    severity = CONDITION_BY_CODE[event.code].severity
    return Incident(
        incident_id=f"i-{event.event_id}",
        event_id=event.event_id,
        code=event.code,
        severity=severity,
        since=event.received_at,
    )


def a_decision(event: AcceptedEvent, outcome: Outcome = Outcome.NOTIFY, **fields: Any) -> EventDecided:
    """The decision on the event."""
    mailed = outcome is Outcome.NOTIFY
    return EventDecided.model_validate(
        {
            "device_id": event.device_id,
            "company_id": "acme",
            "ownership": event.ownership,
            "device_seq": 1,
            "basis": Basis(device_version=1, plan=Plan(name="advanced"), policy=Policy()),
            "event": event,
            "effective_at": event.received_at,
            "severity": Severity.CRITICAL,
            "outcome": outcome,
            "count": Count(position=5, limit=6, window_s=1800) if mailed else None,
            "notification_id": f"n-{event.event_id}" if mailed else None,
            "recipients": ("anna", "ben") if mailed else (),
            "opened": (an_incident(event),) if event.phase is Phase.RAISE else (),
            **fields,
        }
    )


def a_new_event(event: AcceptedEvent, company_id: str | None = "acme") -> NewEvent:
    """The event as a row of that company."""
    return NewEvent(event, company_id, NOW + timedelta(days=365))


def a_new_decision(decision: EventDecided) -> NewDecision:
    """The decision for its row."""
    return NewDecision(decision, NOW + timedelta(days=365))


def a_late_mail(*events: AcceptedEvent) -> LateEventsDecided:
    """The mail that lists what these late events left open."""
    last = events[-1]
    return LateEventsDecided(
        device_id=last.device_id,
        company_id="acme",
        ownership=last.ownership,
        device_seq=9,
        basis=Basis(),
        last_event_id=last.event_id,
        effective_at=last.received_at + timedelta(seconds=60),
        outcome=Outcome.NOTIFY,
        open=tuple(an_incident(event) for event in events),
        count=Count(position=1, limit=6, window_s=1800),
        notification_id=late_notification_id(last.device_id, last.event_id),
        recipients=("anna",),
    )


def a_disabling(number: int = 7, since: datetime = NOW) -> NotificationsDisabled:
    """Event `e<number>` was one too many."""
    return NotificationsDisabled(
        device_id="d1",
        company_id="acme",
        ownership=1,
        device_seq=number,
        basis=Basis(),
        period_id=period_id("d1", f"e{number}"),
        since=since,
        until=since + WEEK,
        tripped_by=(Tripping(event_id=f"e{number}", code="ON_BATTERY", phase="raise", at=since),),
        owner="anna",
    )


def an_enabling(disabled: NotificationsDisabled, by: EnabledBy = EnabledBy.TIME) -> NotificationsEnabled:
    """The period's end."""
    return NotificationsEnabled(
        device_id=disabled.device_id,
        company_id=disabled.company_id,
        ownership=disabled.ownership,
        device_seq=disabled.device_seq + 1,
        basis=Basis(),
        period_id=disabled.period_id,
        since=disabled.since,
        until=disabled.until,
        enabled_at=disabled.until,
        by=by,
    )


def a_mail_request() -> MailRequest:
    """The order for a confirmation to anna."""
    return MailRequest(
        request_id="r1",
        kind=MailKind.UNSUBSCRIBED,
        recipient_id="anna",
        address="anna@acme.example",
        requested_at=NOW,
        not_after=NOW + timedelta(hours=72),
    )

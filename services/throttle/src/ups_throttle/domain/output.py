"""Decisions as they go out: field for field what the models of `ups_schemas.decision` say, which are the contract.

Structs instead of models: they are made of what was checked before, and become JSON in a tenth of the time. Moments are
text already.
"""

from typing import Literal, NamedTuple

import msgspec

from ups_schemas.catalogue import Severity
from ups_schemas.decision import EnabledBy, Note, Outcome, Reason
from ups_schemas.ids import CompanyId, DeviceId, EventId, IncidentId, NotificationId, PeriodId, UserId


class Incident(msgspec.Struct, frozen=True, gc=False):
    """One occurrence of a condition."""

    incident_id: IncidentId
    event_id: EventId
    code: str
    severity: Severity
    since: str
    occurred_at: str | None
    text: str | None
    told: tuple[UserId, ...]
    told_in: NotificationId | None


class Plan(msgspec.Struct, frozen=True, gc=False):
    """The device's plan."""

    name: str
    until: str | None


class Policy(msgspec.Struct, frozen=True, gc=False):
    """The limit in force."""

    limit: int
    window_s: int
    period_s: int


class Basis(msgspec.Struct, frozen=True, gc=False):
    """What the decision was judged by."""

    device_version: int | None = None
    plan: Plan | None = None
    policy: Policy | None = None


class Count(msgspec.Struct, frozen=True, gc=False):
    """`position` of `limit` notifications within the window."""

    position: int
    limit: int
    window_s: int


class EventDecided(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of an event."""

    device_id: DeviceId
    company_id: CompanyId | None
    ownership: int
    device_seq: int
    basis: Basis
    type: Literal["ups.event-decided.v1"] = "ups.event-decided.v1"
    event: msgspec.Raw
    effective_at: str
    severity: Severity
    outcome: Outcome
    reason: Reason | None = None
    notes: tuple[Note, ...] = ()
    opened: tuple[Incident, ...] = ()
    closed: tuple[Incident, ...] = ()
    confirmed: IncidentId | None = None
    evicted: IncidentId | None = None
    count: Count | None = None
    notification_id: NotificationId | None = None
    recipients: tuple[UserId, ...] = ()
    period_id: PeriodId | None = None


class LateEventsDecided(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of what late events left open."""

    device_id: DeviceId
    company_id: CompanyId | None
    ownership: int
    device_seq: int
    basis: Basis
    type: Literal["ups.late-events-decided.v1"] = "ups.late-events-decided.v1"
    last_event_id: EventId
    effective_at: str
    outcome: Outcome
    reason: Reason | None
    open: tuple[Incident, ...]
    count: Count | None
    notification_id: NotificationId | None
    recipients: tuple[UserId, ...]
    period_id: PeriodId | None


class Tripping(msgspec.Struct, frozen=True, gc=False):
    """One of the notifications that filled the window."""

    event_id: EventId
    code: str
    phase: str
    at: str


class NotificationsDisabled(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A disabled period began."""

    device_id: DeviceId
    company_id: CompanyId | None
    ownership: int
    device_seq: int
    basis: Basis
    type: Literal["ups.notifications-disabled.v1"] = "ups.notifications-disabled.v1"
    period_id: PeriodId
    since: str
    until: str
    tripped_by: tuple[Tripping, ...]
    open: tuple[Incident, ...]
    owner: UserId | None
    notification_id: NotificationId | None
    recipients: tuple[UserId, ...]


class Actor(msgspec.Struct, frozen=True, gc=False):
    """Who ended a period."""

    kind: str
    user_id: UserId | None
    via: str | None


class Happened(msgspec.Struct, frozen=True, gc=False):
    """How often a condition came and went."""

    code: str
    raised: int
    cleared: int


class NotificationsEnabled(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A disabled period ended."""

    device_id: DeviceId
    company_id: CompanyId | None
    ownership: int
    device_seq: int
    basis: Basis
    type: Literal["ups.notifications-enabled.v1"] = "ups.notifications-enabled.v1"
    period_id: PeriodId
    since: str
    until: str
    enabled_at: str
    by: EnabledBy
    actor: Actor | None
    command_reason: str
    open: tuple[Incident, ...]
    happened: tuple[Happened, ...]
    suppressed_count: int
    notification_id: NotificationId | None
    recipients: tuple[UserId, ...]


Decided = EventDecided | LateEventsDecided | NotificationsDisabled | NotificationsEnabled


class Output(NamedTuple):
    """A decision, the id of what it is about, and when it took effect: its record's key, id and time."""

    decided: Decided
    about: EventId | PeriodId
    at_ms: int

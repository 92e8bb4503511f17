"""What the throttle decided: one order per device, each record complete without the others."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from ups_schemas.catalogue import Severity
from ups_schemas.device import Actor, Plan, Policy
from ups_schemas.envelope import Message, Timestamp
from ups_schemas.event import AcceptedEvent, Code
from ups_schemas.ids import CompanyId, DeviceId, EventId, IncidentId, NotificationId, PeriodId, UserId


class Outcome(StrEnum):
    """What became of an event. Duplicates and STATUS pulses have none: they leave no row."""

    NOTIFY = "notify"  # mailed; counted unless the reason says otherwise
    DISABLED = "disabled"  # one too many: it started the disabled period, the alert goes out in its place
    SUPPRESSED = "suppressed"  # lies in a disabled period
    BELOW_SEVERITY = "below_severity"  # somebody is subscribed, but not for this
    NO_SUBSCRIBER = "no_subscriber"
    NOT_ENTITLED = "not_entitled"  # see reason
    LATE = "late"  # mailed together with others if still open when the device has caught up
    REPEAT = "repeat"  # the condition is open and has been told
    ALREADY_OVER = "already_over"  # it occurred before the end that is already known
    NO_OPEN_CONDITION = "no_open_condition"  # a clear of nothing
    NOT_TOLD = "not_told"  # a clear of what nobody (who is still subscribed) was told
    TEST = "test"
    SUSPECT = "suspect"  # its own readings contradict its code


class Reason(StrEnum):
    """Why, where the outcome alone does not say it."""

    PLAN = "plan"
    DEVICE_UNKNOWN = "device_unknown"
    OWNERSHIP_ENDED = "ownership_ended"
    PASSED_WHILE_DISABLED = "passed_while_disabled"


class Note(StrEnum):
    """What else the row says."""

    END_NOT_REPORTED = "end_not_reported"  # the same condition was open before, and its end never came
    EVICTED = "evicted"  # 64 conditions were open: the oldest of the lowest severity was dropped for this one


class Incident(Message):
    """One occurrence of a condition, from raise to clear.

    `since` is on the throttle's clock, `occurred_at` on the device's. `told` are those who were mailed of it,
    `told_in` is the notification in which (a clear is a reply to it).
    """

    incident_id: IncidentId
    event_id: EventId
    code: Code
    severity: Severity
    since: Timestamp
    occurred_at: Timestamp | None = None
    text: Annotated[str, Field(max_length=200)] | None = Field(None, description="for conditions told apart by text")
    told: tuple[UserId, ...] = ()
    told_in: NotificationId | None = None


class Basis(Message):
    """What the decision was judged by, so that a replay gives the same."""

    device_version: int | None = None
    plan: Plan | None = None
    policy: Policy | None = None


class Count(Message):
    """`position` of `limit` notifications within the window, this one included."""

    position: int
    limit: int
    window_s: int


class _Decision(Message):
    device_id: DeviceId
    company_id: CompanyId | None = Field(None, description="of the device as known then; none for an unknown device")
    ownership: int
    device_seq: int = Field(ge=1, description="contiguous per device over all kinds of decisions")
    basis: Basis


class EventDecided(_Decision):
    """One event, one decision, at most one notification. `effective_at` is the throttle's `t`."""

    type: Literal["ups.event-decided.v1"] = "ups.event-decided.v1"
    event: AcceptedEvent
    effective_at: Timestamp
    severity: Severity = Field(description="in force: the catalogue's or the company's override")
    outcome: Outcome
    reason: Reason | None = None
    notes: tuple[Note, ...] = ()
    opened: tuple[Incident, ...] = ()
    closed: tuple[Incident, ...] = ()
    confirmed: IncidentId | None = Field(None, description="the open incident that the event reports once more")
    evicted: IncidentId | None = Field(None, description="the open incident that was dropped for the one it opened")
    count: Count | None = Field(None, description="of a counted notification")
    notification_id: NotificationId | None = Field(None, description="when it is mailed")
    recipients: tuple[UserId, ...] = ()
    period_id: PeriodId | None = Field(None, description="of the disabled period that it started or lies in")


class LateEventsDecided(_Decision):
    """Late events stopped coming: what they left open and untold, in one notification, counted once."""

    type: Literal["ups.late-events-decided.v1"] = "ups.late-events-decided.v1"
    last_event_id: EventId
    effective_at: Timestamp
    outcome: Outcome
    reason: Reason | None = None
    open: tuple[Incident, ...] = ()
    count: Count | None = None
    notification_id: NotificationId | None = None
    recipients: tuple[UserId, ...] = ()
    period_id: PeriodId | None = None


class Tripping(Message):
    """One of the notifications that filled the window, or the event that was one too many."""

    event_id: EventId
    code: Code
    phase: Annotated[str, Field(max_length=10)]
    at: Timestamp


class NotificationsDisabled(_Decision):
    """The device was silenced for `[since, until)`. The alert goes to everyone subscribed then, whatever the filter."""

    type: Literal["ups.notifications-disabled.v1"] = "ups.notifications-disabled.v1"
    period_id: PeriodId
    since: Timestamp
    until: Timestamp
    tripped_by: tuple[Tripping, ...]
    open: tuple[Incident, ...] = ()
    owner: UserId | None = Field(None, description="the only one whose copy carries Enable Notifications")
    notification_id: NotificationId | None = None
    recipients: tuple[UserId, ...] = ()


class EnabledBy(StrEnum):
    """What ended a disabled period."""

    TIME = "time"
    HAND = "hand"
    OWNERSHIP_ENDED = "ownership_ended"  # removed or handed over: dropped, without mail


class Happened(Message):
    """How often a condition came and went while notifications were disabled."""

    code: Code
    raised: int
    cleared: int


class NotificationsEnabled(_Decision):
    """The period ended, exactly once. The reconcile mail says what is open now and what came and went."""

    type: Literal["ups.notifications-enabled.v1"] = "ups.notifications-enabled.v1"
    period_id: PeriodId
    since: Timestamp
    until: Timestamp
    enabled_at: Timestamp
    by: EnabledBy
    actor: Actor | None = None
    command_reason: Annotated[str, Field(max_length=200)] = ""
    open: tuple[Incident, ...] = ()
    happened: tuple[Happened, ...] = ()
    suppressed_count: int = 0
    notification_id: NotificationId | None = None
    recipients: tuple[UserId, ...] = ()


Decision = Annotated[
    EventDecided | LateEventsDecided | NotificationsDisabled | NotificationsEnabled, Field(discriminator="type")
]
Suppression = Annotated[NotificationsDisabled | NotificationsEnabled, Field(discriminator="type")]

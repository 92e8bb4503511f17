"""The Event Log: which rows there are, and what a row says."""

from dataclasses import dataclass
from datetime import datetime

from ups_device.domain.condition import Condition
from ups_device.domain.mail import Copy
from ups_schemas.catalogue import STATUS
from ups_schemas.decision import EventDecided, LateEventsDecided, Outcome
from ups_schemas.event import AcceptedEvent, Attributes, Code
from ups_schemas.ids import (
    CompanyId,
    DeviceId,
    EventId,
    IncidentId,
    NotificationId,
    derived,
    disabled_notification_id,
)

MAX_PAGE = 500


def row_id(device_id: DeviceId, event_id: EventId) -> str:
    """The row of an event: one, however often and in whatever order event and decision come."""
    return derived("log-row", device_id, event_id)


def leaves_row(event: AcceptedEvent) -> bool:
    """Whether the event is logged: all are but STATUS pulses, which only say that the device lives."""
    return event.code != STATUS or event.test


@dataclass(frozen=True, slots=True)
class Row:
    """One event, its decision once it came, and, for a late one, the mail that listed it afterwards.

    `conditions` are those that it opened, `confirmed` is the one that it reported once more. A store gives it without
    them and without `mails`: all these are kept beside the rows.
    """

    event: AcceptedEvent
    company_id: CompanyId | None
    decision: EventDecided | None = None
    late_mail: LateEventsDecided | None = None
    mails: tuple[Copy, ...] = ()
    conditions: tuple[Condition, ...] = ()
    confirmed: Condition | None = None

    @property
    def opened(self) -> tuple[IncidentId, ...]:
        """The incidents that its event opened."""
        return tuple(incident.incident_id for incident in self.decision.opened) if self.decision else ()

    @property
    def notifications(self) -> tuple[NotificationId, ...]:
        """What was mailed of it: by its decision, by the mail that listed it late, by the alert that either became."""
        told: list[NotificationId] = []
        for decision in (self.decision, self.late_mail):
            if decision and decision.notification_id:
                told.append(decision.notification_id)
            if decision and decision.outcome is Outcome.DISABLED and decision.period_id:
                told.append(disabled_notification_id(decision.period_id))
        return tuple(told)

    @property
    def mailed(self) -> tuple[EventDecided | LateEventsDecided, ...]:
        """What was decided about it that may have become a mail."""
        return tuple(mail for mail in (self.decision, self.late_mail) if mail is not None)

    @property
    def position(self) -> "Position":
        """Where it stands in the log."""
        return Position(self.event.received_at, row_id(self.event.device_id, self.event.event_id))


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the log, which is read from the newest on: by `received_at`, then by `row_id`."""

    received_at: datetime
    row_id: str


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose a device is, and since which ownership; or whose it was when it was removed."""

    ownership: int
    company_id: CompanyId
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be logged, of the company's device unless that is not known."""

    event: AcceptedEvent
    company_id: CompanyId | None
    kept_until: datetime


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision to be logged."""

    decision: EventDecided
    kept_until: datetime


@dataclass(frozen=True, slots=True)
class Presence:
    """When the device last said anything, and what its last STATUS pulse read."""

    last_seen: datetime
    read_at: datetime | None = None
    readings: Attributes | None = None


@dataclass(frozen=True, slots=True)
class DeviceLog:
    """The rows of one device in one ownership period."""

    device_id: DeviceId
    ownership: int


@dataclass(frozen=True, slots=True)
class CompanyLog:
    """The rows of all devices that were the company's when the event was decided."""

    company_id: CompanyId


@dataclass(frozen=True, slots=True)
class Query:
    """A page of the log: rows received in `[start, end)`, older than `after`, at most `limit` (1 to 500)."""

    scope: DeviceLog | CompanyLog
    limit: int
    code: Code | None = None
    outcome: Outcome | None = None
    start: datetime | None = None
    end: datetime | None = None
    after: Position | None = None

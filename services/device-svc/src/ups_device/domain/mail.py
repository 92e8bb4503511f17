"""Mails about devices: each person's copy of a notification."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from ups_device.domain import plan
from ups_schemas.decision import (
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
)
from ups_schemas.ids import DeviceId, EventId, NotificationId, UserId
from ups_schemas.mail import DeliveryState, MailKind

# Why a mail was not sent, where that holds for the next one, too.
STOPPING = ("bounced", "complaint", "bad_address")

Decision = EventDecided | LateEventsDecided | NotificationsDisabled | NotificationsEnabled


@dataclass(frozen=True, slots=True)
class Mailing:
    """A notification that was decided: who gets a copy, which events it is about, and until when that is kept."""

    notification_id: NotificationId
    kind: MailKind
    recipients: tuple[UserId, ...]
    device_id: DeviceId
    event_ids: tuple[EventId, ...]
    kept_until: datetime


@dataclass(frozen=True, slots=True)
class Copy:
    """One person's copy of a notification, as the notifier told of it last; nothing is told of it before a try."""

    notification_id: NotificationId
    user_id: UserId
    kind: MailKind
    state: DeliveryState | None = None
    reason: str | None = None
    smtp_code: int | None = None
    attempt: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastMail:
    """A person's last mail about a device, of those that say something of their mailbox, and since when it is so."""

    copy: Copy
    since: datetime


def says_of_mailbox(state: DeliveryState | None, reason: str | None) -> bool:
    """Whether such a mail says whether the next one will arrive: most that were not sent say nothing of that."""
    return state is not None and (state is not DeliveryState.DROPPED or reason in STOPPING)


def mailings(decisions: Iterable[Decision]) -> list[Mailing]:
    """What the decisions mail."""
    return [mailing for decision in decisions for mailing in _mailing(decision)]


def _mailing(decision: Decision) -> Iterator[Mailing]:
    if not decision.notification_id:
        return
    kind, at, received_at, event_ids = _about(decision)
    yield Mailing(
        decision.notification_id,
        kind,
        decision.recipients,
        decision.device_id,
        event_ids,
        plan.kept_until(decision.basis.plan, effective_at=at, received_at=received_at),
    )


def _about(decision: Decision) -> tuple[MailKind, datetime, datetime, tuple[EventId, ...]]:
    """The kind of mail, when it was decided, since when it is kept, and the events that it is about."""
    match decision:
        case EventDecided(effective_at=at, event=event):
            kind = MailKind.TEST if decision.outcome is Outcome.TEST else MailKind.EVENT
            return kind, at, event.received_at, (event.event_id,)
        case LateEventsDecided(effective_at=at):
            return MailKind.LATE_EVENTS, at, at, tuple(incident.event_id for incident in decision.open)
        case NotificationsDisabled(since=at):
            return MailKind.DISABLED, at, at, tuple(each.event_id for each in decision.tripped_by[-1:])
        case NotificationsEnabled(enabled_at=at):
            return MailKind.RECONCILE, at, at, ()
        case _:
            assert_never(decision)

"""Who gets a decision by mail, as what kind of mail, in reply to which, and whether that still holds at send time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from ups_notifier.domain.delivery import Delivery, Reason, retry_age
from ups_notifier.domain.life import dropped
from ups_schemas.account import User
from ups_schemas.decision import (
    Decision,
    EventDecided,
    Incident,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
)
from ups_schemas.device import DeviceSnapshot
from ups_schemas.ids import EventId, NotificationId, UserId, delivery_id
from ups_schemas.mail import MailKind, MailRequest

Content = Decision | MailRequest

# Whose recipient may be no user: the id is a registration's or an invitation's, or of a kind that is younger than this.
MAYBE_NO_USER = frozenset({MailKind.VERIFY_ADDRESS, MailKind.INVITATION, MailKind.ACCOUNT})


@dataclass(frozen=True, slots=True)
class Notification:
    """A decision that is mailed, to whom the throttle decided; or an order for one account mail."""

    notification_id: NotificationId
    kind: MailKind
    content: Content
    decided_at: datetime
    recipients: tuple[UserId, ...]


def notification_of(content: Content) -> Notification | None:
    """The notification that a decision or an order asks for; none if it mails nobody."""
    if isinstance(content, MailRequest):
        return Notification(content.request_id, content.kind, content, content.requested_at, (content.recipient_id,))
    if content.notification_id is None or not content.recipients:
        return None
    recipients = tuple(dict.fromkeys(content.recipients))
    return Notification(content.notification_id, mail_kind(content), content, decided_at(content), recipients)


def mail_kind(decision: Decision) -> MailKind:
    """The kind of mail that a decision becomes."""
    match decision:
        case EventDecided():
            return MailKind.TEST if decision.outcome is Outcome.TEST else MailKind.EVENT
        case LateEventsDecided():
            return MailKind.LATE_EVENTS
        case NotificationsDisabled():
            return MailKind.DISABLED
        case NotificationsEnabled():
            return MailKind.RECONCILE
        case _:
            assert_never(decision)


def decided_at(decision: Decision) -> datetime:
    """When it was decided, on the throttle's clock."""
    match decision:
        case EventDecided() | LateEventsDecided():
            return decision.effective_at
        case NotificationsDisabled():
            return decision.since
        case NotificationsEnabled():
            return decision.enabled_at
        case _:
            assert_never(decision)


def event_of(decision: Decision) -> EventId | None:
    """The event that a decision is about, if it is about one."""
    match decision:
        case EventDecided():
            return decision.event.event_id
        case LateEventsDecided():
            return decision.last_event_id
        case NotificationsDisabled() | NotificationsEnabled():
            return None
        case _:
            assert_never(decision)


def deliveries_of(notification: Notification, now: datetime) -> tuple[Delivery, ...]:
    """A ledger row for each recipient; one that is too late already is dropped at once."""
    stale = now - notification.decided_at > retry_age(notification.kind)
    return tuple(_row(notification, user_id, now, stale=stale) for user_id in notification.recipients)


def _row(notification: Notification, user_id: UserId, now: datetime, *, stale: bool) -> Delivery:
    row = Delivery(
        delivery_id=delivery_id(notification.notification_id, user_id),
        notification_id=notification.notification_id,
        kind=notification.kind,
        user_id=user_id,
        device_id=None,
        event_id=None,
        device_seq=0,
        decided_at=notification.decided_at,
        due_at=now,
    )
    content = notification.content
    if isinstance(content, MailRequest):
        row = replace(row, not_after=content.not_after)
    else:
        row = replace(row, device_id=content.device_id, event_id=event_of(content), device_seq=content.device_seq)
    reason = Reason.STALE if stale else row.too_late(now)
    return row if reason is None else dropped(row, reason)


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may be sent this mail now, and the device as it is now."""

    user: User
    device: DeviceSnapshot


def reader_of(decision: Decision, user: User | None, device: DeviceSnapshot | None) -> Reader | Reason:
    """The reader, or the reason why this person is not to be sent it any more. Nobody is added here."""
    if device is None:
        return Reason.DEVICE_REMOVED
    if device.ownership != decision.ownership:
        return Reason.OWNERSHIP_CHANGED
    if user is None:
        return Reason.PERSON_REMOVED
    if not user.active or user.company_id != device.company_id:
        return Reason.NOT_MEMBER
    # a test goes to who asked for it, whatever they subscribed to
    if mail_kind(decision) is not MailKind.TEST and not _subscribed(device, user.user_id):
        return Reason.UNSUBSCRIBED
    return Reader(user, device)


def _subscribed(device: DeviceSnapshot, user_id: UserId) -> bool:
    return any(each.on for each in device.subscriptions if each.user_id == user_id)


def told_before(decision: Decision, user_id: UserId) -> tuple[Incident, ...]:
    """The incidents that this decision ends and that this person was mailed of, in the order in which they began."""
    if not isinstance(decision, EventDecided):
        return ()
    told = (each for each in decision.closed if each.told_in is not None and user_id in each.told)
    return tuple(sorted(told, key=lambda each: each.since))


def earlier_deliveries(incidents: Iterable[Incident], user_id: UserId) -> tuple[str, ...]:
    """The delivery ids of this person's copies of the mails that told of these incidents."""
    told_in = (incident.told_in for incident in incidents)
    return tuple(dict.fromkeys(delivery_id(each, user_id) for each in told_in if each is not None))


def ended_by(beginning: Decision, later: Iterable[Decision]) -> bool:
    """Whether these decisions end all that the first one began, so that one mail can tell both."""
    if not isinstance(beginning, EventDecided) or beginning.closed or not beginning.opened:
        return False
    ended = set(ends_told(each for each in later if only_ends(each)))
    return all(incident.incident_id in ended for incident in beginning.opened)


def ends_told(decisions: Iterable[Decision]) -> dict[str, datetime]:
    """When incidents ended, as these decisions tell it: by incident id."""
    return {
        incident.incident_id: decision.effective_at
        for decision in decisions
        if isinstance(decision, EventDecided)
        for incident in decision.closed
    }


def open_in(decision: Decision) -> frozenset[str]:
    """The incidents that a mail of this decision says to be open."""
    incidents = decision.opened if isinstance(decision, EventDecided) else decision.open
    return frozenset(each.incident_id for each in incidents)


def only_ends(decision: Decision) -> bool:
    """Whether a mail of this decision says nothing but that something is over."""
    return isinstance(decision, EventDecided) and bool(decision.closed) and not decision.opened

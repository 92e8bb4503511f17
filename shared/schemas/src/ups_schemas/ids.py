"""The ids on the wire, and how those are derived that must come out the same each time."""

from hashlib import blake2b, sha1
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

# Ids from outside are compared, logged and put into headers: printable ASCII, no spaces, no quotes, no angle brackets.
Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:@/+=~-]+$")]

DeviceId = Id
EventId = Id
UserId = Id
CompanyId = Id
KeyId = Id
PeriodId = Id
NotificationId = Id
IncidentId = Id

# Fixed for ever: every derived id on every installation hangs on it.
_NAMESPACE = UUID("6f0f5e9c-3c0b-5d1e-9a55-2d8d3a1d7b10").bytes
_SEPARATOR = "\x1f"  # cannot stand in an id
_HASHED = sha1(_NAMESPACE, usedforsecurity=False)
# RFC 9562 section 4.1: the two upper bits of this hex digit are 1 and 0
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def derived(kind: str, *parts: str | int) -> str:
    """The id of `kind` for these parts: the same parts give the same id, on every installation and for ever.

    A UUID version 5 (RFC 9562 section 5.5), put together here: `uuid.uuid5` takes four times as long, and the throttle
    makes several for each event.
    """
    hashed = _HASHED.copy()
    hashed.update(_SEPARATOR.join([kind, *map(str, parts)]).encode())
    digest = hashed.hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


def ingest_event_id(topic: str, partition: int, offset: int) -> EventId:
    """The event id of a record on `ups.ingest` whose sender gave none."""
    return derived("ingest", topic, partition, offset)


def event_notification_id(device_id: DeviceId, event_id: EventId) -> NotificationId:
    """The notification that one event may become; a replay and a resend find the same one."""
    return derived("event", device_id, event_id)


def late_notification_id(device_id: DeviceId, event_id: EventId) -> NotificationId:
    """The notification of what late events left open; `event_id` is the last late event's."""
    return derived("late", device_id, event_id)


def period_id(device_id: DeviceId, event_id: EventId) -> PeriodId:
    """The disabled period that the event starts."""
    return derived("period", device_id, event_id)


def disabled_notification_id(period: PeriodId) -> NotificationId:
    """The *Event Notifications Disabled* alert of a period."""
    return derived("disabled", period)


def enabled_notification_id(period: PeriodId) -> NotificationId:
    """The reconcile mail at the end of a period."""
    return derived("enabled", period)


def incident_id(device_id: DeviceId, event_id: EventId, code: str) -> IncidentId:
    """The incident that the event opens: one occurrence of a condition, from raise to clear."""
    return derived("incident", device_id, event_id, code)


def delivery_id(notification_id: NotificationId, user_id: UserId) -> str:
    """One recipient's copy of a notification: the ledger row, and the left part of its Message-ID."""
    return derived("delivery", notification_id, user_id)


def short_hash(text: str) -> bytes:
    """8 bytes that stand for `text` in packed state (event ids, condition texts)."""
    return blake2b(text.encode(), digest_size=8).digest()

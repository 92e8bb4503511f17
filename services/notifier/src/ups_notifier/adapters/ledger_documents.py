"""The ledger's rows as MongoDB keeps them, and as they are reported."""

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from ups_notifier.domain.addressing import Content, ends_told
from ups_notifier.domain.delivery import Delivery, Fate, Reason, State
from ups_runtime.codec import message_event
from ups_runtime.outbox import OutboxMessage
from ups_schemas.decision import Decision
from ups_schemas.ids import derived
from ups_schemas.mail import MailDelivery, MailKind, MailRequest
from ups_schemas.topics import MAIL_DELIVERIES, Service

# pymongo types documents as dict[str, Any]
Document = dict[str, Any]

_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)

# The fields that a fate is made of.
FATE = {"state": 1, "reason": 1, "digest_id": 1}


def unchanged(delivery: Delivery) -> Document:
    """What finds a row only while nobody has changed it."""
    return {"_id": delivery.delivery_id, "version": delivery.version}


def change(delivery: Delivery, now: datetime) -> Document:
    """What makes a row this delivery."""
    return {"$set": to_document(delivery) | {"changed_at": now}}


def stored(content: Content, *, wanted: bool) -> Document:
    """A notification's content, as text: attributes of an event may be named, and be as large, as BSON cannot take.

    An order is kept only if it is `wanted`: it holds an address, and perhaps a token.
    """
    if isinstance(content, MailRequest):
        return {"request": content.model_dump_json()} if wanted else {}
    ends = list(ends_told([content]))
    return {
        "device_id": content.device_id,
        "device_seq": content.device_seq,
        # missing rather than empty: the index has what ends something only
        **({"ends": ends} if ends else {}),
        "decision": _DECISION.dump_json(content).decode(),
    }


def content_of(document: Document) -> Content | None:
    """The content of a notification, unless it was forgotten."""
    if request := document.get("request"):
        return MailRequest.model_validate_json(request)
    return decision_of(document) if document.get("decision") else None


def decision_of(document: Document) -> Decision:
    """The decision of a notification that has one."""
    return _DECISION.validate_json(document["decision"])


def to_document(delivery: Delivery) -> Document:
    """A row."""
    return {
        "_id": delivery.delivery_id,
        "notification_id": delivery.notification_id,
        "kind": delivery.kind.value,
        "user_id": delivery.user_id,
        "device_id": delivery.device_id,
        "event_id": delivery.event_id,
        "device_seq": delivery.device_seq,
        "decided_at": delivery.decided_at,
        "due_at": delivery.due_at,
        "state": delivery.state.value,
        "open": delivery.open,
        "attempt": delivery.attempt,
        "version": delivery.version,
        "owner": delivery.owner,
        "reason": delivery.reason.value if delivery.reason else None,
        "smtp_code": delivery.smtp_code,
        "doubtful": delivery.doubtful,
        "data_started_at": delivery.data_started_at,
        "frozen": delivery.frozen,
        "not_after": delivery.not_after,
        "digest_id": delivery.digest_id,
        "apart": delivery.apart,
    }


def from_document(document: Document) -> Delivery:
    """The delivery in a row, also one of an older release."""
    return Delivery(
        delivery_id=document["_id"],
        notification_id=document["notification_id"],
        kind=MailKind(document["kind"]),
        user_id=document["user_id"],
        device_id=document["device_id"],
        event_id=document["event_id"],
        device_seq=document["device_seq"],
        decided_at=document["decided_at"],
        due_at=document["due_at"],
        state=State(document["state"]),
        open=document["open"],
        attempt=document["attempt"],
        version=document["version"],
        owner=document["owner"],
        reason=Reason(document["reason"]) if document["reason"] else None,
        smtp_code=document["smtp_code"],
        doubtful=document["doubtful"],
        data_started_at=document["data_started_at"],
        frozen=document["frozen"],
        not_after=document.get("not_after"),
        digest_id=document.get("digest_id"),
        apart=document.get("apart", False),
    )


def fate(document: Document) -> Fate:
    """What became of a row."""
    reason = Reason(document["reason"]) if document["reason"] else None
    return Fate(State(document["state"]), reason, document.get("digest_id"))


def report(delivery: Delivery, now: datetime) -> OutboxMessage:
    """What others are told of a delivery in its present state."""
    state = delivery.reported
    assert state is not None  # noqa: S101 - asked by the callers
    about = delivery.device_id or delivery.user_id
    told = MailDelivery(
        delivery_id=delivery.delivery_id,
        notification_id=delivery.notification_id,
        kind=delivery.kind,
        user_id=delivery.user_id,
        device_id=delivery.device_id,
        event_id=delivery.event_id,
        state=state,
        reason=delivery.reason.value if delivery.reason else None,
        smtp_code=delivery.smtp_code,
        attempt=delivery.attempt,
        at=now,
    )
    return OutboxMessage(
        topic=MAIL_DELIVERIES,
        key=about,
        event=message_event(
            told,
            id=derived("mail-delivery", delivery.delivery_id, delivery.version),
            source=f"/{Service.NOTIFIER}",
            subject=about,
            time=now,
        ),
        aggregate_id=delivery.delivery_id,
        sequence=delivery.version,
    )

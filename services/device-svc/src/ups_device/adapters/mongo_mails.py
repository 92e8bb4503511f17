"""Mails about devices on MongoDB: one document per person's copy of a notification."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import UpdateOne

from ups_device.adapters.mongo_upsert import upsert
from ups_device.domain import plan
from ups_device.domain.event_log import row_id
from ups_device.domain.mail import STOPPING, Copy, LastMail, Mailing
from ups_runtime.mongo import Database, map_mongo_errors
from ups_schemas.ids import NotificationId, UserId, delivery_id
from ups_schemas.mail import DeliveryState, MailDelivery, MailKind

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]

_EVER = datetime.min.replace(tzinfo=UTC)
_SAYS_OF_MAILBOX = [
    {"latest.state": {"$ne": DeliveryState.DROPPED.value}},
    {"latest.reason": {"$in": list(STOPPING)}},
]


class MongoMails:
    """Each person's copy of each notification."""

    def __init__(self, db: Database) -> None:
        self._mails = db.mails

    async def expect(self, mailings: Sequence[Mailing]) -> None:
        """Keep a copy for each recipient, for as long as the mailing says."""
        if updates := [_expect(mailing, user_id) for mailing in mailings for user_id in mailing.recipients]:
            await upsert(self._mails, updates)

    async def report(self, deliveries: Sequence[MailDelivery]) -> Collection[str]:
        """Keep the latest state of each copy: by attempt, then by when. Gives the rows that tell of them."""
        await upsert(self._mails, [_report(delivery) for delivery in deliveries])
        with map_mongo_errors():
            found = self._mails.find({"_id": {"$in": [_id(delivery) for delivery in deliveries]}}, {"rows": 1})
            return {row async for document in found for row in document.get("rows", ())}

    async def of(self, notification_ids: Collection[NotificationId]) -> Sequence[Copy]:
        """All copies of these notifications, by recipient."""
        wanted = {"notification_id": {"$in": list(notification_ids)}}
        with map_mongo_errors():
            found = self._mails.find(wanted).sort([("notification_id", 1), ("user_id", 1)])
            return [_copy(document) async for document in found]

    async def last(self, user_id: UserId) -> LastMail | None:
        """The person's last mail, of those that say something of their mailbox; it is so since the last accepted."""
        telling: Document = {"user_id": user_id, "latest.at": {"$gt": _EVER}, "$or": _SAYS_OF_MAILBOX}
        with map_mongo_errors():
            last = await self._mails.find_one(telling, sort=[("latest.at", -1)])
            if last is None:
                return None
            arrived = await self._mails.find_one(
                {"user_id": user_id, "latest.state": DeliveryState.ACCEPTED.value}, sort=[("latest.at", -1)]
            )
            if arrived is not None and arrived["latest"]["at"] >= last["latest"]["at"]:
                return LastMail(_copy(arrived), arrived["latest"]["at"])
            after = {"latest.at": {"$gt": arrived["latest"]["at"] if arrived else _EVER}}
            first = await self._mails.find_one(telling | after, sort=[("latest.at", 1)])
        return LastMail(_copy(last), (first or last)["latest"]["at"])


def _id(delivery: MailDelivery) -> str:
    return delivery_id(delivery.notification_id, delivery.user_id)


def _expect(mailing: Mailing, user_id: UserId) -> UpdateOne:
    rows = [row_id(mailing.device_id, event_id) for event_id in mailing.event_ids]
    return UpdateOne(
        {"_id": delivery_id(mailing.notification_id, user_id)},
        {
            "$set": {"expires_at": mailing.kept_until, "rows": rows},
            "$setOnInsert": _identity(mailing.notification_id, user_id, mailing.kind),
        },
        upsert=True,
    )


def _report(told: MailDelivery) -> UpdateOne:
    """What was told of one copy, unless something later was. Until its decision comes it is kept as long as can be."""
    # documents compare field by field in their order, so the later one is the greater one
    latest = {
        "attempt": told.attempt,
        "at": told.at,
        "state": told.state.value,
        "reason": told.reason,
        "smtp_code": told.smtp_code,
    }
    identity = _identity(told.notification_id, told.user_id, told.kind)
    kept = {"expires_at": told.at + plan.LONGEST_RETENTION}
    return UpdateOne({"_id": _id(told)}, {"$max": {"latest": latest}, "$setOnInsert": identity | kept}, upsert=True)


def _identity(notification_id: NotificationId, user_id: UserId, kind: MailKind) -> Document:
    return {"notification_id": notification_id, "user_id": user_id, "kind": kind.value}


def _copy(document: Document) -> Copy:
    identity = document["notification_id"], document["user_id"], MailKind(document["kind"])
    latest = document.get("latest")
    if latest is None:
        return Copy(*identity)
    return Copy(
        *identity,
        state=DeliveryState(latest["state"]),
        reason=latest["reason"],
        smtp_code=latest["smtp_code"],
        attempt=latest["attempt"],
        at=latest["at"],
    )

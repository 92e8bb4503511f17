"""The ledger in MongoDB: notifications, a row per recipient, and the leases of lanes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from pymongo import ASCENDING, UpdateOne
from pymongo.errors import DuplicateKeyError

from ups_notifier.adapters.migrations import DELIVERIES, LANES, NOTIFICATIONS
from ups_notifier.domain.addressing import Content, Notification, ends_told
from ups_notifier.domain.delivery import KEPT, Delivery, Fate, Reason, State
from ups_runtime.codec import message_event
from ups_runtime.errors import Permanent
from ups_runtime.lease import Lease
from ups_runtime.mongo import Client, Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox, OutboxMessage
from ups_schemas.decision import Decision
from ups_schemas.ids import DeviceId, NotificationId, UserId, derived
from ups_schemas.mail import MailDelivery, MailKind, MailRequest
from ups_schemas.topics import MAIL_DELIVERIES, Service

# pymongo types documents as dict[str, Any]
Document = dict[str, Any]

_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)

# Index entries that one look for due lanes reads: in an outage of a large site there are many more. Halved, a person
# with so many due mails hides the others until their lane is taken; doubled, each look costs more.
LOOKED_AT = 1000


class MongoLedger:
    """The ledger; every change of a row is conditional on its version, or on the attempt under way."""

    def __init__(self, client: Client, database: Database, outbox: Outbox) -> None:
        self._client = client
        self._outbox = outbox
        self._notifications = database[NOTIFICATIONS]
        self._deliveries = database[DELIVERIES]
        self._lanes = database[LANES]

    async def add(self, notification: Notification, deliveries: Sequence[Delivery], now: datetime) -> bool:
        """Write a notification, its rows and what is already to be reported in one transaction."""
        document = {
            "_id": notification.notification_id,
            "kind": notification.kind.value,
            "decided_at": notification.decided_at,
            "recipients": list(notification.recipients),
            **_stored(notification.content, wanted=any(each.open for each in deliveries)),
            "created_at": now,
            "expires_at": now + KEPT,
        }
        rows = [_to_document(each) | {"created_at": now, "expires_at": now + KEPT} for each in deliveries]
        reports = [_report(each, now) for each in deliveries if each.reported]

        async def write(session: Session) -> None:
            await self._notifications.insert_one(document, session=session)
            await self._deliveries.insert_many(rows, session=session)
            if reports:
                await self._outbox.add(session, *reports)

        with map_mongo_errors():
            if await self._notifications.find_one({"_id": notification.notification_id}, {"_id": 1}):
                return False
            try:
                await in_transaction(self._client, write)
            except DuplicateKeyError:
                # two notifiers read it at the same time, at a rebalance
                return False
        return True

    async def content(self, notification_id: NotificationId) -> Content:
        """The decision or order of a notification."""
        with map_mongo_errors():
            found = await self._notifications.find_one({"_id": notification_id}, {"decision": 1, "request": 1})
        if found and (request := found.get("request")):
            return MailRequest.model_validate_json(request)
        if found is None or not found.get("decision"):
            raise Permanent("the ledger has rows of a notification that it does not have")
        return _DECISION.validate_json(found["decision"])

    async def due_lanes(self, now: datetime, limit: int) -> list[UserId]:
        """Lanes with something due that nobody holds, the longest waiting first.

        Reads at most `LOOKED_AT` entries of one index, however much is due: more lanes show when these are held.
        """
        with map_mongo_errors():
            held = self._lanes.find({"$expr": {"$gt": ["$until", "$$NOW"]}}, {"_id": 1})
            stages: list[Document] = [
                {
                    "$match": {
                        "open": True,
                        "due_at": {"$lte": now},
                        "user_id": {"$nin": [each["_id"] async for each in held]},
                    }
                },
                {"$sort": {"due_at": ASCENDING}},
                {"$limit": LOOKED_AT},
                {"$group": {"_id": "$user_id", "due_at": {"$first": "$due_at"}}},
                {"$sort": {"due_at": ASCENDING}},
                {"$limit": limit},
            ]
            return [each["_id"] async for each in await self._deliveries.aggregate(stages)]

    async def lease(self, lane: UserId, owner: str, length: timedelta) -> bool:
        """Take a lane for so long, or hold one's own for longer; by the database's clock."""
        with map_mongo_errors():
            return await Lease(self._lanes, lane, owner, length.total_seconds()).take()

    async def release(self, lane: UserId, owner: str) -> None:
        """Give back a lane that one holds."""
        with map_mongo_errors():
            await Lease(self._lanes, lane, owner, 0).give_up()

    async def open_rows(self, lane: UserId) -> list[Delivery]:
        """All rows of a lane that are not over, in `device_seq` order."""
        with map_mongo_errors():
            cursor = self._deliveries.find({"user_id": lane, "open": True}).sort("device_seq", ASCENDING)
            return [_from_document(each) async for each in cursor]

    async def save(self, before: Delivery, after: Delivery, now: datetime) -> bool:
        """Replace a row that is still `before`, with its report in the same transaction."""
        unchanged = {"_id": before.delivery_id, "version": before.version}
        change = {"$set": _to_document(after) | {"changed_at": now}}

        async def write(session: Session) -> bool:
            done = await self._deliveries.update_one(unchanged, change, session=session)
            if done.matched_count:
                await self._outbox.add(session, _report(after, now))
                if not after.open and after.device_id is None:
                    ended = {"_id": after.notification_id}
                    await self._notifications.update_one(ended, {"$unset": {"request": ""}}, session=session)
            return bool(done.matched_count)

        with map_mongo_errors():
            if not after.reported:
                return bool((await self._deliveries.update_one(unchanged, change)).matched_count)
            return await in_transaction(self._client, write)

    async def start_data(self, delivery: Delivery, message: bytes, now: datetime) -> bool:
        """Freeze the message and mark it as going out, if this (owner, attempt) is still the one under way."""
        under_way = {
            "_id": delivery.delivery_id,
            "state": State.SENDING.value,
            "owner": delivery.owner,
            "attempt": delivery.attempt,
            "data_started_at": None,
        }
        change = {
            "$set": {"data_started_at": now, "last_data_at": now, "frozen": message, "changed_at": now},
            "$inc": {"version": 1},
        }
        with map_mongo_errors():
            return bool((await self._deliveries.update_one(under_way, change)).matched_count)

    async def wait_until(self, deliveries: Sequence[tuple[Delivery, datetime]]) -> None:
        """Do not look at these rows before the given moments."""
        updates = [
            UpdateOne({"_id": each.delivery_id, "version": each.version}, {"$set": {"due_at": until}})
            for each, until in deliveries
        ]
        if updates:
            with map_mongo_errors():
                await self._deliveries.bulk_write(updates, ordered=False)

    async def fates(self, delivery_ids: Collection[str]) -> Mapping[str, Fate]:
        """Where these deliveries stand; those that are not in the ledger (any more) are left out."""
        if not delivery_ids:
            return {}
        with map_mongo_errors():
            cursor = self._deliveries.find({"_id": {"$in": list(delivery_ids)}}, {"state": 1, "reason": 1})
            return {each["_id"]: _fate(each) async for each in cursor}

    async def ends_after(self, device_id: DeviceId, device_seq: int) -> Mapping[str, datetime]:
        """When incidents of the device ended, by later notifications of it."""
        later = {"device_id": device_id, "device_seq": {"$gt": device_seq}}
        with map_mongo_errors():
            cursor = self._notifications.find(later, {"decision": 1}).sort("device_seq", ASCENDING)
            return ends_told([_DECISION.validate_json(each["decision"]) async for each in cursor])


def _stored(content: Content, *, wanted: bool) -> Document:
    """A notification's content, as text: attributes of an event may be named, and be as large, as BSON cannot take.

    An order is kept only if it is `wanted`: it holds an address, and perhaps a token.
    """
    if isinstance(content, MailRequest):
        return {"request": content.model_dump_json()} if wanted else {}
    return {
        "device_id": content.device_id,
        "device_seq": content.device_seq,
        "decision": _DECISION.dump_json(content).decode(),
    }


def _to_document(delivery: Delivery) -> Document:
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
    }


def _from_document(document: Document) -> Delivery:
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
    )


def _fate(document: Document) -> Fate:
    return Fate(State(document["state"]), Reason(document["reason"]) if document["reason"] else None)


def _report(delivery: Delivery, now: datetime) -> OutboxMessage:
    state = delivery.reported
    assert state is not None  # noqa: S101 - asked by the callers
    about = delivery.device_id or delivery.user_id
    report = MailDelivery(
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
            report,
            id=derived("mail-delivery", delivery.delivery_id, delivery.version),
            source=f"/{Service.NOTIFIER}",
            subject=about,
            time=now,
        ),
        aggregate_id=delivery.delivery_id,
        sequence=delivery.version,
    )

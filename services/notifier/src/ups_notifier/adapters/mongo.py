"""The ledger in MongoDB: notifications, a row per recipient, and the leases of lanes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.errors import DuplicateKeyError

from ups_notifier.adapters.ledger_documents import (
    FATE,
    Document,
    change,
    content_of,
    decision_of,
    fate,
    from_document,
    report,
    stored,
    to_document,
    unchanged,
)
from ups_notifier.adapters.migrations import DELIVERIES, LANES, NOTIFICATIONS
from ups_notifier.domain.addressing import Content, Notification, ends_told
from ups_notifier.domain.delivery import KEPT, Delivery, Fate, State
from ups_runtime.errors import Permanent
from ups_runtime.lease import Lease
from ups_runtime.mongo import Client, Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox
from ups_schemas.ids import DeviceId, NotificationId, UserId

# Index entries that one look for due lanes reads: in an outage of a large site there are many more. Halved, a person
# with so many due mails hides the others until their lane is taken; doubled, each look costs more.
LOOKED_AT = 1000
# The latest so many rows show whether the relay takes mail.
_SHOWING = 1000


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
            **stored(notification.content, wanted=any(each.open for each in deliveries)),
            "created_at": now,
            "expires_at": now + KEPT,
        }
        rows = [to_document(each) | {"created_at": now, "expires_at": now + KEPT} for each in deliveries]
        reports = [report(each, now) for each in deliveries if each.reported]

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
        content = content_of(found or {})
        if content is None:
            raise Permanent("the ledger has rows of a notification that it does not have")
        return content

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

    async def next_due(self, now: datetime) -> datetime | None:
        """When the next row falls due that is not due yet; one entry of an index."""
        with map_mongo_errors():
            found = await self._deliveries.find_one(
                {"open": True, "due_at": {"$gt": now}}, {"_id": 0, "due_at": 1}, sort=[("due_at", ASCENDING)]
            )
        return found["due_at"] if found else None

    async def lease(self, lane: UserId, owner: str, length: timedelta) -> bool:
        """Take a lane for so long, or hold one's own for longer; by the database's clock."""
        with map_mongo_errors():
            return await Lease(self._lanes, lane, owner, length.total_seconds()).take()

    async def release(self, lane: UserId, owner: str) -> None:
        """Give back a lane that one holds."""
        with map_mongo_errors():
            await Lease(self._lanes, lane, owner, 0).give_up()

    async def lanes(self) -> list[UserId]:
        """Lanes with rows that are not over."""
        with map_mongo_errors():
            return list(await self._deliveries.distinct("user_id", {"open": True}))

    async def open_rows(self, lane: UserId) -> list[Delivery]:
        """All rows of a lane that are not over, in `device_seq` order."""
        with map_mongo_errors():
            cursor = self._deliveries.find({"user_id": lane, "open": True}).sort("device_seq", ASCENDING)
            return [from_document(each) async for each in cursor]

    async def told_by(self, delivery_id: str) -> list[Delivery]:
        """The row of a mail, and after it all others that it tells as a digest."""
        with map_mongo_errors():
            found = await self._deliveries.find_one({"_id": delivery_id})
            if found is None:
                return []
            row = from_document(found)
            # by the person: there is an index of it. With the id, that index may be taken, and all of it be read.
            told = self._deliveries.find({"user_id": row.user_id, "digest_id": delivery_id})
            return [row, *[from_document(each) async for each in told if each["_id"] != delivery_id]]

    async def save(self, before: Delivery, after: Delivery, now: datetime) -> bool:
        """Replace a row that is still `before`, with its report in the same transaction."""
        if after.reported:
            return await self.save_all([(before, after)], now)
        with map_mongo_errors():
            done = await self._deliveries.update_one(unchanged(before), change(after, now))
        return bool(done.matched_count)

    async def save_all(self, changes: Sequence[tuple[Delivery, Delivery]], now: datetime) -> bool:
        """Replace rows that are all still as they were, with their reports in the same transaction."""
        updates = [UpdateOne(unchanged(before), change(after, now)) for before, after in changes]
        reports = [report(after, now) for _, after in changes if after.reported]
        over = [after.notification_id for _, after in changes if not after.open and after.device_id is None]

        async def write(session: Session) -> None:
            done = await self._deliveries.bulk_write(updates, ordered=False, session=session)
            if done.matched_count < len(updates):
                raise _NotAsBeforeError
            if reports:
                await self._outbox.add(session, *reports)
            if over:
                ended = {"_id": {"$in": over}}
                await self._notifications.update_many(ended, {"$unset": {"request": ""}}, session=session)

        with map_mongo_errors():
            try:
                await in_transaction(self._client, write)
            except _NotAsBeforeError:
                return False
        return True

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
            cursor = self._deliveries.find({"_id": {"$in": list(delivery_ids)}}, FATE)
            return {each["_id"]: fate(each) async for each in cursor}

    async def reached_since(self, since: datetime) -> frozenset[UserId]:
        """Whose mail the relay took, of the latest rows that were added since then."""
        stages: list[Document] = [
            {"$match": {"created_at": {"$gte": since}}},
            {"$sort": {"created_at": DESCENDING, "_id": DESCENDING}},
            {"$limit": _SHOWING},
            {"$match": {"state": State.ACCEPTED.value}},
            {"$group": {"_id": "$user_id"}},
        ]
        with map_mongo_errors():
            return frozenset([each["_id"] async for each in await self._deliveries.aggregate(stages)])

    async def ends_after(
        self, device_id: DeviceId, device_seq: int, incident_ids: Collection[str]
    ) -> Mapping[str, datetime]:
        """When these incidents of the device ended, by later notifications of it; reads no others, by an index."""
        if not incident_ids:
            return {}
        later = {"device_id": device_id, "ends": {"$in": list(incident_ids)}, "device_seq": {"$gt": device_seq}}
        with map_mongo_errors():
            cursor = self._notifications.find(later, {"decision": 1}).sort("device_seq", ASCENDING)
            told = ends_told([decision_of(each) async for each in cursor])
        return {each: ended for each, ended in told.items() if each in incident_ids}


class _NotAsBeforeError(Exception):
    pass

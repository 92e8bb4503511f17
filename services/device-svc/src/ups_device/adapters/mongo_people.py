"""What people prefer, on MongoDB: each change in one transaction with the mail that confirms it."""

from collections.abc import Collection, Mapping
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from ups_device.domain.subscription import Preferences
from ups_runtime.codec import message_event
from ups_runtime.errors import Changed
from ups_runtime.mongo import Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox, OutboxMessage
from ups_schemas.ids import UserId
from ups_schemas.mail import MailRequest
from ups_schemas.topics import MAIL_REQUESTS

SOURCE = "/device-svc"

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]

_DUPLICATE_KEY = 11000


class MongoPeople:
    """What people prefer, whichever devices they have."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    async def preferences(self, user_ids: Collection[UserId]) -> Mapping[UserId, Preferences]:
        """What each of these people prefers; at version 0 if they never chose."""
        with map_mongo_errors():
            found = self._db.preferences.find({"_id": {"$in": list(user_ids)}})
            there = {document["_id"]: _preferences(document) async for document in found}
        return {user_id: there.get(user_id, Preferences(user_id)) for user_id in user_ids}

    async def save_preferences(self, preferences: Preferences, mail: MailRequest | None) -> None:
        """Keep someone's next version as not settled, and ask for the mail."""
        document = {
            "version": preferences.version,
            "all_off": preferences.all_off,
            "companies_off": sorted(preferences.companies_off),
            "settled": False,
        }

        async def step(session: Session) -> None:
            try:
                saved = await self._db.preferences.update_one(
                    {"_id": preferences.user_id, "version": preferences.version - 1},
                    {"$set": document},
                    upsert=preferences.version == 1,
                    session=session,
                )
            except DuplicateKeyError:
                raise Changed from None
            if not saved.matched_count and saved.upserted_id is None:
                raise Changed
            if mail:
                aggregate = f"preferences:{preferences.user_id}"
                await self._outbox.add(session, mail_message(mail, aggregate, preferences.version))

        with map_mongo_errors():
            await in_transaction(self._db.client, step)

    async def settled(self, preferences: Preferences) -> None:
        """Every device has them. A later version is left as it is."""
        with map_mongo_errors():
            await self._db.preferences.update_one(
                {"_id": preferences.user_id, "version": preferences.version, "settled": False},
                {"$set": {"settled": True}},
            )

    async def everyone(self) -> Collection[UserId]:
        """Those who ever chose."""
        with map_mongo_errors():
            return [document["_id"] async for document in self._db.preferences.find({}, {"_id": 1})]

    async def forget(self, user_ids: Collection[UserId]) -> None:
        """Forget what they prefer."""
        with map_mongo_errors():
            await self._db.preferences.delete_many({"_id": {"$in": list(user_ids)}})

    async def unsettled(self) -> Collection[UserId]:
        """Whose preferences are kept and perhaps not in every device."""
        with map_mongo_errors():
            return [document["_id"] async for document in self._db.preferences.find({"settled": False}, {"_id": 1})]


async def touch(db: Database, session: Session, preferences: Collection[Preferences]) -> None:
    """Write to these preferences: whoever changes one meanwhile collides with the session's transaction.

    Raises:
        Changed: somebody has others now.
    """
    if not preferences:
        return
    steps = [
        UpdateOne(
            {"_id": each.user_id, "version": each.version},
            {
                "$inc": {"touched": 1},
                "$setOnInsert": {"all_off": False, "companies_off": [], "settled": True},
            },
            upsert=each.version == 0,
        )
        for each in sorted(preferences, key=lambda each: each.user_id)
    ]
    try:
        touched = await db.preferences.bulk_write(steps, session=session)
    except BulkWriteError as error:
        if any(each["code"] != _DUPLICATE_KEY for each in error.details["writeErrors"]):
            raise
        raise Changed from None
    if touched.matched_count + touched.upserted_count != len(steps):
        raise Changed


def mail_message(mail: MailRequest, aggregate_id: str, sequence: int) -> OutboxMessage:
    """The order for a mail, published with that step of the aggregate."""
    event = message_event(mail, id=mail.request_id, source=SOURCE, subject=mail.recipient_id, time=mail.requested_at)
    return OutboxMessage(
        topic=MAIL_REQUESTS, key=mail.recipient_id, event=event, aggregate_id=aggregate_id, sequence=sequence
    )


def _preferences(document: Document) -> Preferences:
    return Preferences(document["_id"], document["version"], document["all_off"], frozenset(document["companies_off"]))

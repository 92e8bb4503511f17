"""Devices that pass on, on MongoDB: each batch in one transaction with what somebody is to be told of it."""

from collections.abc import Collection, Sequence

from pymongo import UpdateOne

from ups_device.adapters.device_documents import Document, device_messages, device_of
from ups_device.adapters.mongo_devices import write
from ups_device.adapters.mongo_people import mail_message
from ups_device.domain.device import Change, Device
from ups_device.domain.succession import Passing, Succession
from ups_runtime.mongo import Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.mail import NAMED_DEVICES, MailRequest

_ORPHANED: Document = {"snapshot.owner": None, "awaits_claim": {"$ne": True}}


class MongoSuccessions:
    """The store of devices as whoever settles them needs it, and of successions that were not told of."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    async def companies(self) -> Collection[CompanyId]:
        """Those with devices, or with successions that were not told of."""
        with map_mongo_errors():
            with_devices: list[str] = await self._db.devices.distinct("company_id", {"removed_at": None})
            untold: list[str] = await self._db.successions.distinct("company_id")
        return {*with_devices, *untold}

    async def unsettled(
        self, company_id: CompanyId, members: Collection[UserId], limit: int, *, ownerless: bool
    ) -> Sequence[Device]:
        """Devices, at most so many, that somebody else than these owns or subscribes to; or nobody owns any more."""
        others = {"$nin": list(members)}
        wanted = {
            "company_id": company_id,
            "removed_at": None,
            "$or": [
                {"snapshot.owner": {"$nin": [*members, None]}},
                *([_ORPHANED] if ownerless else []),
                {"snapshot.subscriptions": {"$elemMatch": {"user_id": others}}},
                {"choices": {"$elemMatch": {"user_id": others}}},
                {"handed_over_by": {"$nin": [*members, None]}},
            ],
        }
        with map_mongo_errors():
            found = self._db.devices.find(wanted).sort([("created_at", 1), ("_id", 1)]).limit(limit)
            return [device_of(document) async for document in found]

    async def pass_on(self, passings: Sequence[Passing], others: Sequence[Change]) -> None:
        """Keep and publish these steps, and count them in their successions: all, or nothing."""
        changes = [*(each.change for each in passings), *others]
        messages = [message for change in changes for message in device_messages(change)]
        counted = [_count(each) for each in passings]

        async def step(session: Session) -> None:
            await write(self._db, session, changes)
            if counted:
                await self._db.successions.bulk_write(counted, session=session)
            await self._outbox.add(session, *messages)

        with map_mongo_errors():
            await in_transaction(self._db.client, step)

    async def complete(self, company_id: CompanyId) -> Sequence[Succession]:
        """The company's successions that were not told of, and whose former owner has no device there any more."""
        with map_mongo_errors():
            there = [_succession(each) async for each in self._db.successions.find({"company_id": company_id})]
            return [each for each in there if not await self._has_devices(company_id, each.former)]

    async def tell(self, succession: Succession, mail: MailRequest | None) -> None:
        """Ask for the mail, and forget the succession; nothing if somebody else did, or if it has grown since."""

        async def step(session: Session) -> None:
            as_it_was = {"_id": succession.succession_id, "devices": succession.devices, "first": succession.first}
            forgotten = await self._db.successions.delete_one(as_it_was, session=session)
            if forgotten.deleted_count and mail:
                await self._outbox.add(session, mail_message(mail, f"succession:{mail.request_id}", 1))

        with map_mongo_errors():
            await in_transaction(self._db.client, step)

    async def _has_devices(self, company_id: CompanyId, owner: UserId | None) -> bool:
        owned = {"snapshot.owner": owner} if owner else _ORPHANED
        wanted = {"company_id": company_id, "removed_at": None, **owned}
        return await self._db.devices.find_one(wanted, {"_id": 1}) is not None


def _count(passing: Passing) -> UpdateOne:
    one = passing.succession
    return UpdateOne(
        {"_id": one.succession_id},
        {
            "$setOnInsert": {
                "company_id": one.company_id,
                "former": one.former,
                "heir": one.heir,
                "first": one.first,
            },
            "$inc": {"devices": 1},
            "$push": {"names": {"$each": list(one.names), "$slice": NAMED_DEVICES}},
        },
        upsert=True,
    )


def _succession(document: Document) -> Succession:
    return Succession(
        document["company_id"],
        document["former"],
        document["heir"],
        document["devices"],
        tuple(document["names"]),
        document["first"],
    )

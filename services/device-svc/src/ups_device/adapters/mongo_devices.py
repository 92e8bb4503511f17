"""Devices, companies and gateways on MongoDB: each change in one transaction with what is to be published of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import asdict

from pymongo import ReplaceOne
from pymongo.errors import DuplicateKeyError

from ups_device.adapters.device_documents import (
    Document,
    device_document,
    device_messages,
    device_of,
    gateway_document,
    gateway_message,
    step_of,
)
from ups_device.adapters.mongo_people import mail_message, touch
from ups_device.domain.company import Company
from ups_device.domain.device import Change, Device, Named
from ups_device.domain.event_log import Belonging
from ups_device.domain.gateway import Gateway
from ups_device.domain.policy import Override
from ups_device.domain.subscription import Preferences
from ups_device.handlers.devices import Place
from ups_runtime.errors import AlreadyExists, Changed
from ups_runtime.mongo import Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox
from ups_schemas.device import DeviceKey, Policy
from ups_schemas.ids import CompanyId, DeviceId, Id
from ups_schemas.mail import MailRequest


class MongoDevices:
    """The store of devices, companies and gateways."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""
        with map_mongo_errors():
            document = await self._db.devices.find_one({"_id": device_id})
        return device_of(document) if document else None

    async def add(self, change: Change, company: Company) -> None:
        """Keep a new device and publish it, provided company and people are still at these versions.

        The company's document is written, too, and its subscribers' preferences: whoever changes one meanwhile collides
        with this transaction, and sees the device after it.
        """

        async def step(session: Session) -> None:
            try:
                touched = await self._db.companies.update_one(
                    {"_id": company.company_id, "version": company.version},
                    {"$inc": {"devices_added": 1}},
                    upsert=company.version == 0,
                    session=session,
                )
            except DuplicateKeyError:
                raise Changed from None
            if not touched.matched_count and touched.upserted_id is None:
                raise Changed
            await touch(self._db, session, change.preferences)
            try:
                await self._db.devices.insert_one(device_document(change.device), session=session)
            except DuplicateKeyError:
                raise AlreadyExists from None
            await self._outbox.add(session, *device_messages(change))

        await self._transact(step)

    async def save(self, *changes: Change, mail: MailRequest | None = None) -> None:
        """Keep and publish the next version of devices, and the mail: all, or nothing."""
        mails = [mail_message(mail, *step_of(changes[-1].device.snapshot))] if mail else []

        async def step(session: Session) -> None:
            await write(self._db, session, changes)
            told = [message for change in changes for message in device_messages(change)]
            await self._outbox.add(session, *told, *mails)

        await self._transact(step)

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""
        await self._outbox.published()

    async def page(self, company_id: CompanyId | None, after: Place | None, limit: int) -> Sequence[Device]:
        """Devices that are not removed, oldest first."""
        return [device_of(document) async for document in self._page(company_id, after, limit)]

    async def names_page(self, company_id: CompanyId, after: Place | None, limit: int) -> Sequence[Named]:
        """What the company's devices are called, in the same order."""
        shown = {"snapshot.name": 1, "snapshot.site": 1, "created_at": 1}
        return [
            Named(document["_id"], document["snapshot"]["name"], document["snapshot"]["site"], document["created_at"])
            async for document in self._page(company_id, after, limit, shown)
        ]

    async def _page(
        self, company_id: CompanyId | None, after: Place | None, limit: int, shown: Document | None = None
    ) -> AsyncIterator[Document]:
        wanted: Document = {"removed_at": None}
        if company_id is not None:
            wanted["company_id"] = company_id
        if after is not None:
            wanted["$or"] = [
                {"created_at": {"$gt": after.created_at}},
                {"created_at": after.created_at, "_id": {"$gt": after.device_id}},
            ]
        with map_mongo_errors():
            # all in one answer: MongoDB's first is else of 101
            found = self._db.devices.find(
                wanted, shown, sort=[("created_at", 1), ("_id", 1)], limit=limit, batch_size=limit
            )
            async for document in found:
                yield document

    async def company(self, company_id: CompanyId) -> Company:
        """The company; at version 0 if it has set nothing."""
        with map_mongo_errors():
            document = await self._db.companies.find_one({"_id": company_id})
        if document is None:
            return Company(company_id)
        return Company(company_id, document["version"], Override(**document.get("override", {})))

    async def overrides(self) -> Mapping[CompanyId, Override]:
        """What companies have set."""
        with map_mongo_errors():
            found = self._db.companies.find({"override": {"$exists": True}})
            return {document["_id"]: Override(**document["override"]) async for document in found}

    async def save_company(self, company: Company) -> None:
        """Keep the company's next version."""
        with map_mongo_errors():
            try:
                saved = await self._db.companies.update_one(
                    {"_id": company.company_id, "version": company.version - 1},
                    {"$set": {"version": company.version, "override": asdict(company.override)}},
                    upsert=company.version == 1,
                )
            except DuplicateKeyError:
                raise Changed from None
        if not saved.matched_count and saved.upserted_id is None:
            raise Changed

    async def devices_other_than(
        self, policy: Policy, company_id: CompanyId | None, but: tuple[CompanyId, ...]
    ) -> tuple[DeviceId, ...]:
        """Devices whose policy, leaving aside what their owners set, is another."""
        there = policy.model_dump()
        wanted: Document = {
            "removed_at": None,
            "$nor": [
                {f"base.{name}": value for name, value in there.items()},
                # kept before owners could set one
                {"base": None} | {f"snapshot.policy.{name}": value for name, value in there.items()},
            ],
            "company_id": {"$nin": list(but)} if company_id is None else company_id,
        }
        with map_mongo_errors():
            return tuple([document["_id"] async for document in self._db.devices.find(wanted, {"_id": 1})])

    async def unlike(self, preferences: Preferences, limit: int) -> Sequence[Device]:
        """Devices, at most so many, in which the person's subscription is not as these preferences have it."""
        user_id, off = preferences.user_id, sorted(preferences.companies_off)
        on = {"snapshot.subscriptions": {"$elemMatch": {"user_id": user_id, "on": True}}}
        silenced = {
            "snapshot.subscriptions": {"$elemMatch": {"user_id": user_id, "on": False}},
            "choices": {"$elemMatch": {"user_id": user_id, "on": True}},
        }
        wrong = (
            on
            if preferences.all_off
            else {"$or": [{"company_id": {"$in": off}} | on, {"company_id": {"$nin": off}} | silenced]}
        )
        wanted = {"removed_at": None, "snapshot.subscriptions.user_id": user_id} | wrong
        with map_mongo_errors():
            found = self._db.devices.find(wanted).sort("_id").limit(limit)
            return [device_of(document) async for document in found]

    async def devices_of(self, company_id: CompanyId, device_ids: Collection[DeviceId]) -> Collection[DeviceId]:
        """Those of these that are the company's, and not removed."""
        wanted = {"_id": {"$in": list(device_ids)}, "company_id": company_id, "removed_at": None}
        with map_mongo_errors():
            return {document["_id"] async for document in self._db.devices.find(wanted, {"_id": 1})}

    async def belongings(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Belonging]:
        """Whose these devices are, also removed ones; unknown ones are left out."""
        wanted = {"_id": {"$in": list(device_ids)}}
        with map_mongo_errors():
            found = self._db.devices.find(wanted, {"company_id": 1, "snapshot.ownership": 1, "removed_at": 1})
            return {
                document["_id"]: Belonging(
                    document["snapshot"]["ownership"],
                    document["company_id"],
                    is_removed=document["removed_at"] is not None,
                )
                async for document in found
            }

    async def names(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, str]:
        """The names of these devices, also of removed ones; unknown ones are left out."""
        with map_mongo_errors():
            found = self._db.devices.find({"_id": {"$in": list(device_ids)}}, {"snapshot.name": 1})
            return {document["_id"]: document["snapshot"]["name"] async for document in found}

    async def find_gateway(self, gateway_id: Id) -> Gateway | None:
        """The gateway."""
        with map_mongo_errors():
            document = await self._db.gateways.find_one({"_id": gateway_id})
        if document is None:
            return None
        return Gateway(gateway_id, DeviceKey.model_validate(document["key"]), document["request_sha256"])

    async def add_gateway(self, gateway: Gateway) -> None:
        """Keep and publish a new gateway."""

        async def step(session: Session) -> None:
            try:
                await self._db.gateways.insert_one(gateway_document(gateway), session=session)
            except DuplicateKeyError:
                raise AlreadyExists from None
            await self._outbox.add(session, gateway_message(gateway))

        await self._transact(step)

    async def save_gateway(self, gateway: Gateway) -> None:
        """Keep and publish the next version of a gateway's key."""

        async def step(session: Session) -> None:
            replaced = await self._db.gateways.replace_one(
                {"_id": gateway.gateway_id, "version": gateway.key.version - 1},
                gateway_document(gateway),
                session=session,
            )
            if not replaced.matched_count:
                raise Changed
            await self._outbox.add(session, gateway_message(gateway))

        await self._transact(step)

    async def _transact(self, step: Callable[[Session], Awaitable[None]]) -> None:
        with map_mongo_errors():
            await in_transaction(self._db.client, step)


async def write(db: Database, session: Session, changes: Sequence[Change]) -> None:
    """Make these steps in the session's transaction.

    Raises:
        Changed: a device is no longer at the version before, or somebody's preferences are not.
    """
    await touch(db, session, {each for change in changes for each in change.preferences})
    steps = [
        ReplaceOne({"_id": each.device_id, "version": each.version - 1}, device_document(each))
        for each in (change.device for change in changes)
    ]
    replaced = await db.devices.bulk_write(steps, session=session)
    if replaced.matched_count != len(steps):
        raise Changed

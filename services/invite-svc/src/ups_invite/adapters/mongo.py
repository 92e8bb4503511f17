"""People and companies on MongoDB: each change in one transaction with what is to be published of it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from ups_invite.domain.company import Company
from ups_invite.domain.user import Person
from ups_invite.handlers.users import AddressTaken, Place
from ups_runtime.codec import message_event
from ups_runtime.errors import AlreadyExists, Changed
from ups_runtime.mongo import Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox, OutboxMessage
from ups_schemas.account import User
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.topics import USERS

SOURCE = "/invite-svc"

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]


class MongoUsers:
    """The store of people and companies. An erased person leaves a document with the id, and nothing about them."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""
        with map_mongo_errors():
            document = await self._db.users.find_one({"_id": user_id, "erased_at": None})
        return _person(document) if document else None

    async def company(self, company_id: CompanyId) -> Company | None:
        """The company."""
        with map_mongo_errors():
            document = await self._db.companies.find_one({"_id": company_id})
        return Company(document["_id"], document["name"], document["created_at"]) if document else None

    async def add(self, person: Person, founded: Company | None) -> None:
        """Keep and publish a new person, and keep the company that comes with them."""

        async def step(session: Session) -> None:
            try:
                await self._db.users.insert_one(_document(person), session=session)
            except DuplicateKeyError as error:
                taken = "compare_key" in ((error.details or {}).get("keyPattern") or {})
                raise (AddressTaken if taken else AlreadyExists) from None
            if founded:
                try:
                    await self._db.companies.insert_one(
                        {"_id": founded.company_id, "name": founded.name, "created_at": founded.created_at},
                        session=session,
                    )
                except DuplicateKeyError:
                    raise Changed from None
            await self._outbox.add(session, _message(person))

        await self._transact(step)

    async def save(self, person: Person) -> None:
        """Keep and publish the next version of a person."""

        async def step(session: Session) -> None:
            await self._replace(session, person.user_id, person.version - 1, _document(person))
            await self._outbox.add(session, _message(person))

        await self._transact(step)

    async def erase(self, person: Person, now: datetime) -> None:
        """Keep nothing of the person but that there was one, and publish a tombstone."""
        version = person.version + 1
        nothing = {"_id": person.user_id, "version": version, "created_at": person.created_at, "erased_at": now}

        async def step(session: Session) -> None:
            await self._replace(session, person.user_id, person.version, nothing)
            await self._outbox.add(
                session,
                OutboxMessage(
                    topic=USERS,
                    key=person.user_id,
                    event=None,
                    aggregate_id=f"user:{person.user_id}",
                    sequence=version,
                ),
            )

        await self._transact(step)

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""
        await self._outbox.published()

    async def page(self, company_id: CompanyId | None, after: Place | None, limit: int) -> Sequence[Person]:
        """People, in the order in which they came."""
        wanted: Document = {"erased_at": None}
        if company_id is not None:
            wanted["company_id"] = company_id
        if after is not None:
            wanted["$or"] = [
                {"created_at": {"$gt": after.created_at}},
                {"created_at": after.created_at, "_id": {"$gt": after.user_id}},
            ]
        with map_mongo_errors():
            found = self._db.users.find(wanted).sort([("created_at", 1), ("_id", 1)]).limit(limit)
            return [_person(document) async for document in found]

    async def _replace(self, session: Session, user_id: UserId, version: int, document: Document) -> None:
        there = {"_id": user_id, "version": version, "erased_at": None}
        replaced = await self._db.users.replace_one(there, document, session=session)
        if not replaced.matched_count:
            raise Changed

    async def _transact(self, step: Callable[[Session], Awaitable[None]]) -> None:
        with map_mongo_errors():
            await in_transaction(self._db.client, step)


def _document(person: Person) -> Document:
    return {
        "_id": person.user_id,
        "version": person.version,
        "compare_key": person.compare_key,
        "company_id": person.user.company_id,
        "created_at": person.created_at,
        "erased_at": None,
        "request_sha256": person.request_sha256,
        "user": person.user.model_dump(),
    }


def _person(document: Document) -> Person:
    return Person(
        User.model_validate(document["user"]),
        document["compare_key"],
        created_at=document["created_at"],
        request_sha256=document["request_sha256"],
    )


def _message(person: Person) -> OutboxMessage:
    user = person.user
    return OutboxMessage(
        topic=USERS,
        key=user.user_id,
        event=message_event(
            user, id=f"{user.user_id}:{user.version}", source=SOURCE, subject=user.user_id, time=user.changed_at
        ),
        aggregate_id=f"user:{user.user_id}",
        sequence=user.version,
    )

"""People and companies on MongoDB. An erased person leaves a document with the id, and nothing about them."""

from collections.abc import Mapping, Sequence

from pymongo.errors import DuplicateKeyError

from ups_invite.adapters.mongo_book import SOURCE, Document, Pen, Writer
from ups_invite.domain.company import Company
from ups_invite.domain.user import Person
from ups_invite.domain.writing import AddCompany, AddPerson, ErasePerson, RequirePerson, SaveCompany, SavePerson, Write
from ups_invite.handlers.book import AddressTaken
from ups_invite.handlers.users import Place
from ups_runtime.codec import message_event
from ups_runtime.errors import AlreadyExists, Changed
from ups_runtime.mongo import Database, map_mongo_errors
from ups_runtime.outbox import OutboxMessage
from ups_schemas.account import Role, User
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.topics import USERS


class MongoPeople:
    """Finds people and companies."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""
        return await self._person({"_id": user_id, "erased_at": None})

    async def by_address(self, compare_key: str) -> Person | None:
        """The person who has the address that is compared by this."""
        return await self._person({"compare_key": compare_key})

    async def company(self, company_id: CompanyId) -> Company | None:
        """The company."""
        with map_mongo_errors():
            document = await self._db.companies.find_one({"_id": company_id})
        if document is None:
            return None
        return Company(document["_id"], document["name"], document["created_at"], document.get("version", 1))

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

    async def members(self, company_id: CompanyId) -> int:
        """How many are in the company, closed accounts apart."""
        with map_mongo_errors():
            return await self._db.users.count_documents(_members(company_id))

    async def admins(self, company_id: CompanyId) -> frozenset[UserId]:
        """Who of them is an admin."""
        with map_mongo_errors():
            found = self._db.users.find({**_members(company_id), "user.role": Role.ADMIN.value}, {"_id": 1})
            return frozenset([document["_id"] async for document in found])

    async def _person(self, wanted: Document) -> Person | None:
        with map_mongo_errors():
            document = await self._db.users.find_one(wanted)
        return _person(document) if document else None


def _members(company_id: CompanyId) -> Document:
    return {"erased_at": None, "company_id": company_id, "user.active": True}


async def _add_person(pen: Pen, write: AddPerson) -> None:
    person = write.person
    try:
        await pen.db.users.insert_one(_document(person), session=pen.session)
    except DuplicateKeyError as error:
        taken = "compare_key" in ((error.details or {}).get("keyPattern") or {})
        raise (AddressTaken if taken else AlreadyExists) from None
    await pen.outbox.add(pen.session, _message(person))


async def _save_person(pen: Pen, write: SavePerson) -> None:
    person = write.person
    await _replace(pen, person.user_id, person.version - 1, _document(person))
    await pen.outbox.add(pen.session, _message(person))


async def _require_person(pen: Pen, write: RequirePerson) -> None:
    # written to, so that whoever changes the person meanwhile collides with this transaction
    there = {"_id": write.person.user_id, "version": write.person.version, "erased_at": None}
    touched = await pen.db.users.update_one(there, {"$inc": {"touched": 1}}, session=pen.session)
    if not touched.matched_count:
        raise Changed


async def _erase_person(pen: Pen, write: ErasePerson) -> None:
    person, version = write.person, write.person.version + 1
    nothing = {"_id": person.user_id, "version": version, "created_at": person.created_at, "erased_at": write.at}
    await _replace(pen, person.user_id, person.version, nothing)
    tombstone = OutboxMessage(
        topic=USERS, key=person.user_id, event=None, aggregate_id=f"user:{person.user_id}", sequence=version
    )
    await pen.outbox.add(pen.session, tombstone)


async def _add_company(pen: Pen, write: AddCompany) -> None:
    company = write.company
    document = {
        "_id": company.company_id,
        "name": company.name,
        "created_at": company.created_at,
        "version": company.version,
    }
    try:
        await pen.db.companies.insert_one(document, session=pen.session)
    except DuplicateKeyError:
        raise Changed from None


async def _save_company(pen: Pen, write: SaveCompany) -> None:
    company = write.company
    # companies of the first release have no version: it is 1
    before = {"$in": [1, None]} if company.version == 2 else company.version - 1  # noqa: PLR2004 - the one after it
    saved = await pen.db.companies.update_one(
        {"_id": company.company_id, "version": before},
        {"$set": {"name": company.name, "version": company.version}},
        session=pen.session,
    )
    if not saved.matched_count:
        raise Changed


async def _replace(pen: Pen, user_id: UserId, version: int, document: Document) -> None:
    there = {"_id": user_id, "version": version, "erased_at": None}
    replaced = await pen.db.users.replace_one(there, document, session=pen.session)
    if not replaced.matched_count:
        raise Changed


WRITERS: Mapping[type[Write], Writer] = {
    AddPerson: _add_person,
    SavePerson: _save_person,
    RequirePerson: _require_person,
    ErasePerson: _erase_person,
    AddCompany: _add_company,
    SaveCompany: _save_company,
}


def _document(person: Person) -> Document:
    return {
        "_id": person.user_id,
        "version": person.version,
        "compare_key": person.compare_key,
        "company_id": person.user.company_id,
        "created_at": person.created_at,
        "erased_at": None,
        "request_sha256": person.request_sha256,
        "password_hash": person.password_hash,
        "password_changed_at": person.password_changed_at,
        "user": person.user.model_dump(),
    }


def _person(document: Document) -> Person:
    return Person(
        User.model_validate(document["user"]),
        document["compare_key"],
        created_at=document["created_at"],
        request_sha256=document["request_sha256"],
        # people of the first release have none
        password_hash=document.get("password_hash"),
        password_changed_at=document.get("password_changed_at"),
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

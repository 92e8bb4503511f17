"""Registrations on MongoDB, and what was asked by an address and waits to be seen to."""

from collections.abc import Mapping, Sequence

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from ups_invite.adapters.mongo_book import Document, Pen, Writer
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.registration import (
    AddAsked,
    AddRegistration,
    Applicant,
    Asked,
    DropAsked,
    EndRegistrations,
    Registration,
)
from ups_invite.domain.writing import Write
from ups_runtime.errors import AlreadyExists, Changed
from ups_runtime.mongo import Database, map_mongo_errors


class MongoRegistrations:
    """Finds registrations, and what waits."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def registration(self, token_sha256: str) -> Registration | None:
        """The registration of this token."""
        with map_mongo_errors():
            found = await self._db.registrations.find_one({"_id": token_sha256})
        if found is None:
            return None
        applicant = _applicant(found["applicant"]) if found["applicant"] else None
        return Registration(found["_id"], applicant, found["created_at"])

    async def waiting(self, limit: int) -> Sequence[Asked]:
        """What waits, the longest waiting first."""
        with map_mongo_errors():
            found = self._db.asked.find().sort([("at", ASCENDING), ("_id", ASCENDING)]).limit(limit)
            return [_asked(document) async for document in found]


async def _add_asked(pen: Pen, write: AddAsked) -> None:
    asked = write.asked
    document = {
        "_id": asked.asked_id,
        "address": asked.address.text,
        "compare_key": asked.address.compare_key,
        "at": asked.at,
        "applicant": _document(asked.applicant) if asked.applicant else None,
    }
    try:
        await pen.db.asked.insert_one(document, session=pen.session)
    except DuplicateKeyError:
        raise AlreadyExists from None


async def _drop_asked(pen: Pen, write: DropAsked) -> None:
    dropped = await pen.db.asked.delete_one({"_id": write.asked_id}, session=pen.session)
    if not dropped.deleted_count:
        raise Changed


async def _add_registration(pen: Pen, write: AddRegistration) -> None:
    registration = write.registration
    applicant = registration.applicant
    document = {
        "_id": registration.token_sha256,
        "compare_key": applicant.address.compare_key if applicant else None,
        "applicant": _document(applicant) if applicant else None,
        "created_at": registration.created_at,
        "forgotten_at": registration.forgotten_at,
    }
    await pen.db.registrations.insert_one(document, session=pen.session)


async def _end_registrations(pen: Pen, write: EndRegistrations) -> None:
    await pen.db.registrations.update_many(
        {"compare_key": write.compare_key}, {"$set": {"applicant": None, "compare_key": None}}, session=pen.session
    )


WRITERS: Mapping[type[Write], Writer] = {
    AddAsked: _add_asked,
    DropAsked: _drop_asked,
    AddRegistration: _add_registration,
    EndRegistrations: _end_registrations,
}


def _document(applicant: Applicant) -> Document:
    return {
        "address": applicant.address.text,
        "compare_key": applicant.address.compare_key,
        "password_hash": applicant.password_hash,
        "company_name": applicant.company_name,
        "name": applicant.name,
        "zone": applicant.zone,
        "language": applicant.language,
    }


def _applicant(document: Document) -> Applicant:
    return Applicant(
        EmailAddress(document["address"], document["compare_key"]),
        document["password_hash"],
        document["company_name"],
        name=document["name"],
        zone=document["zone"],
        language=document["language"],
    )


def _asked(document: Document) -> Asked:
    applicant = _applicant(document["applicant"]) if document["applicant"] else None
    return Asked(document["_id"], EmailAddress(document["address"], document["compare_key"]), document["at"], applicant)

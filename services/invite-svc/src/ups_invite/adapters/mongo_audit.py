"""What was done, as MongoDB has it."""

from collections.abc import Sequence
from datetime import datetime

from pymongo import DESCENDING

from ups_invite.adapters.mongo_book import Document
from ups_invite.domain.writing import Action, Deed
from ups_runtime.mongo import Database, map_mongo_errors
from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, Id, UserId


class MongoAudit:
    """Finds what was done."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def deeds(self, company_id: CompanyId, before: tuple[datetime, Id] | None, limit: int) -> Sequence[Deed]:
        """What was done in the company, the latest first."""
        wanted: Document = {"company_id": company_id}
        if before is not None:
            at, deed_id = before
            wanted["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": deed_id}}]
        return await self._found(wanted, limit)

    async def deeds_of(self, user_id: UserId, limit: int) -> Sequence[Deed]:
        """What the person did, or what was done about them, the latest first."""
        return await self._found({"$or": [{"actor": user_id}, {"user_id": user_id}]}, limit)

    async def _found(self, wanted: Document, limit: int) -> Sequence[Deed]:
        with map_mongo_errors():
            found = self._db.audit.find(wanted).sort([("at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
            return [_deed(document) async for document in found]


def _deed(document: Document) -> Deed:
    return Deed(
        document["_id"],
        Action(document["action"]),
        document["company_id"],
        document["at"],
        actor=document["actor"],
        user_id=document["user_id"],
        invitation_id=document["invitation_id"],
        role=Role(document["role"]) if document["role"] else None,
    )

"""Invitations on MongoDB. Those that ended go after a while, by an index."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from ups_invite.adapters.mongo_book import Document, Pen, Writer
from ups_invite.domain.address import EmailAddress
from ups_invite.domain.invitation import AddInvitation, ForgetInvitations, Invitation, SaveInvitation, State
from ups_invite.domain.writing import Write
from ups_invite.handlers.invitations import AddressInvited, Place
from ups_runtime.errors import AlreadyExists, Changed
from ups_runtime.mongo import Database, map_mongo_errors
from ups_schemas.ids import CompanyId, Id

_PENDING = {"state": State.PENDING.value}


class MongoInvitations:
    """Finds invitations."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, invitation_id: Id) -> Invitation | None:
        """The invitation of this id."""
        return await self._first({"_id": invitation_id})

    async def by_token(self, token_sha256: str) -> Invitation | None:
        """The invitation that one of whose links has this token."""
        return await self._first({"token_sha256s": token_sha256})

    async def pending(self, company_id: CompanyId, compare_key: str) -> Invitation | None:
        """The one of the address that nobody has noted the end of."""
        return await self._first({"company_id": company_id, "compare_key": compare_key, **_PENDING})

    async def newest(self, compare_key: str, now: datetime) -> Invitation | None:
        """The one of the address that was sent last and is not over, in any company."""
        return await self._first(
            {"compare_key": compare_key, "expires_at": {"$gt": now}, **_PENDING}, ("last_sent_at", -1), ("_id", 1)
        )

    async def page(self, company_id: CompanyId, now: datetime, after: Place | None, limit: int) -> Sequence[Invitation]:
        """Those of the company that are not over, in the order in which they were made."""
        wanted: Document = {"company_id": company_id, "expires_at": {"$gt": now}, **_PENDING}
        if after is not None:
            wanted["$or"] = [
                {"created_at": {"$gt": after.created_at}},
                {"created_at": after.created_at, "_id": {"$gt": after.invitation_id}},
            ]
        return await self._some(wanted, limit, ("created_at", 1), ("_id", 1))

    async def past_their_end(self, now: datetime, limit: int) -> Sequence[Invitation]:
        """Those whose end nobody has noted, the oldest first."""
        return await self._some({"expires_at": {"$lte": now}, **_PENDING}, limit, ("expires_at", 1))

    async def _first(self, wanted: Document, *order: tuple[str, int]) -> Invitation | None:
        found = await self._some(wanted, 1, *order)
        return found[0] if found else None

    async def _some(self, wanted: Document, limit: int, *order: tuple[str, int]) -> Sequence[Invitation]:
        with map_mongo_errors():
            found = self._db.invitations.find(wanted, sort=list(order), limit=limit)
            return [_invitation(document) async for document in found]


async def _add(pen: Pen, write: AddInvitation) -> None:
    try:
        await pen.db.invitations.insert_one(_document(write.invitation), session=pen.session)
    except DuplicateKeyError as error:
        invited = "compare_key" in ((error.details or {}).get("keyPattern") or {})
        raise (AddressInvited if invited else AlreadyExists) from None


async def _save(pen: Pen, write: SaveInvitation) -> None:
    invitation = write.invitation
    there = {"_id": invitation.invitation_id, "version": invitation.version - 1}
    replaced = await pen.db.invitations.replace_one(there, _document(invitation), session=pen.session)
    if not replaced.matched_count:
        raise Changed


async def _forget(pen: Pen, write: ForgetInvitations) -> None:
    await pen.db.invitations.delete_many({"compare_key": write.compare_key}, session=pen.session)


WRITERS: Mapping[type[Write], Writer] = {AddInvitation: _add, SaveInvitation: _save, ForgetInvitations: _forget}


def _document(invitation: Invitation) -> Document:
    return {
        "_id": invitation.invitation_id,
        "version": invitation.version,
        "company_id": invitation.company_id,
        "inviter": invitation.inviter,
        "address": invitation.address.text,
        "compare_key": invitation.address.compare_key,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
        "last_sent_at": invitation.last_sent_at,
        "token_sha256s": list(invitation.token_sha256s),
        "sent_count": invitation.sent_count,
        "state": invitation.state.value,
        "ended_at": invitation.ended_at,
        "request_sha256": invitation.request_sha256,
    }


def _invitation(document: Mapping[str, Any]) -> Invitation:  # a document is what `_document` made it
    return Invitation(
        document["_id"],
        document["company_id"],
        document["inviter"],
        EmailAddress(document["address"], document["compare_key"]),
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        last_sent_at=document["last_sent_at"],
        token_sha256s=tuple(document["token_sha256s"]),
        sent_count=document["sent_count"],
        state=State(document["state"]),
        ended_at=document["ended_at"],
        version=document["version"],
        request_sha256=document["request_sha256"],
    )

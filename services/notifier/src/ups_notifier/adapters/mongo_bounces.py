"""What is known against mailboxes, in MongoDB: a document for each person with bounces, without an address."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from ups_notifier.adapters.migrations import BOUNCES
from ups_notifier.domain.bouncing import BounceKind, Mailbox, Note
from ups_runtime.codec import message_event
from ups_runtime.mongo import Client, Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox, OutboxMessage
from ups_schemas.ids import UserId
from ups_schemas.mail import MailRequest
from ups_schemas.topics import MAIL_REQUESTS, Service

# pymongo types documents as dict[str, Any]
Document = dict[str, Any]

# More than a ledger's latest rows can show as reached.
_LOOKED_AT = 2000


class MongoBounces:
    """Every change is conditional on the version."""

    def __init__(self, client: Client, database: Database, outbox: Outbox) -> None:
        self._client = client
        self._outbox = outbox
        self._bounces = database[BOUNCES]

    async def mailbox(self, user_id: UserId) -> Mailbox | None:
        """What is known against a person's."""
        with map_mongo_errors():
            found = await self._bounces.find_one({"_id": user_id})
        return _from_document(found) if found else None

    async def save(
        self, before: Mailbox | None, after: Mailbox, requests: Sequence[MailRequest], now: datetime
    ) -> bool:
        """Replace what is known, with its requests in the same transaction."""
        document = _to_document(after) | {"changed_at": now}

        async def write(session: Session) -> bool:
            if before is None:
                await self._bounces.insert_one(document, session=session)
            else:
                unchanged = {"_id": before.user_id, "version": before.version}
                if not (await self._bounces.replace_one(unchanged, document, session=session)).matched_count:
                    return False
            await self._outbox.add(session, *(_ordered(each) for each in requests))
            return True

        with map_mongo_errors():
            try:
                return await in_transaction(self._client, write)
            except DuplicateKeyError:
                return False

    async def bounced_since(self, since: datetime) -> frozenset[UserId]:
        """Whose mailboxes something came back from that says that they cannot be reached; of very many, the latest."""
        undelivered = {"$in": [BounceKind.HARD.value, BounceKind.SOFT.value]}
        wanted = {"changed_at": {"$gte": since}, "notes": {"$elemMatch": {"at": {"$gte": since}, "kind": undelivered}}}
        with map_mongo_errors():
            cursor = self._bounces.find(wanted, {"_id": 1}).sort("changed_at", DESCENDING).limit(_LOOKED_AT)
            return frozenset([each["_id"] async for each in cursor])

    async def died_since(self, since: datetime) -> list[Mailbox]:
        """Those that are dead since then."""
        dead = {"changed_at": {"$gte": since}, "dead_since": {"$gte": since}}
        with map_mongo_errors():
            return [_from_document(each) async for each in self._bounces.find(dead)]

    async def stopped_of(self, user_ids: Collection[UserId]) -> list[Mailbox]:
        """Those of these people's that are dead or have a complaint."""
        stopped = {"$or": [{"dead_since": {"$ne": None}}, {"complained_at": {"$ne": None}}]}
        with map_mongo_errors():
            cursor = self._bounces.find({"_id": {"$in": list(user_ids)}} | stopped)
            return [_from_document(each) async for each in cursor]

    async def forget(self, mailbox: Mailbox) -> None:
        """Forget a mailbox that has not changed since."""
        with map_mongo_errors():
            await self._bounces.delete_one({"_id": mailbox.user_id, "version": mailbox.version})

    async def all(self) -> list[Mailbox]:
        """All of them."""
        with map_mongo_errors():
            return [_from_document(each) async for each in self._bounces.find()]

    async def page(self, after: tuple[datetime, str] | None, limit: int) -> Sequence[tuple[datetime, Mailbox]]:
        """Up to `limit` mailboxes and when each changed last, the latest first, from `after` on."""
        query: Document = {}
        if after is not None:
            changed_at, user_id = after
            query["$or"] = [{"changed_at": {"$lt": changed_at}}, {"changed_at": changed_at, "_id": {"$lt": user_id}}]
        with map_mongo_errors():
            cursor = self._bounces.find(query).sort([("changed_at", DESCENDING), ("_id", DESCENDING)]).limit(limit)
            return [(each["changed_at"], _from_document(each)) async for each in cursor]


def _to_document(mailbox: Mailbox) -> Document:
    return {
        "_id": mailbox.user_id,
        "address_hash": mailbox.address_hash,
        "version": mailbox.version,
        "dead_since": mailbox.dead_since,
        "cause": mailbox.cause.value if mailbox.cause else None,
        "complained_at": mailbox.complained_at,
        "soft_days": list(mailbox.soft_days),
        "notes": [_note_document(each) for each in mailbox.notes],
        "untold": _note_document(mailbox.untold) if mailbox.untold else None,
        "held_at": mailbox.held_at,
    }


def _from_document(document: Document) -> Mailbox:
    return Mailbox(
        user_id=document["_id"],
        address_hash=document["address_hash"],
        version=document["version"],
        dead_since=document["dead_since"],
        cause=BounceKind(document["cause"]) if document["cause"] else None,
        complained_at=document["complained_at"],
        soft_days=tuple(document["soft_days"]),
        notes=tuple(_note(each) for each in document["notes"]),
        untold=_note(document["untold"]) if document["untold"] else None,
        held_at=document.get("held_at"),
    )


def _note_document(note: Note) -> Document:
    return {"at": note.at, "kind": note.kind.value, "code": note.code, "delivery_id": note.delivery_id}


def _note(document: Document) -> Note:
    return Note(document["at"], BounceKind(document["kind"]), document["code"], document["delivery_id"])


def _ordered(request: MailRequest) -> OutboxMessage:
    return OutboxMessage(
        topic=MAIL_REQUESTS,
        key=request.recipient_id,
        event=message_event(
            request,
            id=request.request_id,
            source=f"/{Service.NOTIFIER}",
            subject=request.recipient_id,
            time=request.requested_at,
        ),
        aggregate_id=request.request_id,
        sequence=1,
    )

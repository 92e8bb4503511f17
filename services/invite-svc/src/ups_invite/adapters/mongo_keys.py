"""Signing keys on MongoDB: each change in one transaction with what is to be published of it."""

from collections.abc import Sequence

from pymongo.errors import DuplicateKeyError

from ups_invite.adapters.mongo_book import SOURCE, Document
from ups_invite.domain.signing_key import KeyPair
from ups_runtime import outbox
from ups_runtime.codec import message_event
from ups_runtime.errors import Changed
from ups_runtime.mongo import Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox, OutboxMessage
from ups_schemas.ids import KeyId
from ups_schemas.topics import SIGNING_KEYS


class MongoSigningKeys:
    """The store of signing keys. Private halves are in it sealed; revoked ones are not in it."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    async def keys(self) -> Sequence[KeyPair]:
        """All that are not over."""
        with map_mongo_errors():
            return await self._with_publication([document async for document in self._db.signing_keys.find({})])

    async def key(self, key_id: KeyId) -> KeyPair | None:
        """The key of that id."""
        with map_mongo_errors():
            found = await self._db.signing_keys.find_one({"_id": key_id})
            return (await self._with_publication([found]))[0] if found else None

    async def add_key(self, key: KeyPair) -> None:
        """Keep and publish a new key."""

        async def step(session: Session) -> None:
            try:
                await self._db.signing_keys.insert_one(_document(key), session=session)
            except DuplicateKeyError:
                raise Changed from None
            await self._outbox.add(session, _message(key))

        with map_mongo_errors():
            await in_transaction(self._db.client, step)

    async def save_key(self, key: KeyPair) -> None:
        """Keep and publish a key's next version."""

        async def step(session: Session) -> None:
            there = {"_id": key.key_id, "version": key.version - 1}
            replaced = await self._db.signing_keys.replace_one(there, _document(key), session=session)
            if not replaced.matched_count:
                raise Changed
            await self._outbox.add(session, _message(key))

        with map_mongo_errors():
            await in_transaction(self._db.client, step)

    async def drop_key(self, key: KeyPair) -> None:
        """Forget the key, and publish a tombstone."""

        async def step(session: Session) -> None:
            there = {"_id": key.key_id, "version": key.version}
            if not (await self._db.signing_keys.delete_one(there, session=session)).deleted_count:
                raise Changed
            aggregate_id = _aggregate_id(key.key_id)
            tombstone = OutboxMessage(SIGNING_KEYS, key.key_id, None, aggregate_id, sequence=key.version + 1)
            await self._outbox.add(session, tombstone)

        with map_mongo_errors():
            await in_transaction(self._db.client, step)

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""
        await self._outbox.published()

    async def _with_publication(self, documents: Sequence[Document]) -> Sequence[KeyPair]:
        """What is in the outbox is asked after the keys: one that comes in between is in neither answer."""
        aggregates = [_aggregate_id(document["_id"]) for document in documents]
        rows = self._db[outbox.COLLECTION].find({"pending": True, "aggregate_id": {"$in": aggregates}})
        waiting = {row["aggregate_id"] async for row in rows}
        return [_key(each, published=_aggregate_id(each["_id"]) not in waiting) for each in documents]


def _aggregate_id(key_id: KeyId) -> str:
    return f"signing-key:{key_id}"


def _document(key: KeyPair) -> Document:
    return {
        "_id": key.key_id,
        "version": key.version,
        "number": key.number,
        "x": key.x,
        "sealed": key.sealed,
        "made_at": key.made_at,
        "revoked_at": key.revoked_at,
    }


def _key(document: Document, *, published: bool) -> KeyPair:
    return KeyPair(
        document["_id"],
        document["number"],
        document["x"],
        document["sealed"],
        document["made_at"],
        version=document["version"],
        revoked_at=document["revoked_at"],
        published=published,
    )


def _message(key: KeyPair) -> OutboxMessage:
    event = message_event(
        key.public(),
        id=f"{key.key_id}:{key.version}",
        source=SOURCE,
        subject=key.key_id,
        time=key.revoked_at or key.made_at,
    )
    return OutboxMessage(SIGNING_KEYS, key.key_id, event, _aggregate_id(key.key_id), sequence=key.version)

"""Sessions on MongoDB. One that has ended is not kept."""

from collections.abc import Mapping, Sequence

from ups_invite.adapters.mongo_book import Document, Pen, Writer
from ups_invite.domain.session import AddSession, EndSession, EndSessions, RotateSession, Session
from ups_invite.domain.writing import Write
from ups_invite.handlers.sessions import Place
from ups_runtime.errors import Changed
from ups_runtime.mongo import Database, map_mongo_errors
from ups_schemas.ids import Id, UserId


class MongoSessions:
    """Finds sessions."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def session(self, session_id: Id) -> Session | None:
        """The session; None if there is none, or it has ended."""
        with map_mongo_errors():
            document = await self._db.sessions.find_one({"_id": session_id})
        return _session(document) if document else None

    async def sessions(self, user_id: UserId, after: Place | None, limit: int) -> Sequence[Session]:
        """The person's sessions, in the order in which they began."""
        wanted: Document = {"user_id": user_id}
        if after is not None:
            wanted["$or"] = [
                {"created_at": {"$gt": after.created_at}},
                {"created_at": after.created_at, "_id": {"$gt": after.session_id}},
            ]
        with map_mongo_errors():
            found = self._db.sessions.find(wanted).sort([("created_at", 1), ("_id", 1)]).limit(limit)
            return [_session(document) async for document in found]


async def _add(pen: Pen, write: AddSession) -> None:
    session = write.session
    document = {
        "_id": session.session_id,
        "user_id": session.user_id,
        "seed": session.seed,
        "created_at": session.created_at,
        **_changing(session),
    }
    await pen.db.sessions.insert_one(document, session=pen.session)


async def _rotate(pen: Pen, write: RotateSession) -> None:
    session = write.session
    before = {"_id": session.session_id, "current_sha256": session.previous_sha256}
    rotated = await pen.db.sessions.update_one(before, {"$set": _changing(session)}, session=pen.session)
    if not rotated.matched_count:
        raise Changed


async def _end(pen: Pen, write: EndSession) -> None:
    ended = await pen.db.sessions.delete_one({"_id": write.session_id}, session=pen.session)
    if not ended.deleted_count:
        raise Changed


async def _end_all(pen: Pen, write: EndSessions) -> None:
    await pen.db.sessions.delete_many({"user_id": write.user_id}, session=pen.session)


WRITERS: Mapping[type[Write], Writer] = {
    AddSession: _add,
    RotateSession: _rotate,
    EndSession: _end,
    EndSessions: _end_all,
}


def _changing(session: Session) -> Document:
    return {
        "current_sha256": session.current_sha256,
        "previous_sha256": session.previous_sha256,
        "rotated_at": session.rotated_at,
        "used_at": session.used_at,
        "expires_at": session.expires_at,
    }


def _session(document: Document) -> Session:
    return Session(
        document["_id"],
        document["user_id"],
        bytes(document["seed"]),
        document["current_sha256"],
        created_at=document["created_at"],
        used_at=document["used_at"],
        previous_sha256=document["previous_sha256"],
        rotated_at=document["rotated_at"],
    )

"""Links to another password, on MongoDB."""

from collections.abc import Mapping

from ups_invite.adapters.mongo_book import Pen, Writer
from ups_invite.domain.reset import AddReset, ForgetResets, Reset, Standing, UseReset, VoidResets
from ups_invite.domain.writing import Write
from ups_runtime.errors import Changed
from ups_runtime.mongo import Database, map_mongo_errors


class MongoResets:
    """Finds links."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def reset(self, token_sha256: str) -> Reset | None:
        """The link with this token."""
        with map_mongo_errors():
            found = await self._db.resets.find_one({"_id": token_sha256})
        if found is None:
            return None
        ended = Standing(found["ended"]) if found["ended"] else None
        return Reset(found["_id"], found["user_id"], found["created_at"], ended)


async def _add(pen: Pen, write: AddReset) -> None:
    reset = write.reset
    document = {
        "_id": reset.token_sha256,
        "user_id": reset.user_id,
        "created_at": reset.created_at,
        "forgotten_at": reset.forgotten_at,
        "ended": None,
    }
    await pen.db.resets.insert_one(document, session=pen.session)


async def _use(pen: Pen, write: UseReset) -> None:
    change = {"$set": {"ended": Standing.USED.value}}
    used = await pen.db.resets.update_one({"_id": write.reset.token_sha256, "ended": None}, change, session=pen.session)
    if not used.matched_count:
        raise Changed


async def _void(pen: Pen, write: VoidResets) -> None:
    change = {"$set": {"ended": Standing.VOID.value}}
    await pen.db.resets.update_many({"user_id": write.user_id, "ended": None}, change, session=pen.session)


async def _forget(pen: Pen, write: ForgetResets) -> None:
    await pen.db.resets.delete_many({"user_id": write.user_id}, session=pen.session)


WRITERS: Mapping[type[Write], Writer] = {AddReset: _add, UseReset: _use, VoidResets: _void, ForgetResets: _forget}

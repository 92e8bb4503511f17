"""Creating requests that may come again: the answer of the first is the answer of all."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pymongo import IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, OperationFailure

from ups_runtime.clock import Clock
from ups_runtime.http import ProblemError
from ups_runtime.mongo import in_transaction, map_mongo_errors

COLLECTION = "idempotency"
HEADER = "Idempotency-Key"
KEEP_S = 24 * 60 * 60

_WRITE_CONFLICT = 112


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to a request. `body` is JSON text; it is kept for a day, so it may hold no secret."""

    status: int
    body: str
    replayed: bool = False


class Idempotency:
    """Remembers answers by (scope, key) for 24 hours. A scope is a route and who calls it."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], clock: Clock) -> None:
        self._db = db
        self._answers = db[COLLECTION]
        self._clock = clock

    async def prepare(self) -> None:
        """Give the collection its index, at the start."""
        with map_mongo_errors():
            await self._answers.create_indexes([IndexModel("answered_at", name="old", expireAfterSeconds=KEEP_S)])

    async def once(
        self,
        scope: str,
        key: str,
        request: bytes,
        respond: Callable[[AsyncClientSession], Awaitable[Answer]],
    ) -> Answer:
        """The answer of `respond(session)`, or the earlier one to the same request.

        The answer is kept in the transaction that `respond` writes in: either both are there after a crash, or none.
        An exception of `respond` is remembered by nobody. It may be called several times.

        Raises:
            ProblemError: 422 for another request with the same key; 409 while the first one is under way.
            Retryable: MongoDB cannot now.
        """
        identity = {"scope": scope, "key": key}
        digest = hashlib.sha256(request).hexdigest()

        async def work(session: AsyncClientSession) -> Answer:
            await self._claim(identity, digest, session)
            answer = await respond(session)
            kept = {"status": answer.status, "body": answer.body}
            await self._answers.update_one({"_id": identity}, {"$set": kept}, session=session)
            return answer

        with map_mongo_errors():
            earlier = await self._answers.find_one({"_id": identity})
            if earlier is None:
                try:
                    return await in_transaction(self._db.client, work)
                except _ClaimedError:
                    earlier = await self._answers.find_one({"_id": identity})
        if earlier is None:
            raise _under_way()
        if earlier["request_sha256"] != digest:
            raise ProblemError(
                422, "idempotency-key-reused", f"This {HEADER} came with another request before.", field=HEADER
            )
        return Answer(earlier["status"], earlier["body"], replayed=True)

    async def _claim(self, identity: dict[str, str], digest: str, session: AsyncClientSession) -> None:
        row = {"_id": identity, "request_sha256": digest, "answered_at": self._clock.now()}
        try:
            await self._answers.insert_one(row, session=session)
        except DuplicateKeyError:
            raise _ClaimedError from None
        except OperationFailure as error:
            # Somebody else's transaction has just inserted it, and has not ended.
            if error.code == _WRITE_CONFLICT:
                raise _under_way() from None
            raise


class _ClaimedError(Exception):
    """The key was used up between the look and the claim."""


def _under_way() -> ProblemError:
    return ProblemError(
        409, "request-under-way", "The first request with this key is still under way.", headers={"Retry-After": "1"}
    )

"""A lease in MongoDB: who does something that one process at a time should do. Never the only guard."""

from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class Lease:
    """One named lease. Its time is the server's, so that the holders' clocks do not matter.

    A holder that sleeps past `ttl_s` still thinks that it holds it: what it guards needs a fence besides.
    """

    def __init__(self, collection: AsyncCollection[dict[str, Any]], name: str, owner: str, ttl_s: float) -> None:
        self._collection = collection
        self._name = name
        self._owner = owner
        self._ttl_ms = int(ttl_s * 1000)

    async def take(self) -> bool:
        """Take or renew it; False while somebody else holds it."""
        free = {"$or": [{"owner": self._owner}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
        change = [{"$set": {"owner": self._owner, "until": {"$add": ["$$NOW", self._ttl_ms]}}}]
        result = await self._collection.update_one({"_id": self._name, **free}, change)
        if result.matched_count:
            return True
        try:
            # An upsert could not have asked for the server's time.
            await self._collection.insert_one({"_id": self._name, "owner": None, "until": _LONG_AGO})
        except DuplicateKeyError:
            return False
        return await self.take()

    async def give_up(self) -> None:
        """Let the next one have it at once."""
        await self._collection.update_one(
            {"_id": self._name, "owner": self._owner}, {"$set": {"owner": None, "until": _LONG_AGO}}
        )

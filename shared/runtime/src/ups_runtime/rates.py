"""How often something may happen, over all processes together."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from ups_runtime.migrations import Step, indexes
from ups_runtime.mongo import map_mongo_errors

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS = 86_400_000
# The moments of two commands at once, and the clocks of a replica set, differ by less than this: no clock was set back.
_SKEW_MS = 60_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and from then on one each `distance`."""

    at_once: int
    distance: timedelta

    @classmethod
    def of(cls, count: int, within: timedelta) -> "Rate":
        """`count` at once, and as many again within each `within`, at even distances."""
        return cls(count, within / count)

    @property
    def distance_ms(self) -> int:
        """At least one, so that a rate is never none."""
        return max(1, round(self.distance / timedelta(milliseconds=1)))


class MongoRates:
    """Rates by name, kept in one collection (see `rates_indexes`) and judged by the database's clock.

    A place is one conditional update (the generic cell rate algorithm, ITU-T I.371): `free_at` is the moment until
    which all places are taken, and it may run ahead by what is allowed at once. A crash after that wastes a place,
    which is harmless.
    """

    def __init__(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        self._rates = collection

    async def take(self, name: str, rate: Rate) -> timedelta:
        """Take a place: zero, or how long none is to be had."""
        ahead_ms = (rate.at_once - 1) * rate.distance_ms
        # further ahead than ever allowed: the clock was set back since
        is_stale = {"$gt": ["$free_at", {"$add": ["$$NOW", ahead_ms + rate.distance_ms + _SKEW_MS]}]}
        free = {
            "_id": name,
            "$expr": {"$or": [{"$lte": ["$free_at", {"$add": ["$$NOW", ahead_ms]}]}, is_stale]},
        }
        begin = {"$cond": [is_stale, "$$NOW", {"$max": ["$free_at", "$$NOW"]}]}
        taken = [
            {"$set": {"free_at": {"$add": [begin, rate.distance_ms]}}},
            {"$set": {"expires_at": {"$add": ["$free_at", _DAY_MS]}}},
        ]
        left = {"wait_ms": {"$subtract": ["$free_at", {"$add": ["$$NOW", ahead_ms]}]}}
        with map_mongo_errors():
            while not (await self._rates.update_one(free, taken)).matched_count:
                found = await (await self._rates.aggregate([{"$match": {"_id": name}}, {"$project": left}])).to_list()
                if found and found[0]["wait_ms"] > 0:
                    return timedelta(milliseconds=found[0]["wait_ms"])
                if found:  # by another who came first at the same moment, or it has become free since
                    continue
                try:
                    await self._rates.insert_one({"_id": name, "free_at": _LONG_AGO, "expires_at": _LONG_AGO})
                except DuplicateKeyError:
                    continue
        return timedelta(0)

    async def give_back(self, name: str, rate: Rate) -> None:
        """Leave a place to others that was taken and not used."""
        change = {"free_at": {"$subtract": ["$free_at", rate.distance_ms]}}
        with map_mongo_errors():
            await self._rates.update_one({"_id": name}, [{"$set": change}])


def rates_indexes(name: str, collection: str) -> Step:
    """The migration step of a collection of rates."""
    return indexes(name, collection, IndexModel([("expires_at", ASCENDING)], name="expires", expireAfterSeconds=0))

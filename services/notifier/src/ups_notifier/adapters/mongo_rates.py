"""How often mail may go out, to the relay and to each recipient domain, over all notifiers together."""

from datetime import UTC, datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from ups_notifier.adapters.ledger_documents import Document
from ups_notifier.adapters.message import envelope_address
from ups_notifier.adapters.migrations import RATES
from ups_notifier.handlers.ports import LONGEST_TURN
from ups_runtime.mongo import Database, map_mongo_errors
from ups_schemas.ids import short_hash

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY_MS = 86_400_000
_RELAY = "relay"


class MongoRates:
    """Mails at even distances: never more than so many a minute; None is no limit. By the database's clock.

    `free_at` is when the next place is to be had; `turn_at` when who asked last and got none was told to ask again. So
    they come back one by one, as places come up, whoever of the notifiers they are with.
    """

    def __init__(self, database: Database, *, per_minute: int | None, per_minute_and_domain: int | None) -> None:
        self._rates = database[RATES]
        self._distance_ms = _distance_ms(per_minute)
        self._domain_distance_ms = _distance_ms(per_minute_and_domain)

    async def wait(self, address: str) -> timedelta:
        """Take a place for one mail to this address: zero, or when to ask again, each later than the one before.

        A crash after that wastes a place, which is harmless.
        """
        domain = f"domain {short_hash(envelope_address(address).rpartition('@')[2].lower()).hex()}"
        with map_mongo_errors():
            if wait := await self._take(domain, self._domain_distance_ms):
                return wait
            if wait := await self._take(_RELAY, self._distance_ms):
                await self._give_back(domain, self._domain_distance_ms)
            return wait

    async def _take(self, name: str, distance_ms: int) -> timedelta:
        if not distance_ms:
            return timedelta(0)
        ahead = {"$add": ["$$NOW", distance_ms]}
        # further ahead than a distance: the clock was set back since
        is_free = {"$or": [{"$lte": ["$free_at", "$$NOW"]}, {"$gt": ["$free_at", ahead]}]}
        # who comes a little late for a place takes it, so that being late does not add up
        is_late = {"$gt": ["$free_at", {"$subtract": ["$$NOW", distance_ms]}]}
        following = {"$cond": [{"$and": [is_late, {"$lte": ["$free_at", "$$NOW"]}]}, "$free_at", "$$NOW"]}
        taken = {
            "free_at": {"$add": [following, distance_ms]},
            "expires_at": {"$add": ["$$NOW", _DAY_MS]},
        }
        while not (await self._rates.update_one({"_id": name, "$expr": is_free}, [{"$set": taken}])).matched_count:
            told = await self._rates.find_one_and_update(
                {"_id": name, "$expr": {"$not": [is_free]}},
                _later_turn(distance_ms),
                return_document=ReturnDocument.AFTER,
            )
            if told is not None:
                return timedelta(milliseconds=told["turn_ms"])
            try:
                await self._rates.insert_one({"_id": name, "free_at": _LONG_AGO, "expires_at": _LONG_AGO})
            except DuplicateKeyError:
                continue
        return timedelta(0)

    async def _give_back(self, name: str, distance_ms: int) -> None:
        if distance_ms:
            change = {"free_at": {"$subtract": ["$free_at", distance_ms]}}
            await self._rates.update_one({"_id": name}, [{"$set": change}])


def _later_turn(distance_ms: int) -> list[Document]:
    after_last = {"$add": [{"$ifNull": ["$turn_at", _LONG_AGO]}, distance_ms]}
    turn_at = {"$max": ["$free_at", {"$min": [after_last, {"$add": ["$$NOW", LONGEST_TURN // _MS]}]}]}
    turn_ms = {"$max": [1, {"$subtract": ["$turn_at", "$$NOW"]}]}
    return [{"$set": {"turn_at": turn_at}}, {"$set": {"turn_ms": turn_ms}}]


def _distance_ms(per_minute: int | None) -> int:
    return 0 if per_minute is None else max(1, round(60_000 / per_minute))

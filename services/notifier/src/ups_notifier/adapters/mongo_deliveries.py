"""The ledger as the operator reads it: newest first, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import DESCENDING

from ups_notifier.adapters.ledger_documents import Document, from_document, to_document, unchanged
from ups_notifier.adapters.migrations import DELIVERIES
from ups_notifier.domain.delivery import Delivery, State
from ups_runtime.mongo import Database, map_mongo_errors

_SHOWN = (
    "notification_id",
    "kind",
    "user_id",
    "device_id",
    "event_id",
    "state",
    "reason",
    "smtp_code",
    "attempt",
    "doubtful",
    "digest_id",
    "open",
    "due_at",
    "decided_at",
    "created_at",
    "changed_at",
    "last_data_at",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the list a page ended."""

    created_at: datetime
    delivery_id: str


class MongoDeliveries:
    """Reads rows; never their messages."""

    def __init__(self, database: Database) -> None:
        self._deliveries = database[DELIVERIES]

    async def page(self, wanted: dict[str, str], after: Place | None, limit: int) -> Sequence[dict[str, Any]]:
        """Up to `limit` rows with these values, newest first, from `after` on."""
        query: Document = dict(wanted)
        if after is not None:
            query["$or"] = [
                {"created_at": {"$lt": after.created_at}},
                {"created_at": after.created_at, "_id": {"$lt": after.delivery_id}},
            ]
        with map_mongo_errors():
            cursor = self._deliveries.find(query, dict.fromkeys(_SHOWN, 1))
            rows = await cursor.sort([("created_at", DESCENDING), ("_id", DESCENDING)]).limit(limit).to_list()
        return [_shown(row) for row in rows]

    async def find(self, delivery_id: str) -> dict[str, Any] | None:
        """One row; none if it is not in the ledger (any more)."""
        with map_mongo_errors():
            row = await self._deliveries.find_one({"_id": delivery_id}, dict.fromkeys(_SHOWN, 1))
        return None if row is None else _shown(row)

    async def row(self, delivery_id: str) -> tuple[Delivery, str | None] | None:
        """A row and the key that reopened it last."""
        with map_mongo_errors():
            found = await self._deliveries.find_one({"_id": delivery_id})
        return None if found is None else (from_document(found), found.get("retry_key"))

    async def overtaken(self, delivery: Delivery) -> bool:
        """Whether a later mail about the same device may have reached the same person."""
        later = {
            "user_id": delivery.user_id,
            "device_id": delivery.device_id,
            "device_seq": {"$gt": delivery.device_seq},
            "$or": [{"state": State.ACCEPTED.value}, {"doubtful": True}, {"data_started_at": {"$ne": None}}],
        }
        with map_mongo_errors():
            return await self._deliveries.find_one(later, {"_id": 1}) is not None

    async def reopen(self, before: Delivery, after: Delivery, key: str | None) -> bool:
        """Replace a row that is still `before`."""
        change = {"$set": to_document(after) | {"retry_key": key}}
        with map_mongo_errors():
            return bool((await self._deliveries.update_one(unchanged(before), change)).matched_count)


def _shown(row: Document) -> Document:
    return {"delivery_id": row.pop("_id"), "digest_id": None, **row}

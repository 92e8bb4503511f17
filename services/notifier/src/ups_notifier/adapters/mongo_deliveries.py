"""The ledger as the operator reads it: newest first, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import DESCENDING

from ups_notifier.adapters.ledger_documents import Document
from ups_notifier.adapters.migrations import DELIVERIES
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


def _shown(row: Document) -> Document:
    return {"delivery_id": row.pop("_id"), "digest_id": None, **row}

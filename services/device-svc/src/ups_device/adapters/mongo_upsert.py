"""Updates of many documents at once that may be made again."""

from collections.abc import Sequence
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from ups_runtime.mongo import map_mongo_errors

# What MongoDB gives: documents have no static type.
Collection = AsyncCollection[dict[str, Any]]

_DUPLICATE_KEY = 11000


async def upsert(collection: Collection, updates: Sequence[UpdateOne]) -> None:
    """Make these updates, which may be made again; two upserts that insert the same at once are tried once more."""
    if not updates:
        return
    with map_mongo_errors():
        try:
            await collection.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            duplicates(error)
            await collection.bulk_write(updates, ordered=False)


def duplicates(error: BulkWriteError) -> list[int]:
    """The places of those that were there already; raises the error if anything else was wrong."""
    failed = error.details["writeErrors"]
    if error.details["writeConcernErrors"] or any(each["code"] != _DUPLICATE_KEY for each in failed):
        raise error
    return [each["index"] for each in failed]

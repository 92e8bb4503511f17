"""What has changed in MongoDB, by whichever process: the keys from an index, then what they stand for."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any

from bson import Timestamp
from pymongo.asynchronous.collection import AsyncCollection

from ups_device.adapters.changed_at import FIELD
from ups_device.adapters.device_documents import device_of
from ups_device.domain.device import Device
from ups_device.domain.stream import Changed, DeviceChanged, Moment, RowChanged
from ups_runtime.mongo import Database, map_mongo_errors
from ups_schemas.ids import CompanyId, DeviceId

# As many ranges of an index as the server merges in their order without sorting (it takes 200).
_COMPANIES = 100

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]


class MongoChanges:
    """What was written to rows, devices and periods."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def now(self) -> Moment:
        """The moment of the server's logical clock."""
        with map_mongo_errors():
            answer = await self._db.command("ping")
        return _moment(answer["operationTime"])

    async def since(
        self, company_ids: Collection[CompanyId], after: Moment, most: int | None = None
    ) -> Mapping[CompanyId, Sequence[Changed]]:
        """What has changed after that moment: as many short index ranges as there are companies, three times."""
        changed: dict[CompanyId, list[Changed]] = {}
        companies = iter(sorted(company_ids))
        while some := list(islice(companies, _COMPANIES)):
            rows, devices, periods = await asyncio.gather(
                self._changed(self._db.events, some, after, most),
                self._changed(self._db.devices, some, after, most),
                self._changed(self._db.periods, some, after, most, "device_id"),
            )
            for one in rows:
                changed.setdefault(one["company_id"], []).append(RowChanged(one["_id"], _moment(one[FIELD])))
            for field, found in (("_id", devices), ("device_id", periods)):
                for one in found:
                    changed.setdefault(one["company_id"], []).append(DeviceChanged(one[field], _moment(one[FIELD])))
        return changed

    async def devices(self, company_id: CompanyId, device_ids: Collection[DeviceId]) -> Sequence[Device]:
        """Those of these devices that the company has."""
        wanted = {"_id": {"$in": list(device_ids)}, "company_id": company_id, "removed_at": None}
        with map_mongo_errors():
            return [device_of(document) async for document in self._db.devices.find(wanted)]

    async def _changed(
        self,
        collection: AsyncCollection[Document],
        company_ids: Sequence[CompanyId],
        after: Moment,
        most: int | None,
        *fields: str,
    ) -> Sequence[Document]:
        wanted = {"company_id": {"$in": list(company_ids)}, FIELD: {"$gt": Timestamp(after.second, after.number)}}
        shown = dict.fromkeys(("_id", "company_id", FIELD, *fields), 1)
        with map_mongo_errors():
            found = collection.find(wanted, shown).sort(FIELD, 1).hint("company_changed")
            return await (found.limit(most) if most else found).to_list()


def _moment(timestamp: Timestamp) -> Moment:
    return Moment(timestamp.time, timestamp.inc)

"""Conditions on MongoDB: one document per incident."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne

from ups_device.adapters.mongo_upsert import upsert
from ups_device.domain.condition import Change, Condition, End, Query, stale_after
from ups_runtime.mongo import Database, map_mongo_errors
from ups_schemas.catalogue import Severity
from ups_schemas.decision import Incident
from ups_schemas.ids import DeviceId, IncidentId

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]


class MongoConditions:
    """What is wrong with devices, and what was."""

    def __init__(self, db: Database) -> None:
        self._conditions = db.conditions

    async def apply(self, changes: Sequence[Change]) -> None:
        """Make these changes, of one incident each; those that were made already change nothing."""
        await upsert(self._conditions, [_update(change) for change in changes])

    async def find(self, incident_ids: Collection[IncidentId]) -> Sequence[Condition]:
        """Those of these incidents that are known."""
        return await self._read({"_id": {"$in": list(incident_ids)}})

    async def page(self, query: Query) -> Sequence[Condition]:
        """The newest that fit: one index range, whose keys also say what was over before."""
        with map_mongo_errors():
            found = self._conditions.find(_wanted(query)).sort([("since", -1), ("_id", -1)]).limit(query.limit)
            return [_condition(document) async for document in found]

    async def open_of(self, device_ids: Collection[DeviceId], now: datetime) -> Sequence[Condition]:
        """What is open at these devices, in whatever ownership: from an index of those that nothing ended."""
        return await self._read({"device_id": {"$in": list(device_ids)}, "ended_at": None, "over_at": {"$gt": now}})

    async def _read(self, wanted: Document) -> Sequence[Condition]:
        with map_mongo_errors():
            return [_condition(document) async for document in self._conditions.find(wanted)]


def _update(change: Change) -> UpdateOne:
    """One update that counts and ends once, however often it is made: by what the document says already."""
    seen = {"$ifNull": ["$device_seq", 0]}
    counted = {"$filter": {"input": list(change.confirmed_at), "cond": {"$gt": ["$$this", seen]}}}
    step: Document = {
        "repeats": {"$add": [{"$ifNull": ["$repeats", 0]}, {"$size": counted}]},
        "device_seq": {"$max": [seen, *change.confirmed_at]},
        "confirmed_at": {"$max": ["$confirmed_at", *_moments(change)]},
        "company_id": {"$ifNull": [{"$literal": change.company_id}, "$company_id", None]},
        "ended_at": {"$ifNull": ["$ended_at", change.ending.at if change.ending else None]},
        "end": {"$ifNull": ["$end", change.ending.end.value if change.ending else None]},
    }
    if change.told:
        step |= {name: {"$ifNull": [f"${name}", value]} for name, value in _told(change, change.told).items()}
    over_at = {"$ifNull": ["$ended_at", {"$add": ["$confirmed_at", _ms(stale_after(change.code or ""))]}]}
    return UpdateOne(
        {"_id": change.incident_id},
        [
            {"$set": step},
            {"$set": {"over_at": over_at}},
            {"$set": {"expires_at": {"$add": ["$over_at", _ms(change.kept)]}}},
        ],
        upsert=change.told is not None,
    )


def _told(change: Change, incident: Incident) -> Document:
    """What does not change. What came from outside is a literal: a text may begin as an expression does."""
    return {
        "device_id": {"$literal": change.device_id},
        "ownership": change.ownership,
        "event_id": {"$literal": incident.event_id},
        "code": {"$literal": incident.code},
        "text": {"$literal": incident.text},
        "severity": incident.severity.value,
        "since": incident.since,
    }


def _moments(change: Change) -> list[datetime]:
    return [*change.confirmed_at.values(), *([change.told.since] if change.told else [])]


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def _wanted(query: Query) -> Document:
    wanted: Document = {"device_id": query.device_id, "ownership": query.ownership}
    since: Document = {}
    if query.end:
        since["$lt"] = query.end
    if query.after:
        since["$lte"] = query.after.since
        wanted["$or"] = [
            {"since": {"$lt": query.after.since}},
            {"since": query.after.since, "_id": {"$lt": query.after.incident_id}},
        ]
    if since:
        wanted["since"] = since
    over: list[Document] = [{"over_at": {"$gt": query.start}}] if query.start else []
    if query.is_open is not None:
        over.append(
            {"over_at": {"$gt": query.now}, "ended_at": None}
            if query.is_open
            else {"$or": [{"over_at": {"$lte": query.now}}, {"ended_at": {"$ne": None}}]}
        )
    if over:
        wanted["$and"] = over
    return wanted


def _condition(document: Document) -> Condition:
    end = document["end"]
    return Condition(
        document["_id"],
        document["device_id"],
        document["ownership"],
        document["company_id"],
        document["event_id"],
        document["code"],
        document["text"],
        Severity(document["severity"]),
        since=document["since"],
        confirmed_at=document["confirmed_at"],
        repeats=document["repeats"],
        device_seq=document["device_seq"],
        ended_at=document["ended_at"],
        end=End(end) if end else None,
    )

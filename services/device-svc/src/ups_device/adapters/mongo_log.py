"""The Event Log on MongoDB.

Event and decision are kept as the JSON they came as: attributes hold names and numbers that no database takes as
fields, and a row must come back as it went in. What is asked by stands beside it. Every write of a row says anew when
it was changed: the stream shows what has.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from ups_device.adapters.changed_at import BY_SERVER, FIELD, MOVED
from ups_device.adapters.mongo_upsert import duplicates, upsert
from ups_device.domain.day_counts import DayCount, Days, Run
from ups_device.domain.event_log import (
    CompanyLog,
    DeviceLog,
    NewDecision,
    NewEvent,
    Presence,
    Query,
    Row,
    leaves_row,
    row_id,
)
from ups_runtime.mongo import Database, map_mongo_errors
from ups_schemas.decision import EventDecided, LateEventsDecided, Outcome
from ups_schemas.event import AcceptedEvent, Attributes
from ups_schemas.ids import CompanyId, DeviceId

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]

_NEWEST = [("received_at", -1), ("_id", -1)]
# A row that is not decided yet has none. Each is one range of an index, and the server merges them by time.
_ANY_OUTCOME = [None, *(outcome.value for outcome in Outcome)]


class MongoLog:
    """The rows, and when each device was last seen."""

    def __init__(self, db: Database) -> None:
        self._events = db.events
        self._presences = db.presences

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        """Add the events' rows; one that is there stays as it is, but for a company that it lacks."""
        rows = [_event_row(new) for new in events]
        with map_mongo_errors():
            try:
                await self._events.insert_many(rows, ordered=False)
            except BulkWriteError as error:
                there = [rows[number] for number in duplicates(error)]
                if lacking := [_give_company(row) for row in there if row["company_id"] is not None]:
                    await self._events.bulk_write(lacking, ordered=False)

    async def add_decisions(self, decisions: Sequence[NewDecision]) -> None:
        """Put the decisions into the events' rows, and make those that are not there."""
        await upsert(self._events, [_decide(new) for new in decisions])

    async def touch(self, rows: Collection[str]) -> None:
        """These rows, where they are there, have something new to show, which is kept elsewhere."""
        with map_mongo_errors():
            await self._events.update_many({"_id": {"$in": list(rows)}}, MOVED)

    async def add_late_mail(self, mail: LateEventsDecided) -> None:
        """Say in the rows of the events whose conditions it lists that, and when, they were mailed after all.

        Their decisions came before on the same partition, so the rows are there unless they expired.
        """
        rows = [row_id(mail.device_id, incident.event_id) for incident in mail.open]
        with map_mongo_errors():
            await self._events.update_many(
                {"_id": {"$in": rows}}, {"$set": {"late_mail": mail.model_dump_json()}, **MOVED}
            )

    async def seen(self, events: Sequence[AcceptedEvent]) -> None:
        """The devices live; of a STATUS pulse, what it read. An older one changes nothing."""
        latest: dict[str, Document] = {}
        for event in sorted(events, key=lambda event: event.received_at):
            seen = latest.setdefault(_presence_id(event.device_id, event.ownership), {})
            seen["last_seen"] = event.received_at
            if not leaves_row(event):
                # documents compare field by field in their order, so the later reading is the greater one
                seen["readings"] = {"at": event.received_at, "attributes": event.attributes.model_dump_json()}
        await upsert(
            self._presences,
            [UpdateOne({"_id": identity}, {"$max": seen}, upsert=True) for identity, seen in latest.items()],
        )

    async def presences(self, logs: Collection[DeviceLog]) -> Mapping[DeviceLog, Presence]:
        """When each device was last seen in that ownership; those that never were are left out."""
        log_by_id = {_presence_id(log.device_id, log.ownership): log for log in logs}
        with map_mongo_errors():
            # in one answer: MongoDB's first is else of 101
            found = self._presences.find({"_id": {"$in": list(log_by_id)}}, batch_size=len(log_by_id))
            return {log_by_id[document["_id"]]: _presence(document) async for document in found}

    async def page(self, query: Query) -> Sequence[Row]:
        """The newest rows that fit: one index range, from where the last page ended."""
        with map_mongo_errors():
            found = self._events.find(_wanted(query), sort=_NEWEST, limit=query.limit, hint=_index(query))
            return [_row(document) async for document in found]

    async def rows(self, company_id: CompanyId, row_ids: Collection[str]) -> Sequence[Row]:
        """Those of these rows that the company has, oldest first."""
        with map_mongo_errors():
            found = self._events.find({"_id": {"$in": list(row_ids)}, "company_id": company_id})
            rows = [_row(document) async for document in found]
        return sorted(rows, key=lambda row: (row.position.received_at, row.position.row_id))

    async def beyond(self, company: CompanyLog, days: Days, rows: int) -> datetime | None:
        """When the newest one came of those rows of the days that are too many: an index is read as far as that."""
        wanted = _wanted(Query(company, 1, start=days.start, end=days.end))
        times = {"received_at": True, "_id": False}
        with map_mongo_errors():
            # as far as rows are counted, and no page: each key is a fourth of what counting it takes
            found = self._events.find(wanted, times, sort=_NEWEST, skip=rows, limit=1, hint="company_newest")
            return next((document["received_at"] for document in await found.to_list()), None)

    async def day_counts(self, company: CompanyLog, days: Days) -> Sequence[DayCount]:
        """How many rows there are of each day and code: of an index alone, whose entries have what is asked for."""
        counts: list[DayCount] = []
        with map_mongo_errors():
            for run in days.runs():
                wanted = _wanted(Query(company, 1, start=run.start, end=run.end))
                stages = [{"$match": wanted}, {"$group": {"_id": _day_and_code(run), "rows": {"$sum": 1}}}]
                async for found in await self._events.aggregate(stages, hint="company_code"):
                    number, code = int(found["_id"]["day"]), found["_id"]["code"]
                    counts.append(DayCount(run.first + timedelta(days=number), code, found["rows"]))
        return counts


def _day_and_code(run: Run) -> Document:
    # a third of what the server's own days of a zone take, and it need not know the zone
    since = {"$subtract": ["$received_at", run.start]}
    return {"day": {"$floor": {"$divide": [since, run.length / timedelta(milliseconds=1)]}}, "code": "$code"}


def _event_row(new: NewEvent) -> Document:
    identity = row_id(new.event.device_id, new.event.event_id)
    return {
        "_id": identity,
        **_event_fields(new.event),
        "company_id": new.company_id,
        "expires_at": new.kept_until,
        FIELD: BY_SERVER,
    }


def _give_company(row: Document) -> UpdateOne:
    return UpdateOne({"_id": row["_id"], "company_id": None}, {"$set": {"company_id": row["company_id"]}, **MOVED})


def _decide(new: NewDecision) -> UpdateOne:
    decision = new.decision
    company = {"company_id": decision.company_id}
    known = decision.company_id is not None
    return UpdateOne(
        {"_id": row_id(decision.device_id, decision.event.event_id)},
        {
            "$set": {
                "decision": decision.model_dump_json(exclude={"event"}),
                "outcome": decision.outcome.value,
                "expires_at": new.kept_until,
                **(company if known else {}),
            },
            "$setOnInsert": {**_event_fields(decision.event), **({} if known else company)},
            **MOVED,
        },
        upsert=True,
    )


def _event_fields(event: AcceptedEvent) -> Document:
    return {
        "device_id": event.device_id,
        "ownership": event.ownership,
        "received_at": event.received_at,
        "code": event.code,
        "event": event.model_dump_json(),
    }


def _presence_id(device_id: DeviceId, ownership: int) -> str:
    return f"{device_id}#{ownership}"


def _wanted(query: Query) -> Document:
    match query.scope:
        case DeviceLog(device_id, ownership):
            wanted: Document = {"device_id": device_id, "ownership": ownership}
        case CompanyLog(company_id):
            wanted = {"company_id": company_id}
    if query.code is not None:
        wanted["code"] = query.code
        wanted["outcome"] = {"$in": _ANY_OUTCOME}
    if query.outcome is not None:
        wanted["outcome"] = query.outcome.value
    received = {
        **({"$gte": query.start} if query.start else {}),
        **({"$lt": query.end} if query.end else {}),
        **({"$lte": query.after.received_at} if query.after else {}),
    }
    if received:
        wanted["received_at"] = received
    if query.after:
        # an `$or` would make ranges of its own of its branches
        wanted["$nor"] = [{"received_at": query.after.received_at, "_id": {"$gte": query.after.row_id}}]
    return wanted


def _index(query: Query) -> str:
    """The index in which the rows that fit stand together in their order: left to itself the server tries others."""
    scope = "device" if isinstance(query.scope, DeviceLog) else "company"
    return f"{scope}_{'code' if query.code else 'outcome' if query.outcome else 'newest'}"


def _row(document: Document) -> Row:
    event = AcceptedEvent.model_validate_json(document["event"])
    decision = document.get("decision")
    late_mail = document.get("late_mail")
    return Row(
        event,
        document["company_id"],
        decision=EventDecided.model_validate({**json.loads(decision), "event": event}) if decision else None,
        late_mail=LateEventsDecided.model_validate_json(late_mail) if late_mail else None,
    )


def _presence(document: Document) -> Presence:
    readings = document.get("readings")
    if readings is None:
        return Presence(document["last_seen"])
    return Presence(document["last_seen"], readings["at"], Attributes.model_validate_json(readings["attributes"]))

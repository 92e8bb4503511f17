"""The Event Log on MongoDB.

Event and decision are kept as the JSON they came as: attributes hold names and numbers that no database takes as
fields, and a row must come back as it went in. What is asked by stands beside it.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from ups_device.domain.event_log import (
    CompanyLog,
    DeviceLog,
    Presence,
    Query,
    Row,
    leaves_row,
    row_id,
)
from ups_runtime.mongo import Database, map_mongo_errors
from ups_schemas.decision import EventDecided, LateEventsDecided
from ups_schemas.event import AcceptedEvent, Attributes
from ups_schemas.ids import CompanyId, DeviceId

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]


class MongoLog:
    """The rows, and when each device was last seen."""

    def __init__(self, db: Database) -> None:
        self._events = db.events
        self._presences = db.presences

    async def add_event(self, event: AcceptedEvent, company_id: CompanyId | None, kept_until: datetime) -> None:
        """Add the event's row; one that is there stays as it is, but for a company that it lacks."""
        identity = row_id(event.device_id, event.event_id)
        row = {"_id": identity, **_event_fields(event), "company_id": company_id, "expires_at": kept_until}
        with map_mongo_errors():
            try:
                await self._events.insert_one(row)
            except DuplicateKeyError:
                if company_id is not None:
                    lacking = {"_id": identity, "company_id": None}
                    await self._events.update_one(lacking, {"$set": {"company_id": company_id}})

    async def add_decision(self, decision: EventDecided, kept_until: datetime) -> None:
        """Put the decision into the event's row, and make the row if it is not there."""
        known = decision.company_id is not None
        update: Document = {
            "$set": {
                "decision": decision.model_dump_json(exclude={"event"}),
                "outcome": decision.outcome.value,
                "expires_at": kept_until,
                **({"company_id": decision.company_id} if known else {}),
            },
            "$setOnInsert": {**_event_fields(decision.event), **({} if known else {"company_id": None})},
        }
        wanted = {"_id": row_id(decision.device_id, decision.event.event_id)}
        with map_mongo_errors():
            try:
                await self._events.update_one(wanted, update, upsert=True)
            except DuplicateKeyError:
                # the event came in between: now there is a row to update
                await self._events.update_one(wanted, update, upsert=True)

    async def add_late_mail(self, mail: LateEventsDecided) -> None:
        """Say in the rows of the events whose conditions it lists that, and when, they were mailed after all.

        Their decisions came before on the same partition, so the rows are there unless they expired.
        """
        rows = [row_id(mail.device_id, incident.event_id) for incident in mail.open]
        with map_mongo_errors():
            await self._events.update_many({"_id": {"$in": rows}}, {"$set": {"late_mail": mail.model_dump_json()}})

    async def seen(self, event: AcceptedEvent) -> None:
        """The device lives; of a STATUS pulse, what it read. An older one changes nothing."""
        latest: Document = {"last_seen": event.received_at}
        if not leaves_row(event):
            # documents compare field by field in their order, so the later reading is the greater one
            latest["readings"] = {"at": event.received_at, "attributes": event.attributes.model_dump_json()}
        update = {"$max": latest}
        wanted = {"_id": _presence_id(event.device_id, event.ownership)}
        with map_mongo_errors():
            try:
                await self._presences.update_one(wanted, update, upsert=True)
            except DuplicateKeyError:
                await self._presences.update_one(wanted, update)

    async def presence(self, device_id: DeviceId, ownership: int) -> Presence | None:
        """When the device was last seen; None if it never was."""
        with map_mongo_errors():
            document = await self._presences.find_one({"_id": _presence_id(device_id, ownership)})
        if document is None:
            return None
        readings = document.get("readings")
        if readings is None:
            return Presence(document["last_seen"])
        return Presence(document["last_seen"], readings["at"], Attributes.model_validate_json(readings["attributes"]))

    async def page(self, query: Query) -> Sequence[Row]:
        """The newest rows that fit: one index range, from where the last page ended."""
        with map_mongo_errors():
            found = self._events.find(_wanted(query)).sort([("received_at", -1), ("_id", -1)]).limit(query.limit)
            return [_row(document) async for document in found]


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
        wanted["$or"] = [
            {"received_at": {"$lt": query.after.received_at}},
            {"received_at": query.after.received_at, "_id": {"$lt": query.after.row_id}},
        ]
    return wanted


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

"""Disabled periods on MongoDB, and the orders that end them."""

from collections.abc import Collection, Sequence
from typing import Any

from pymongo.errors import DuplicateKeyError

from ups_device.adapters.changed_at import MOVED
from ups_device.adapters.mongo_people import SOURCE
from ups_device.domain.period import Period, PeriodPlace
from ups_runtime.codec import message_event
from ups_runtime.errors import Changed
from ups_runtime.mongo import Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox, OutboxMessage
from ups_schemas.decision import EnabledBy, Happened, NotificationsDisabled, NotificationsEnabled, Tripping
from ups_schemas.device import Actor, EnableNotifications
from ups_schemas.ids import DeviceId, PeriodId
from ups_schemas.topics import COMMANDS

# What MongoDB gives: documents have no static type.
Document = dict[str, Any]


class MongoPeriods:
    """The disabled periods."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    async def began(self, period: NotificationsDisabled) -> None:
        """Notifications of the device are off."""
        await self._tell(period, {"tripped_by": [each.model_dump() for each in period.tripped_by]})

    async def ended(self, period: NotificationsEnabled) -> None:
        """Notifications of the device are on again."""
        actor = period.actor.model_dump() if period.actor else None
        await self._tell(
            period,
            {
                "enabled_at": period.enabled_at,
                "by": period.by.value,
                "actor": actor,
                "command_reason": period.command_reason,
                "happened": [each.model_dump() for each in period.happened],
                "suppressed_count": period.suppressed_count,
            },
        )

    async def last(self, device_id: DeviceId, ownership: int) -> Period | None:
        """The device's last period in this ownership."""
        with map_mongo_errors():
            document = await self._db.periods.find_one(
                {"device_id": device_id, "ownership": ownership}, sort=[("since", -1)]
            )
        return _period(document) if document else None

    async def page(
        self, device_id: DeviceId, ownership: int, after: PeriodPlace | None, limit: int
    ) -> Sequence[Period]:
        """The device's periods in this ownership, newest first."""
        wanted: Document = {"device_id": device_id, "ownership": ownership}
        if after is not None:
            wanted["$or"] = [
                {"since": {"$lt": after.since}},
                {"since": after.since, "_id": {"$lt": after.period_id}},
            ]
        with map_mongo_errors():
            found = self._db.periods.find(wanted).sort([("since", -1), ("_id", -1)]).limit(limit)
            return [_period(document) async for document in found]

    async def running(self, device_ids: Collection[DeviceId]) -> Sequence[Period]:
        """The periods of these devices, in whatever ownership, that the throttle has not ended."""
        with map_mongo_errors():
            found = self._db.periods.find({"device_id": {"$in": list(device_ids)}, "enabled_at": None})
            return [_period(document) async for document in found]

    async def find(self, period_id: PeriodId) -> Period | None:
        """The period; None if it has not been told of."""
        with map_mongo_errors():
            document = await self._db.periods.find_one({"_id": period_id})
        return _period(document) if document else None

    async def request(self, command: EnableNotifications) -> None:
        """Note the command in its period and publish it."""

        async def step(session: Session) -> None:
            noted = await self._db.periods.update_one(
                {"_id": command.period_id, "enabled_at": None, "requested": None},
                {"$set": {"requested": command.model_dump()}, **MOVED},
                session=session,
            )
            if not noted.matched_count:
                raise Changed
            await self._outbox.add(
                session,
                OutboxMessage(
                    topic=COMMANDS,
                    key=command.device_id,
                    event=message_event(
                        command,
                        id=command.command_id,
                        source=SOURCE,
                        subject=command.device_id,
                        time=command.enabled_at,
                    ),
                    aggregate_id=f"period:{command.period_id}",
                    sequence=1,
                ),
            )

        with map_mongo_errors():
            await in_transaction(self._db.client, step)

    async def _tell(self, told: NotificationsDisabled | NotificationsEnabled, fields: Document) -> None:
        wanted = {"_id": told.period_id}
        update = {
            "$set": {
                "device_id": told.device_id,
                "ownership": told.ownership,
                "company_id": told.company_id,
                "since": told.since,
                "until": told.until,
                **fields,
            },
            **MOVED,
        }
        with map_mongo_errors():
            try:
                await self._db.periods.update_one(wanted, update, upsert=True)
            except DuplicateKeyError:
                await self._db.periods.update_one(wanted, update)


def _period(document: Document) -> Period:
    by, actor, requested = document.get("by"), document.get("actor"), document.get("requested")
    return Period(
        document["_id"],
        document["device_id"],
        document["ownership"],
        since=document["since"],
        until=document["until"],
        tripped_by=tuple(Tripping.model_validate(each) for each in document.get("tripped_by", ())),
        enabled_at=document.get("enabled_at"),
        by=EnabledBy(by) if by else None,
        actor=Actor.model_validate(actor) if actor else None,
        reason=document.get("command_reason", ""),
        happened=tuple(Happened.model_validate(each) for each in document.get("happened", ())),
        suppressed_count=document.get("suppressed_count", 0),
        requested=EnableNotifications.model_validate(requested) if requested else None,
    )

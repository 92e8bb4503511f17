"""Plan notices on MongoDB: what was told is noted in one transaction with the order for the mail."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from ups_device.adapters.device_documents import Document
from ups_device.adapters.mongo_people import mail_message
from ups_device.domain.notice import NO_NEWS_AFTER, Ending, Notice, Telling
from ups_device.domain.plan import PAID
from ups_runtime.errors import AlreadyExists, Changed
from ups_runtime.mongo import Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox
from ups_schemas.device import Plan
from ups_schemas.ids import DeviceId
from ups_schemas.mail import MailRequest

_DUPLICATE_KEY = 11000

# Beyond the last moment at which somebody may be told of the end.
_KEPT_AFTER_END = 2 * NO_NEWS_AFTER
_KEPT_AFTER_DAY = timedelta(days=7)

_READ = {
    "version": 1,
    "company_id": 1,
    "created_at": 1,
    "plan_set_at": 1,
    **{f"snapshot.{name}": 1 for name in ("owner", "name", "site", "plan")},
}


class MongoNotices:
    """The store of devices as whoever tells of their plans needs it, and of what was told."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    async def ending(self, after: datetime, before: datetime) -> Sequence[Ending]:
        """Devices that are not removed, and whose paid plan ends between these moments."""
        between = {"$gte": after, "$lt": before}
        wanted = {"removed_at": None, "snapshot.plan.until": between, "snapshot.plan.name": {"$in": list(PAID)}}
        told: dict[tuple[DeviceId, datetime], set[int]] = defaultdict(set)
        with map_mongo_errors():
            devices = [each async for each in self._db.devices.find(wanted, _READ)]
            async for each in self._db.plan_notices.find({"end": between}):
                told[each["device_id"], each["end"]].add(each["lead_days"])
        return [_ending(each, told) for each in devices]

    async def tell(self, what: Telling, mail: MailRequest) -> bool:
        """Note what is told, and ask for the mail: all, or nothing. False if this person has a mail of that day.

        1. The person's day, which only one transaction can note.
        2. The notices, each of which can be noted once.
        3. The devices, which are written to: whoever changes one meanwhile collides with this.
        """
        day = {
            "_id": what.telling_id,
            "owner": what.owner,
            "day": what.day.isoformat(),
            "expires_at": mail.requested_at + _KEPT_AFTER_DAY,
        }
        notices = [_document(each, what, mail) for each in what.notices]
        devices = [
            UpdateOne(
                {"_id": each.ending.device_id, "version": each.ending.version, "removed_at": None},
                {"$set": {"noticed_at": mail.requested_at}},
            )
            for each in what.notices
        ]

        async def step(session: Session) -> None:
            try:
                await self._db.plan_notice_days.insert_one(day, session=session)  # 1
            except DuplicateKeyError:
                raise AlreadyExists from None
            try:
                await self._db.plan_notices.insert_many(notices, session=session)  # 2
            except BulkWriteError as error:
                if any(each["code"] != _DUPLICATE_KEY for each in error.details["writeErrors"]):
                    raise
                raise Changed from None
            touched = await self._db.devices.bulk_write(devices, session=session)  # 3
            if touched.matched_count != len(devices):
                raise Changed
            await self._outbox.add(session, mail_message(mail, f"plan-notice:{mail.request_id}", 1))

        with map_mongo_errors():
            try:
                await in_transaction(self._db.client, step)
            except AlreadyExists:
                return False
        return True


def _document(notice: Notice, what: Telling, mail: MailRequest) -> Document:
    return {
        "_id": notice.notice_id,
        "device_id": notice.ending.device_id,
        "end": notice.ending.end,
        "lead_days": notice.lead_days,
        "owner": what.owner,
        "request_id": mail.request_id,
        "told_at": mail.requested_at,
        "expires_at": notice.ending.end + _KEPT_AFTER_END,
    }


def _ending(document: Document, told: dict[tuple[DeviceId, datetime], set[int]]) -> Ending:
    snapshot = document["snapshot"]
    end = snapshot["plan"]["until"]
    return Ending(
        device_id=document["_id"],
        version=document["version"],
        owner=snapshot["owner"],
        company_id=document["company_id"],
        name=snapshot["name"],
        site=snapshot["site"],
        plan=Plan.model_validate(snapshot["plan"]),
        since=document.get("plan_set_at") or document["created_at"],
        end=end,
        told=frozenset(told.get((document["_id"], end), ())),
    )

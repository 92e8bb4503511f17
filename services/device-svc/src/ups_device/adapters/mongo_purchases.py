"""Purchases on MongoDB: each in one transaction with the step of the device that it pays for."""

from collections.abc import Sequence

from pymongo.errors import DuplicateKeyError

from ups_device.adapters.device_documents import Document, device_messages
from ups_device.adapters.mongo_devices import write
from ups_device.domain.device import Change
from ups_device.domain.purchase import Order, Purchase
from ups_runtime.errors import AlreadyExists
from ups_runtime.mongo import Database, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox
from ups_schemas.device import Plan
from ups_schemas.ids import DeviceId, Id


class MongoPurchases:
    """The store of purchases."""

    def __init__(self, db: Database, outbox: Outbox) -> None:
        self._db = db
        self._outbox = outbox

    async def find(self, purchase_id: Id) -> Purchase | None:
        """The purchase."""
        with map_mongo_errors():
            document = await self._db.purchases.find_one({"_id": purchase_id})
        return _purchase(document) if document else None

    async def of_device(self, device_id: DeviceId, limit: int) -> Sequence[Purchase]:
        """The device's last purchases, newest first."""
        with map_mongo_errors():
            found = self._db.purchases.find({"device_id": device_id}).sort([("bought_at", -1), ("_id", -1)])
            return [_purchase(document) async for document in found.limit(limit)]

    async def add(self, purchase: Purchase, change: Change | None) -> None:
        """Keep the purchase, and keep and publish the device's step: both, or neither."""

        async def step(session: Session) -> None:
            try:
                await self._db.purchases.insert_one(_document(purchase), session=session)
            except DuplicateKeyError:
                raise AlreadyExists from None
            if change:
                await write(self._db, session, [change])
                await self._outbox.add(session, *device_messages(change))

        with map_mongo_errors():
            await in_transaction(self._db.client, step)


def _document(purchase: Purchase) -> Document:
    order = purchase.order
    document = {
        "_id": order.purchase_id,
        "device_id": order.device_id,
        "name": order.name,
        "until": order.until,
        "days": order.days,
        "plan": purchase.plan.model_dump(),
        "bought_at": purchase.bought_at,
    }
    # left out rather than null: the index of messages has those only that have one
    return document | ({"message_id": purchase.message_id} if purchase.message_id else {})


def _purchase(document: Document) -> Purchase:
    order = Order(document["_id"], document["device_id"], document["name"], document["until"], document["days"])
    return Purchase(order, Plan.model_validate(document["plan"]), document["bought_at"], document.get("message_id"))

"""Plans on a real MongoDB: what was bought is kept with the step that it pays for."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_notices import MongoNotices
from ups_device.adapters.mongo_purchases import MongoPurchases
from ups_device.testing.notice_contract import NoticeStoreContract
from ups_device.testing.purchase_contract import PurchaseStoreContract
from ups_devstack.stack import Backing
from ups_runtime import mongo
from ups_runtime.outbox import Outbox
from ups_runtime.settings import MongoSettings

Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def db(stack: Backing, prefix: str) -> AsyncIterator[Database]:
    async with mongo.client(MongoSettings(uri=stack.mongo_uri)) as client:
        database = client[f"{prefix}{DATABASE}"]
        await mongo.migrate(database, STEPS)
        yield database


class TestMongoPurchases(PurchaseStoreContract):
    @pytest.fixture
    def devices(self, db: Database) -> MongoDevices:
        return MongoDevices(db, Outbox(db))

    @pytest.fixture
    def purchases(self, db: Database) -> MongoPurchases:
        return MongoPurchases(db, Outbox(db))


class TestMongoNotices(NoticeStoreContract):
    @pytest.fixture
    def devices(self, db: Database) -> MongoDevices:
        self.db = db
        return MongoDevices(db, Outbox(db))

    @pytest.fixture
    def notices(self, db: Database) -> MongoNotices:
        return MongoNotices(db, Outbox(db))

    async def mails(self) -> int:
        return await self.db.outbox.count_documents({"topic": "mail.requests.v1"})

"""People who leave, on a real MongoDB and real brokers: their devices pass on, and whoever gets them is told once."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_people import MongoPeople
from ups_device.adapters.mongo_successions import MongoSuccessions
from ups_device.testing.succession_contract import SuccessionStoreContract
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


class TestMongoSuccessions(SuccessionStoreContract):
    @pytest.fixture
    def devices(self, db: Database) -> MongoDevices:
        self.db = db
        return MongoDevices(db, Outbox(db))

    @pytest.fixture
    def people(self, db: Database) -> MongoPeople:
        self.db = db
        return MongoPeople(db, Outbox(db))

    @pytest.fixture
    def successions(self, db: Database) -> MongoSuccessions:
        return MongoSuccessions(db, Outbox(db))

    async def mails(self) -> int:
        return await self.db.outbox.count_documents({"topic": "mail.requests.v1"})

"""The Event Log on a real MongoDB and real brokers: the same row whatever the order, and pages from an index."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_log import MongoLog
from ups_device.adapters.mongo_periods import MongoPeriods
from ups_device.domain.company import Company
from ups_device.domain.event_log import CompanyLog, DeviceLog, Query, Row
from ups_device.handlers.event_log import EventLog
from ups_device.testing.device_contract import DeviceStoreContract
from ups_device.testing.examples import NOW, a_decision, a_new_event, a_registration, an_event
from ups_device.testing.log_contract import LogContract, PeriodContract
from ups_devstack.stack import Backing
from ups_runtime import mongo
from ups_runtime.outbox import Outbox
from ups_runtime.settings import MongoSettings
from ups_schemas.decision import Basis
from ups_schemas.device import Plan, Policy


@pytest.fixture
async def db(stack: Backing, prefix: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    async with mongo.client(MongoSettings(uri=stack.mongo_uri)) as client:
        database = client[f"{prefix}{DATABASE}"]
        await mongo.migrate(database, STEPS)
        yield database


@pytest.fixture
def devices(db: AsyncDatabase[dict[str, Any]]) -> MongoDevices:
    return MongoDevices(db, Outbox(db))


@pytest.fixture
def log(db: AsyncDatabase[dict[str, Any]]) -> MongoLog:
    return MongoLog(db)


@pytest.fixture
def periods(db: AsyncDatabase[dict[str, Any]]) -> MongoPeriods:
    return MongoPeriods(db, Outbox(db))


class TestMongoDevices(DeviceStoreContract):
    async def test_a_device_of_an_older_release_has_its_companys_policy(
        self, db: AsyncDatabase[dict[str, Any]], devices: MongoDevices
    ) -> None:
        """Kept before owners could set one, and found like the others."""
        device = a_registration().device
        await devices.add(a_registration(), Company("acme"))
        await db.devices.update_one({"_id": "d1"}, {"$unset": {"base": "", "override": ""}})

        assert await devices.find("d1") == device
        assert await devices.devices_other_than(Policy(), "acme", ()) == ()
        assert await devices.devices_other_than(Policy(limit=3), "acme", ()) == ("d1",)


class TestMongoLog(LogContract):
    pass


class TestMongoPeriods(PeriodContract):
    pass


async def test_event_and_decision_at_the_same_moment_make_one_row(
    log: MongoLog, devices: MongoDevices, periods: MongoPeriods
) -> None:
    await devices.add(a_registration(), Company("acme"))
    event_log = EventLog(log, periods, devices)
    events = [an_event(number) for number in range(60)]
    facts = [fact for event in events for fact in (event, event, a_decision(event), a_decision(event))]
    random.Random(7).shuffle(facts)  # a fixed order, but nobody's

    await asyncio.gather(*(event_log.record(fact) for fact in facts))

    rows = await log.page(Query(DeviceLog("d1", 1), 500))
    assert list(rows) == [Row(event, "acme", a_decision(event)) for event in reversed(events)]


async def test_a_row_goes_by_the_plan_at_its_decision(
    db: AsyncDatabase[dict[str, Any]], log: MongoLog, devices: MongoDevices, periods: MongoPeriods
) -> None:
    event_log = EventLog(log, periods, devices)
    plans = [Plan(name="basic"), Plan(name="standard"), Plan(name="advanced"), Plan(name="advanced", until=NOW)]
    events = [an_event(number) for number in range(len(plans))]

    for event, plan in zip(events, plans, strict=True):
        await event_log.record(event)
        await event_log.record(a_decision(event, basis=Basis(plan=plan)))

    rows = await db.events.find().sort("received_at", 1).to_list()
    kept = [(row["expires_at"] - row["received_at"]).days for row in rows]
    assert kept == [30, 90, 365, 30]
    expiries = [index for index in (await db.events.index_information()).values() if "expireAfterSeconds" in index]
    assert [(index["key"], index["expireAfterSeconds"]) for index in expiries] == [([("expires_at", 1)], 0)]


@pytest.mark.parametrize("scope", [DeviceLog("d1", 1), CompanyLog("acme")])
async def test_a_page_is_one_range_of_an_index(
    db: AsyncDatabase[dict[str, Any]], log: MongoLog, scope: DeviceLog | CompanyLog
) -> None:
    for number in range(300):
        await log.add_events([a_new_event(an_event(number))])
    await db.command("profile", 2)

    first = await log.page(Query(scope, 20))
    await log.page(Query(scope, 20, after=first[-1].position))

    await db.command("profile", 0)
    looked = await db["system.profile"].find({"op": "query", "ns": f"{db.name}.events"}).to_list()
    assert len(looked) == 2
    for look in looked:
        assert look["docsExamined"] <= 21
        assert not look.get("hasSortStage")

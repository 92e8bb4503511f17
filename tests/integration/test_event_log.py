"""The Event Log on a real MongoDB and real brokers: the same row whatever the order, and pages from an index."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_log import MongoLog
from ups_device.adapters.mongo_periods import MongoPeriods
from ups_device.domain.company import Company
from ups_device.domain.day_counts import Days
from ups_device.domain.event_log import CompanyLog, DeviceLog, Query, Row
from ups_device.testing.device_contract import DeviceStoreContract
from ups_device.testing.examples import NOW, a_decision, a_new_decision, a_new_event, a_registration, an_event
from ups_device.testing.log_contract import LogContract, an_event_log
from ups_device.testing.period_contract import PeriodContract
from ups_devstack.stack import Backing
from ups_runtime import mongo
from ups_runtime.outbox import Outbox
from ups_runtime.settings import MongoSettings
from ups_schemas.decision import Basis, Outcome
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
    event_log = an_event_log(log, periods, devices)
    events = [an_event(number) for number in range(60)]
    facts = [fact for event in events for fact in (event, event, a_decision(event), a_decision(event))]
    random.Random(7).shuffle(facts)  # a fixed order, but nobody's

    await asyncio.gather(*(event_log.record(fact) for fact in facts))

    rows = await log.page(Query(DeviceLog("d1", 1), 500))
    assert list(rows) == [Row(event, "acme", a_decision(event)) for event in reversed(events)]


async def test_a_row_goes_by_the_plan_at_its_decision(
    db: AsyncDatabase[dict[str, Any]], log: MongoLog, devices: MongoDevices, periods: MongoPeriods
) -> None:
    event_log = an_event_log(log, periods, devices)
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
@pytest.mark.parametrize(
    ("filters", "fitting"),
    [
        ({}, 2000),
        ({"code": "ON_BATTERY"}, 1999),
        ({"code": "BATTERY_LOW"}, 1),
        ({"code": "OVERLOAD"}, 0),
        ({"outcome": Outcome.REPEAT}, 1989),
        ({"outcome": Outcome.NOTIFY}, 1),
        ({"outcome": Outcome.LATE}, 0),
        ({"code": "ON_BATTERY", "outcome": Outcome.NOTIFY}, 0),
        ({"code": "BATTERY_LOW", "outcome": Outcome.NOTIFY}, 1),
        ({"code": "BATTERY_LOW", "start": NOW + timedelta(seconds=900)}, 1),
        ({"code": "BATTERY_LOW", "end": NOW + timedelta(seconds=900)}, 0),
        ({"outcome": Outcome.NOTIFY, "start": NOW, "end": NOW + timedelta(seconds=900)}, 0),
    ],
)
async def test_a_page_reads_what_it_shows_however_many_rows_there_are_and_whatever_is_left_out(
    db: AsyncDatabase[dict[str, Any]], scope: DeviceLog | CompanyLog, filters: dict[str, Any], fitting: int
) -> None:
    log = MongoLog(db)
    events = [an_event(number, code="BATTERY_LOW" if number == 1000 else "ON_BATTERY") for number in range(2000)]
    await log.add_events([a_new_event(event) for event in events])
    await log.add_decisions(
        [
            a_new_decision(a_decision(event, Outcome.NOTIFY if event.code == "BATTERY_LOW" else Outcome.REPEAT))
            for event in events[10:]
        ]
    )
    await db.command("profile", 2)

    rows = [*await log.page(Query(scope, 20, **filters))]
    first = len(rows)
    while len(rows) % 20 == 0 and 0 < len(rows) < 100:
        rows += await log.page(Query(scope, 20, after=rows[-1].position, **filters))

    await db.command("profile", 0)
    assert first == min(fitting, 20)
    assert len(rows) == min(fitting, 100)
    assert [row.event.received_at for row in rows] == sorted((row.event.received_at for row in rows), reverse=True)
    assert len({row.event.event_id for row in rows}) == len(rows)
    looked = await db["system.profile"].find({"op": "query", "ns": f"{db.name}.events"}).to_list()
    assert looked
    for look in looked:
        assert look["docsExamined"] <= 21
        # and one more of each range that is merged
        assert look["keysExamined"] <= 21 + 2 * len(Outcome)
        assert not look.get("hasSortStage")


async def test_counting_days_reads_no_rows_and_as_much_of_an_index_as_there_are_in_them(
    db: AsyncDatabase[dict[str, Any]], log: MongoLog
) -> None:
    days = Days(date(2026, 10, 24), date(2026, 10, 26), ZoneInfo("Europe/Berlin"))
    codes = ("ON_BATTERY", "BATTERY_LOW", "OVERLOAD")
    events = [
        an_event(number, code=codes[number % 3], received_at=days.start + timedelta(hours=number - 500))
        for number in range(1000)
    ]
    await log.add_events([a_new_event(event) for event in events])
    await log.add_decisions([a_new_decision(a_decision(event)) for event in events[::2]])
    await db.command("profile", 2)

    counts = await log.day_counts(CompanyLog("acme"), days)
    beyond = await log.beyond(CompanyLog("acme"), days, 20)

    await db.command("profile", 0)
    assert sum(count.rows for count in counts) == 24 + 25 + 24
    assert beyond == days.end - timedelta(hours=21)
    looked = await db["system.profile"].find({"op": {"$in": ["query", "command"]}, "ns": f"{db.name}.events"}).to_list()
    assert len(looked) == 4
    assert {look["docsExamined"] for look in looked} == {0}
    # of each day that is unlike the others: each code, decided or not, is where some keys are passed over
    assert sum(look["keysExamined"] for look in looked) <= 24 + 25 + 24 + 3 * 2 * (2 * 3 + 1) + 21

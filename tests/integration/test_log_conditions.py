"""Conditions on a real MongoDB: as the fake keeps them, from indexes, and never gone while they are open."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_conditions import MongoConditions
from ups_device.domain.condition import Place, Query, changes
from ups_device.testing.condition_contract import ConditionContract, a_clear, a_story, an_open_one, decided
from ups_device.testing.examples import NOW, an_event
from ups_devstack.stack import Backing
from ups_runtime import mongo
from ups_runtime.mongo import Database
from ups_runtime.settings import MongoSettings
from ups_schemas.decision import Basis
from ups_schemas.device import Plan
from ups_schemas.event import Phase


@pytest.fixture
async def db(stack: Backing, prefix: str) -> AsyncIterator[Database]:
    async with mongo.client(MongoSettings(uri=stack.mongo_uri)) as client:
        database = client[f"{prefix}{DATABASE}"]
        await mongo.migrate(database, STEPS)
        yield database


@pytest.fixture
def store(db: Database) -> MongoConditions:
    return MongoConditions(db)


class TestMongoConditions(ConditionContract):
    pass


async def test_a_condition_never_expires_while_it_is_open(db: Database, store: MongoConditions) -> None:
    basic = Basis(plan=Plan(name="basic"))
    later = an_event(50_000, phase=Phase.REPEAT)
    await store.apply(changes(a_story()))

    await store.apply(changes([an_open_one(9), decided(10, later, confirmed="i-e9", basis=basic)]))

    kept = {each["_id"]: each["expires_at"] - each["since"] async for each in db.conditions.find()}
    day, year = timedelta(days=1), timedelta(days=365)
    assert kept["i-e1"] == year + timedelta(seconds=6)
    assert kept["i-e9"] == timedelta(seconds=50_000 - 9) + day + 30 * day


async def test_conditions_come_from_an_index(db: Database, store: MongoConditions) -> None:
    for number in range(1, 301):
        opening = an_open_one(number, device_id=f"d{number % 3}")
        await store.apply(changes([opening, a_clear(number, opening.event)]))
    await store.apply(changes([an_open_one(number, device_id=f"d{number % 3}") for number in range(301, 311)]))
    now = NOW + timedelta(hours=1)
    await db.command("profile", 2)

    first = await store.page(Query("d1", 1, now, 20))
    await store.page(Query("d1", 1, now, 20, start=NOW, after=Place(first[-1].since, first[-1].incident_id)))
    await store.open_of({"d0", "d1", "d2"}, now)

    await db.command("profile", 0)
    looked = await db["system.profile"].find({"op": "query", "ns": f"{db.name}.conditions"}).to_list()
    assert len(looked) == 3
    for look in looked:
        assert look["docsExamined"] <= 21
        assert not look.get("hasSortStage")

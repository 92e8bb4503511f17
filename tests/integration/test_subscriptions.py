"""Subscriptions on a real MongoDB: wider choices are in every device in the end, whoever else writes meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_people import MongoPeople
from ups_device.domain.company import Company
from ups_device.domain.member import Member
from ups_device.domain.subscription import Scope, turn
from ups_device.handlers.subscriptions import Subscriptions
from ups_device.testing.examples import NOW, a_registration
from ups_device.testing.people_contract import PeopleStoreContract
from ups_devstack.stack import Backing
from ups_runtime import mongo
from ups_runtime.errors import Changed
from ups_runtime.outbox import Outbox
from ups_runtime.settings import MongoSettings
from ups_schemas.device import DeviceSnapshot, Subscription

Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
async def db(stack: Backing, prefix: str) -> AsyncIterator[Database]:
    async with mongo.client(MongoSettings(uri=stack.mongo_uri)) as client:
        database = client[f"{prefix}{DATABASE}"]
        await mongo.migrate(database, STEPS)
        yield database


@pytest.fixture
def devices(db: Database) -> MongoDevices:
    return MongoDevices(db, Outbox(db))


@pytest.fixture
def people(db: Database) -> MongoPeople:
    return MongoPeople(db, Outbox(db))


@pytest.fixture
def subscriptions(devices: MongoDevices, people: MongoPeople) -> Subscriptions:
    return Subscriptions(devices, people, Members(), now=lambda: NOW)


class Members:
    async def member(self, user_id: str) -> Member | None:
        return (await self.members((user_id,))).get(user_id)

    async def members(self, user_ids: Collection[str]) -> dict[str, Member]:
        return {user_id: Member("acme", active=True) for user_id in user_ids}


class TestMongoPeople(PeopleStoreContract):
    pass


async def register(devices: MongoDevices, people: MongoPeople, number: int) -> None:
    while True:
        company = await devices.company("acme")
        try:
            await devices.add(a_registration(number, preferences=await people.preferences({"anna"})), company)
        except Changed:
            continue
        return


async def told(db: Database) -> dict[str, bool]:
    """Whether anna hears of each device, as the last message for `ups.devices` says it."""
    rows = db.outbox.find({"topic": "ups.devices.v1"}).sort("sequence")
    snapshots = [DeviceSnapshot.model_validate_json(row["value"]) async for row in rows]
    return {snapshot.device_id: snapshot.subscriptions[0].on for snapshot in snapshots}


async def test_a_choice_reaches_all_500_devices_of_a_company(
    db: Database, devices: MongoDevices, people: MongoPeople, subscriptions: Subscriptions
) -> None:
    for number in range(1, 501):
        await devices.add(a_registration(number), Company("acme"))

    off = await subscriptions.prefer("anna", lambda now: turn(now, "acme", on=False))
    silenced = await told(db)
    on = await subscriptions.prefer("anna", lambda now: turn(now, "acme", on=True))

    assert off
    assert on
    assert len(silenced) == 500
    assert not any(silenced.values())
    assert all((await told(db)).values())
    assert not await people.unsettled()


async def test_devices_that_are_registered_while_all_is_switched_off_are_silent(
    db: Database, devices: MongoDevices, people: MongoPeople, subscriptions: Subscriptions
) -> None:
    for number in range(1, 6):
        await register(devices, people, number)

    await asyncio.gather(
        *(register(devices, people, number) for number in range(6, 26)),
        subscriptions.prefer("anna", lambda now: turn(now, None, on=False)),
    )

    heard = await told(db)
    assert len(heard) == 25
    assert not any(heard.values())


async def test_of_two_processes_that_bring_different_choices_the_last_kept_is_in_force(
    db: Database, devices: MongoDevices, people: MongoPeople, subscriptions: Subscriptions
) -> None:
    for number in range(1, 31):
        await register(devices, people, number)
    other = Subscriptions(MongoDevices(db, Outbox(db)), MongoPeople(db, Outbox(db)), Members(), now=lambda: NOW)

    await asyncio.gather(
        *(
            process.prefer("anna", lambda now, on=on: turn(now, "acme", on=on))
            for process, on in ((subscriptions, False), (other, True)) * 3
        )
    )

    kept = await people.preferences({"anna"})
    assert set((await told(db)).values()) == {not kept["anna"].silence("acme")}
    assert not await people.unsettled()


async def test_what_a_killed_process_kept_and_did_not_bring_is_brought_at_the_next_start(
    db: Database, devices: MongoDevices, people: MongoPeople, subscriptions: Subscriptions
) -> None:
    await register(devices, people, 1)
    off = turn((await people.preferences({"anna"}))["anna"], None, on=False)
    assert off
    await people.save_preferences(off, None)
    before = await told(db)

    finished = await subscriptions.settle_all()

    assert (before, finished) == ({"d1": True}, 1)
    assert await told(db) == {"d1": False}
    assert await subscriptions.settle_all() == 0


@pytest.mark.parametrize("scope", list(Scope))
async def test_everybody_of_a_site_may_unsubscribe_at_once(
    devices: MongoDevices, people: MongoPeople, subscriptions: Subscriptions, scope: Scope
) -> None:
    await register(devices, people, 1)
    device_id = a_registration(1).device.device_id
    company_id = "acme" if scope is Scope.COMPANY else None
    co_workers = [f"co-worker-{number}" for number in range(30)]
    for each in co_workers:
        await subscriptions.subscribe(device_id, Subscription(user_id=each))

    def off(choice: Subscription | None) -> Subscription | None:
        return choice.model_copy(update={"on": False}) if choice and choice.on else None

    async def unsubscribe(user_id: str) -> None:
        if scope is Scope.DEVICE:
            await subscriptions.change(device_id, user_id, off)
        else:
            await subscriptions.prefer(user_id, lambda now: turn(now, company_id, on=False))

    await asyncio.gather(*(unsubscribe(each) for each in co_workers))

    device = await devices.find(device_id)
    assert device is not None
    assert {each.user_id for each in device.snapshot.subscriptions if each.on} == {"anna"}

"""Subscriptions on a real MongoDB: wider choices are in every device in the end, whoever else writes meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_people import MongoPeople
from ups_device.domain.company import Company
from ups_device.domain.device import edit
from ups_device.domain.member import Member
from ups_device.domain.notification_settings import NotificationSettings
from ups_device.domain.policy import Override
from ups_device.domain.subscription import Preferences, Scope, turn, version_of, wider_version_of
from ups_device.handlers.notification_settings import OwnerSettings
from ups_device.handlers.subscriptions import Subscriptions
from ups_device.testing.examples import NOW, a_registration
from ups_device.testing.people_contract import PeopleStoreContract
from ups_devstack.stack import Backing
from ups_runtime import mongo
from ups_runtime.errors import Changed, Conflict
from ups_runtime.outbox import Outbox
from ups_runtime.settings import MongoSettings
from ups_schemas.device import DeviceSnapshot, Subscription

Database = AsyncDatabase[dict[str, Any]]
Tries = list[Any]


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


SEEN = Subscription(user_id="anna")
OTHERS = [Subscription(user_id="anna", codes=(code,)) for code in ("ON_BATTERY", "COMM_LOST")]


async def of_choices(processes: Sequence[Subscriptions], devices: MongoDevices) -> tuple[Tries, Any]:
    seen = version_of(SEEN)
    saves = (one.save("d1", choice, seen) for one, choice in zip(processes, OTHERS, strict=True))
    tries = await asyncio.gather(*saves, return_exceptions=True)
    kept = await devices.find("d1")
    return [each if isinstance(each, BaseException) else each.choices for each in tries], kept and kept.choices


async def of_wider_choices(processes: Sequence[Subscriptions], devices: MongoDevices) -> tuple[Tries, Any]:
    seen = wider_version_of(Preferences("anna"), "acme")
    saves = (
        one.save_preferences("anna", "acme", seen, all_off=all_off, company_off=not all_off)
        for one, all_off in zip(processes, (True, False), strict=True)
    )
    return await asyncio.gather(*saves, return_exceptions=True), await processes[0].preferences("anna")


async def of_settings(_: Sequence[Subscriptions], devices: MongoDevices) -> tuple[Tries, Any]:
    seen = a_registration(1).device.settings.version
    owner = OwnerSettings(devices, now=lambda: NOW)
    saves = (owner.save("d1", NotificationSettings(Override(limit=limit), {}, ()), seen, by="anna") for limit in (2, 3))
    tries = await asyncio.gather(*saves, return_exceptions=True)
    kept = await devices.find("d1")
    return [each if isinstance(each, BaseException) else each.settings for each in tries], kept and kept.settings


@pytest.mark.parametrize("save_twice", [of_choices, of_wider_choices, of_settings])
async def test_of_two_who_save_over_what_they_saw_at_once_one_wins_and_the_other_is_told(
    db: Database,
    devices: MongoDevices,
    people: MongoPeople,
    save_twice: Callable[[Sequence[Subscriptions], MongoDevices], Awaitable[tuple[Tries, Any]]],
) -> None:
    await register(devices, people, 1)
    processes = [
        Subscriptions(MongoDevices(db, Outbox(db)), MongoPeople(db, Outbox(db)), Members(), now=lambda: NOW)
        for _ in range(2)
    ]

    tries, kept = await save_twice(processes, devices)

    [refused] = [each for each in tries if isinstance(each, BaseException)]
    assert isinstance(refused, Conflict)
    assert refused.name == "changed-meanwhile"
    assert [each for each in tries if each is not refused] == [kept]


async def test_a_rename_while_somebody_saves_refuses_nobody(
    db: Database, devices: MongoDevices, people: MongoPeople, subscriptions: Subscriptions
) -> None:
    await register(devices, people, 1)
    device = a_registration(1).device
    renamed = edit(device, {"name": "Rack 9"}, NOW)
    assert renamed

    await devices.save(renamed)
    saved = await subscriptions.save("d1", OTHERS[0], version_of(SEEN))

    assert (saved.snapshot.name, saved.choices) == ("Rack 9", (OTHERS[0],))

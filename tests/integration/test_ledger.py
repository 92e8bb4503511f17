"""The notifier's ledger on a real MongoDB."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ups_notifier.adapters.mongo import LOOKED_AT, MongoLedger
from ups_notifier.adapters.mongo_deliveries import MongoDeliveries, Place
from ups_notifier.adapters.mongo_rates import MongoRates
from ups_notifier.domain import life
from ups_notifier.domain.addressing import deliveries_of, notification_of
from ups_notifier.domain.life import Backoff
from ups_notifier.domain.sending import Accepted, Phase, Refused
from ups_notifier.handlers.ports import LONGEST_TURN
from ups_notifier.testing.ledger_contract import LedgerContract
from ups_notifier.testing.samples import NOW, OWNER, decided, event, incident
from ups_runtime import mongo
from ups_runtime.errors import Permanent
from ups_runtime.outbox import Outbox
from ups_runtime.testing import eventually
from ups_schemas.event import Phase as EventPhase


@pytest.fixture
def ledger(database: mongo.Database) -> MongoLedger:
    return MongoLedger(database.client, database, Outbox(database))


class TestMongoLedger(LedgerContract):
    pass


async def test_final_states_are_reported_in_the_same_transaction(ledger: MongoLedger, database: mongo.Database) -> None:
    notification = notification_of(decided(event("ON_BATTERY")))
    assert notification is not None
    await ledger.add(notification, deliveries_of(notification, NOW.replace(year=2027)), NOW)

    rows = await database["outbox"].find().to_list()
    assert sorted(row["aggregate_id"] for row in rows) == sorted(
        row.delivery_id for row in deliveries_of(notification, NOW)
    )
    assert all(b'"state":"dropped"' in bytes(row["value"]) for row in rows)
    assert all(b"@" not in bytes(row["value"]) for row in rows)


async def test_two_notifiers_at_once_add_one_notification(ledger: MongoLedger) -> None:
    notification = notification_of(decided(event("ON_BATTERY")))
    assert notification is not None
    rows = deliveries_of(notification, NOW)

    added = await asyncio.gather(*(ledger.add(notification, rows, NOW) for _ in range(5)))

    assert sorted(added) == [False, False, False, False, True]
    assert len(await ledger.open_rows(OWNER)) == 1


async def test_rows_outlive_the_topic(ledger: MongoLedger, database: mongo.Database) -> None:
    notification = notification_of(decided(event("ON_BATTERY")))
    assert notification is not None
    await ledger.add(notification, deliveries_of(notification, NOW), NOW)

    [row] = await database["deliveries"].find({"user_id": OWNER}).to_list()
    assert (row["expires_at"] - NOW).days == 31
    assert (await database["deliveries"].index_information())["expires"]["expireAfterSeconds"] == 0


async def test_the_operator_reads_the_ledger_page_by_page(ledger: MongoLedger, database: mongo.Database) -> None:
    for number in range(5):
        decision = decided(event("ON_BATTERY"), notification_id=f"n{number}", device_seq=number + 1)
        notification = notification_of(decision)
        assert notification is not None
        await ledger.add(notification, deliveries_of(notification, NOW), NOW)
    deliveries = MongoDeliveries(database)

    seen, after = [], None
    while page := await deliveries.page({"user_id": OWNER}, after, 2):
        seen += [row["notification_id"] for row in page]
        after = Place(page[-1]["created_at"], page[-1]["delivery_id"])

    assert sorted(seen) == [f"n{number}" for number in range(5)]
    assert all("frozen" not in row for row in await deliveries.page({}, None, 10))


async def test_a_look_for_due_lanes_reads_one_index_and_little_of_it(
    ledger: MongoLedger, database: mongo.Database
) -> None:
    notification = notification_of(decided(event("ON_BATTERY"), recipients=(OWNER,)))
    assert notification is not None
    await ledger.add(notification, deliveries_of(notification, NOW), NOW)
    [row] = await database["deliveries"].find().to_list()
    many = [
        row | {"_id": f"{number}", "due_at": NOW - timedelta(minutes=1), "user_id": f"u{number % 7}"}
        for number in range(3 * LOOKED_AT)
    ]
    await database["deliveries"].insert_many(many)
    await database.command("profile", 2)

    taken = []
    while lanes := await ledger.due_lanes(NOW, 10):
        assert all([await ledger.lease(lane, "me", timedelta(minutes=1)) for lane in lanes])
        taken += lanes
    await database.command("profile", 0)

    looks = await database["system.profile"].find({"command.aggregate": "deliveries"}).to_list()
    assert sorted(taken) == sorted([OWNER, *(f"u{number}" for number in range(7))])
    assert {look["docsExamined"] for look in looks} == {0}
    assert looks[0]["keysExamined"] <= LOOKED_AT + 1


async def test_only_a_later_mail_of_the_device_overtakes(ledger: MongoLedger, database: mongo.Database) -> None:
    for seq in (6, 7, 8):
        notification = notification_of(decided(event("ON_BATTERY"), notification_id=f"n{seq}", device_seq=seq))
        assert notification is not None
        await ledger.add(notification, deliveries_of(notification, NOW), NOW)
    earlier, row, later = await ledger.open_rows(OWNER)
    deliveries = MongoDeliveries(database)

    await ledger.save(earlier, life.after(earlier, Accepted(250), NOW, Backoff(), 0), NOW)
    assert not await deliveries.overtaken(row)
    assert await deliveries.overtaken(replace(earlier, device_seq=5))
    failed = life.after(row, Refused(Phase.RCPT, 550), NOW, Backoff(), 0)
    await ledger.save(row, failed, NOW)
    assert await deliveries.reopen(failed, life.reopened(failed, NOW), "key")
    assert not await deliveries.reopen(failed, life.reopened(failed, NOW), "key")
    assert await deliveries.row(row.delivery_id) == (life.reopened(failed, NOW), "key")
    begun = life.begun(later, "a", NOW, timedelta(minutes=1))
    await ledger.save(later, begun, NOW)
    await ledger.start_data(begun, b"mail", NOW)
    assert await deliveries.overtaken(row)


async def test_a_look_for_an_end_reads_that_end_alone(ledger: MongoLedger, database: mongo.Database) -> None:
    ended = [incident("ON_BATTERY", NOW + timedelta(minutes=number)) for number in range(20)]
    for number, each in enumerate(ended, 1):
        clear = event("POWER_RESTORED", EventPhase.CLEAR)
        decision = decided(clear, closed=(each,), notification_id=f"n{number}", device_seq=number)
        notification = notification_of(decision)
        assert notification is not None
        await ledger.add(notification, deliveries_of(notification, NOW), NOW)
    await database.command("profile", 2)

    found = await ledger.ends_after(decision.device_id, 1, [ended[7].incident_id, "still open"])
    await database.command("profile", 0)

    [look] = await database["system.profile"].find({"command.find": "notifications"}).to_list()
    assert found == {ended[7].incident_id: decision.effective_at}
    assert look["docsExamined"] == 1


async def test_a_limit_holds_over_all_who_ask(database: mongo.Database) -> None:
    askers = [MongoRates(database, per_minute=6, per_minute_and_domain=None) for _ in range(8)]

    waits = await asyncio.gather(*(each.wait(f"alex@{number}.example") for number, each in enumerate(askers)))

    assert waits.count(timedelta(0)) == 1
    distance = timedelta(seconds=10)
    assert all((turn - 1) * distance < wait <= turn * distance for turn, wait in enumerate(sorted(waits)))


async def test_who_finds_no_place_comes_back_once_and_no_place_is_left_free(database: mongo.Database) -> None:
    mails, distance = 20, 0.05
    rates = MongoRates(database, per_minute=1200, per_minute_and_domain=None)
    asked = 0

    async def send() -> float:
        nonlocal asked
        while wait := await rates.wait("alex@a.example"):
            asked += 1
            await asyncio.sleep(wait.total_seconds())
        return asyncio.get_running_loop().time()

    taken = sorted(await asyncio.gather(*(send() for _ in range(mails))))
    assert taken[-1] - taken[0] >= (mails - 2) * distance
    # each asks twice, and the rate is reached: both on a machine that has other work
    assert taken[-1] - taken[0] <= 5 * mails * distance
    assert asked <= 5 * mails


@pytest.mark.parametrize(("late_ms", "longest_s"), [(4000, 6), (20_000, 10)], ids=["a little", "a distance"])
async def test_who_comes_a_little_late_for_a_place_makes_nobody_later(
    database: mongo.Database, late_ms: int, longest_s: int
) -> None:
    rates = MongoRates(database, per_minute=6, per_minute_and_domain=None)
    await rates.wait("alex@a.example")
    await database["rates"].update_many({}, [{"$set": {"free_at": {"$subtract": ["$$NOW", late_ms]}}}])

    assert await rates.wait("alex@a.example") == timedelta(0)
    wait = await rates.wait("alex@a.example")
    assert timedelta(0) < wait <= timedelta(seconds=longest_s)


async def test_no_turn_is_further_ahead_than_a_raised_limit_may_take_to_be_felt(database: mongo.Database) -> None:
    rates = MongoRates(database, per_minute=1, per_minute_and_domain=None)

    waits = [await rates.wait("alex@a.example") for _ in range(8)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_TURN


async def test_a_domain_has_a_limit_of_its_own(database: mongo.Database) -> None:
    rates = MongoRates(database, per_minute=None, per_minute_and_domain=6)

    assert await rates.wait("alex@a.example") == await rates.wait("sam@b.example") == timedelta(0)
    assert await rates.wait("kim@A.example") > timedelta(0)
    assert "example" not in str(await database["rates"].find().to_list())


async def test_who_waits_for_the_relay_takes_no_place_of_its_domain(database: mongo.Database) -> None:
    assert await MongoRates(database, per_minute=6, per_minute_and_domain=6).wait("alex@a.example") == timedelta(0)
    assert await MongoRates(database, per_minute=6, per_minute_and_domain=6).wait("sam@b.example") > timedelta(0)

    assert await MongoRates(database, per_minute=None, per_minute_and_domain=6).wait("sam@b.example") == timedelta(0)


async def test_a_limit_lets_go_on_after_its_distance(database: mongo.Database) -> None:
    rates = MongoRates(database, per_minute=600, per_minute_and_domain=None)
    await rates.wait("alex@a.example")

    async def is_free() -> bool:
        return await rates.wait("alex@a.example") == timedelta(0)

    assert await eventually(is_free)


async def test_a_clock_that_was_set_back_holds_nothing_up(database: mongo.Database) -> None:
    rates = MongoRates(database, per_minute=6, per_minute_and_domain=6)
    await rates.wait("alex@a.example")
    tomorrow = {"free_at": {"$add": ["$$NOW", 86_400_000]}}
    await database["rates"].update_many({}, [{"$set": tomorrow}])

    assert await rates.wait("alex@a.example") == timedelta(0)
    assert timedelta(0) < await rates.wait("alex@a.example") <= timedelta(seconds=10)


async def test_a_row_that_is_none_is_refused(database: mongo.Database) -> None:
    with pytest.raises(Permanent), mongo.map_mongo_errors():
        await database["deliveries"].insert_one({"_id": "x", "state": "lost"})

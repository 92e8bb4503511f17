"""Rates, kept in MongoDB and by the fake."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from ups_devstack.stack import Backing
from ups_runtime.mongo import client, database, migrate
from ups_runtime.rates import MongoRates, Rate, rates_indexes
from ups_runtime.settings import MongoSettings
from ups_runtime.testing import FakeClock, eventually
from ups_runtime.testing.rates import MemoryRates, RatesContract

NO_WAIT = timedelta(0)


@pytest.fixture
async def mongo_rates(stack: Backing, prefix: str) -> AsyncIterator[MongoRates]:
    async with client(MongoSettings(uri=stack.mongo_uri)) as there:
        db = database(there, MongoSettings(database_prefix=prefix), "rates")
        await migrate(db, [rates_indexes("rates: indexes 1", "rates")])
        yield MongoRates(db["rates"])


class TestMongoRates(RatesContract):
    @pytest.fixture
    def rates(self, mongo_rates: MongoRates) -> MongoRates:
        return mongo_rates


class TestMemoryRates(RatesContract):
    @pytest.fixture
    def rates(self) -> MemoryRates:
        return MemoryRates(FakeClock())


async def test_many_who_ask_at_once_get_no_more_than_there_is(mongo_rates: MongoRates) -> None:
    rate = Rate(3, timedelta(minutes=1))

    waits = await asyncio.gather(*(mongo_rates.take("a", rate) for _ in range(12)))

    assert waits.count(NO_WAIT) == 3


async def test_who_asked_before_and_comes_after_is_no_sign_of_a_clock_set_back(mongo_rates: MongoRates) -> None:
    rate = Rate(3, timedelta(minutes=1))
    await mongo_rates.take("a", rate)
    all_taken_a_moment_from_now = datetime.now(UTC) + timedelta(minutes=3, seconds=10)
    await mongo_rates._rates.update_one({"_id": "a"}, {"$set": {"free_at": all_taken_a_moment_from_now}})

    waits = [await mongo_rates.take("a", rate) for _ in range(2)]

    assert all(timedelta(minutes=1) < wait <= timedelta(seconds=70) for wait in waits)


async def test_a_clock_that_was_set_back_holds_nobody_up(mongo_rates: MongoRates) -> None:
    rate = Rate(3, timedelta(minutes=1))
    await mongo_rates.take("a", rate)
    long_ahead = datetime.now(UTC) + timedelta(days=1)
    await mongo_rates._rates.update_one({"_id": "a"}, {"$set": {"free_at": long_ahead}})

    assert [await mongo_rates.take("a", rate) == NO_WAIT for _ in range(4)] == [True, True, True, False]


async def test_a_place_comes_with_each_distance(mongo_rates: MongoRates) -> None:
    rate = Rate(2, timedelta(milliseconds=200))
    while await mongo_rates.take("a", rate) == NO_WAIT:
        pass

    async def is_free() -> bool:
        return await mongo_rates.take("a", rate) == NO_WAIT

    assert await eventually(is_free)


async def test_the_fake_goes_by_its_clock() -> None:
    clock = FakeClock()
    rates, rate = MemoryRates(clock), Rate(1, timedelta(minutes=1))
    await rates.take("a", rate)

    clock.advance(timedelta(minutes=1))

    assert await rates.take("a", rate) == NO_WAIT


def test_a_rate_may_be_said_by_its_count() -> None:
    assert Rate.of(10, timedelta(minutes=15)) == Rate(10, timedelta(seconds=90))
    assert Rate.of(10**9, timedelta(seconds=1)).distance_ms == 1

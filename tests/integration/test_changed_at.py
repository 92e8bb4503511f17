"""Every write on a real MongoDB says anew when it was, by one clock for all: the stream is fed by it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from ups_device.adapters.changed_at import FIELD
from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_log import MongoLog
from ups_device.adapters.mongo_periods import MongoPeriods
from ups_device.domain import device
from ups_device.domain.event_log import row_id
from ups_device.testing.device_contract import ACME
from ups_device.testing.examples import (
    NOW,
    a_decision,
    a_disabling,
    a_late_mail,
    a_new_decision,
    a_new_event,
    a_registration,
    an_enabling,
    an_event,
)
from ups_devstack.stack import Backing
from ups_runtime import mongo
from ups_runtime.mongo import Database
from ups_runtime.outbox import Outbox
from ups_runtime.settings import MongoSettings
from ups_schemas.decision import Outcome
from ups_schemas.device import Actor, EnableNotifications


@pytest.fixture
async def db(stack: Backing, prefix: str) -> AsyncIterator[Database]:
    async with mongo.client(MongoSettings(uri=stack.mongo_uri)) as client:
        database = client[f"{prefix}{DATABASE}"]
        await mongo.migrate(database, STEPS)
        yield database


async def assert_each_moves(db: Database, collection: str, *writes: Callable[[], Awaitable[None]]) -> None:
    moments = []
    for write in writes:
        await write()
        (document,) = await db[collection].find().to_list()
        moments.append(document[FIELD])

    assert all(moment.time for moment in moments)
    assert moments == sorted(set(moments))


async def test_every_write_of_a_row_moves_it(db: Database) -> None:
    log = MongoLog(db)
    event = an_event(late=True)
    decision = a_decision(event, Outcome.LATE)

    await assert_each_moves(
        db,
        "events",
        lambda: log.add_events([a_new_event(event, None)]),
        lambda: log.add_events([a_new_event(event, "acme")]),
        lambda: log.add_decisions([a_new_decision(decision)]),
        lambda: log.add_late_mail(a_late_mail(event)),
        lambda: log.touch({row_id(event.device_id, event.event_id), "of no row"}),
    )


async def test_a_row_that_its_decision_made_says_when(db: Database) -> None:
    log = MongoLog(db)

    await assert_each_moves(db, "events", lambda: log.add_decisions([a_new_decision(a_decision(an_event()))]))


async def test_every_write_of_a_device_moves_it(db: Database) -> None:
    devices = MongoDevices(db, Outbox(db))
    first = a_registration()
    renamed = device.edit(first.device, {"name": "Rack 2"}, NOW)
    assert renamed

    await assert_each_moves(db, "devices", lambda: devices.add(first, ACME), lambda: devices.save(renamed))


async def test_every_write_of_a_period_moves_it(db: Database) -> None:
    periods = MongoPeriods(db, Outbox(db))
    told = a_disabling()
    command = EnableNotifications(
        command_id="c1",
        device_id="d1",
        ownership=1,
        period_id=told.period_id,
        enabled_at=NOW + timedelta(hours=1),
        actor=Actor(kind="operator"),
    )

    await assert_each_moves(
        db,
        "periods",
        lambda: periods.began(told),
        lambda: periods.request(command),
        lambda: periods.ended(an_enabling(told)),
    )

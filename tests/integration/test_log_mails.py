"""Mails about devices on a real MongoDB: as the fake keeps them, for as long as their rows, from an index."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_mails import MongoMails
from ups_device.domain.mail import mailings
from ups_device.testing.examples import NOW, a_decision, an_event
from ups_device.testing.mail_contract import MailContract, a_delivery
from ups_devstack.stack import Backing
from ups_runtime import mongo
from ups_runtime.mongo import Database
from ups_runtime.settings import MongoSettings
from ups_schemas.decision import Basis
from ups_schemas.device import Plan


@pytest.fixture
async def db(stack: Backing, prefix: str) -> AsyncIterator[Database]:
    async with mongo.client(MongoSettings(uri=stack.mongo_uri)) as client:
        database = client[f"{prefix}{DATABASE}"]
        await mongo.migrate(database, STEPS)
        yield database


@pytest.fixture
def mails(db: Database) -> MongoMails:
    return MongoMails(db)


class TestMongoMails(MailContract):
    pass


async def test_a_copy_goes_with_its_row_whichever_came_first(db: Database, mails: MongoMails) -> None:
    standard = Basis(plan=Plan(name="standard"))
    first, second, unknown = (
        a_decision(an_event(number), recipients=("anna",), basis=standard) for number in (1, 2, 3)
    )
    await mails.expect(mailings([first]))
    await mails.report([a_delivery(each, at=NOW) for each in (first, second, unknown)])
    await mails.expect(mailings([second]))

    kept = {each["notification_id"]: each["expires_at"] async for each in db.mails.find()}

    assert kept == {
        "n-e1": first.event.received_at + timedelta(days=90),
        "n-e2": second.event.received_at + timedelta(days=90),
        "n-e3": NOW + timedelta(days=365),
    }


async def test_the_copies_of_a_page_come_from_an_index(db: Database, mails: MongoMails) -> None:
    await mails.expect(mailings([a_decision(an_event(number)) for number in range(400)]))
    await db.command("profile", 2)

    found = await mails.of({f"n-e{number}" for number in range(100, 150)})

    await db.command("profile", 0)
    (look,) = await db["system.profile"].find({"op": "query", "ns": f"{db.name}.mails"}).to_list()
    assert len(found) == look["docsExamined"] == 100

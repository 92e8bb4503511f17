"""The client's settings, its errors as ours, migrations and leases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Literal

import pytest
from bson.errors import InvalidDocument
from pydantic import BaseModel, Field
from pymongo import IndexModel
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteError,
)

from ups_devstack.stack import Backing
from ups_runtime.errors import Permanent, Retryable
from ups_runtime.lease import Lease
from ups_runtime.logging import get_logger
from ups_runtime.migrations import Step, bson_schema
from ups_runtime.mongo import (
    Client,
    Database,
    Session,
    client,
    database,
    in_transaction,
    indexes,
    map_mongo_errors,
    migrate,
    validator,
    wait_for_mongo,
)
from ups_runtime.settings import MongoSettings
from ups_runtime.testing import eventually


class Colour(Enum):
    RED = "red"


class Inner(BaseModel):
    at: datetime


class Thing(BaseModel):
    name: Annotated[str, Field(max_length=5)]
    count: int
    share: float = 0.5
    colour: Colour = Colour.RED
    kind: Literal["a", "b"] = "a"
    inner: Inner | None = None
    tags: tuple[str, ...] = ()
    more: dict[str, bool] = Field(default_factory=dict)
    raw: bytes = b""


@pytest.fixture
async def mongo(stack: Backing) -> AsyncIterator[Client]:
    made = client(MongoSettings(uri=stack.mongo_uri))
    yield made
    await made.close()


@pytest.fixture
def db(mongo: Client, prefix: str) -> Database:
    return database(mongo, MongoSettings(database_prefix=f"{prefix}-"), "things")


async def test_the_client_has_the_settings_that_lose_nothing() -> None:
    made = client(MongoSettings())

    assert made.codec_options.tz_aware is True
    assert made.codec_options.tzinfo is UTC
    assert made.write_concern.document == {"w": "majority"}
    assert made.read_concern.level == "majority"
    assert made.options.timeout == 15
    assert made.options.retry_writes is True
    await made.close()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ServerSelectionTimeoutError("no primary"), Retryable),
        (AutoReconnect("gone"), Retryable),
        (OperationFailure("not allowed", 13), Retryable),
        (PyMongoError("?"), Retryable),
        (WriteError("breaks the validator", 121), Permanent),
        (InvalidDocument("too large"), Permanent),
        (DuplicateKeyError("there"), DuplicateKeyError),
    ],
)
def test_errors_say_what_to_do_and_show_no_document(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised, map_mongo_errors():
        raise error

    assert kind is DuplicateKeyError or str(error) not in str(raised.value)


def test_a_model_becomes_a_schema_that_mongodb_knows() -> None:
    assert bson_schema(Thing) == {
        "bsonType": "object",
        "required": ["name", "count"],
        "properties": {
            "name": {"bsonType": ["string"]},
            "count": {"bsonType": ["int", "long"]},
            "share": {"bsonType": ["double", "int", "long"]},
            "colour": {"enum": ["red"]},
            "kind": {"enum": ["a", "b"]},
            "inner": {
                "anyOf": [
                    {"bsonType": "object", "required": ["at"], "properties": {"at": {"bsonType": ["date"]}}},
                    {"bsonType": ["null"]},
                ]
            },
            "tags": {"bsonType": "array", "items": {"bsonType": ["string"]}},
            "more": {"bsonType": "object", "additionalProperties": {"bsonType": ["bool"]}},
            "raw": {"bsonType": ["binData"]},
        },
    }


async def test_a_primary_is_waited_for(stack: Backing, mongo: Client) -> None:
    await stack.stop("mongo")
    waiting = asyncio.create_task(wait_for_mongo(mongo, get_logger("test")))
    await stack.start("mongo")

    await asyncio.wait_for(waiting, 60)


async def test_moments_come_back_aware_and_equal(db: Database) -> None:
    moment = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)
    await db.things.insert_one({"_id": 1, "at": moment})

    found = await db.things.find_one({"_id": 1})

    assert found is not None
    assert found["at"] == moment
    assert found["at"].tzinfo is not None


async def test_a_transaction_writes_all_or_nothing(mongo: Client, db: Database) -> None:
    async def work(session: Session) -> None:
        await db.things.insert_one({"_id": 1}, session=session)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_transaction(mongo, work)

    assert await db.things.find_one({"_id": 1}) is None


async def test_transactions_that_collide_are_tried_again_and_nothing_is_lost(mongo: Client, db: Database) -> None:
    await db.things.insert_one({"_id": 1, "count": 0})

    async def work(session: Session) -> None:
        found = await db.things.find_one({"_id": 1}, session=session)
        assert found is not None
        await db.things.update_one({"_id": 1}, {"$set": {"count": found["count"] + 1}}, session=session)

    await asyncio.gather(*(in_transaction(mongo, work) for _ in range(5)))

    assert await db.things.find_one({"_id": 1}) == {"_id": 1, "count": 5}


async def test_each_step_is_taken_once_in_order(db: Database) -> None:
    taken: list[str] = []

    def step(name: str) -> Step:
        async def run(_db: Database) -> None:
            taken.append(name)

        return Step(name, run)

    assert await migrate(db, [step("1"), step("2")]) == ["1", "2"]
    assert await migrate(db, [step("1"), step("2"), step("3")]) == ["3"]

    assert taken == ["1", "2", "3"]


async def test_two_steps_of_one_name_are_refused(db: Database) -> None:
    twice = indexes("1", "things", IndexModel("a"))

    with pytest.raises(ValueError, match="used twice"):
        await migrate(db, [twice, twice])


async def test_validators_and_indexes_are_there_after_their_steps(db: Database) -> None:
    await migrate(
        db,
        [
            validator("1-validator", "things", Thing),
            indexes("2-names", "things", IndexModel("name", unique=True)),
            validator("3-validator-again", "things", Thing),
        ],
    )
    good = Thing(name="a", count=1).model_dump(mode="python") | {"colour": "red"}
    await db.things.insert_one(dict(good))

    with pytest.raises(Permanent, match="validator"), map_mongo_errors():
        await db.things.insert_one(dict(good) | {"name": "b", "count": "one"})
    with pytest.raises(DuplicateKeyError), map_mongo_errors():
        await db.things.insert_one(dict(good))


async def test_a_lease_has_one_holder_until_it_ends_or_is_given_up(db: Database) -> None:
    mine, yours = (Lease(db.leases, "relay", owner, 60) for owner in ("me", "you"))

    assert await mine.take()
    assert not await yours.take()
    assert await mine.take()
    await yours.give_up()
    assert not await yours.take()
    await mine.give_up()
    assert await yours.take()
    assert not await mine.take()


async def test_a_lease_that_is_not_renewed_ends(db: Database) -> None:
    assert await Lease(db.leases, "relay", "asleep", 0.2).take()

    await eventually(Lease(db.leases, "relay", "next", 60).take)


async def test_of_many_that_want_it_at_once_one_gets_it(db: Database) -> None:
    answers = await asyncio.gather(*(Lease(db.leases, "relay", str(number), 60).take() for number in range(20)))

    assert answers.count(True) == 1

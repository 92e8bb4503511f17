"""The same request twice has one effect and one answer."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ups_devstack.stack import Backing
from ups_runtime.clock import SystemClock
from ups_runtime.http import ProblemError
from ups_runtime.idempotency import Answer, Idempotency
from ups_runtime.mongo import Client, Database, Session, client, database
from ups_runtime.settings import MongoSettings

CREATED = Answer(201, '{"id": 1}')


@pytest.fixture
async def mongo(stack: Backing) -> AsyncIterator[Client]:
    made = client(MongoSettings(uri=stack.mongo_uri))
    yield made
    await made.close()


@pytest.fixture
async def db(mongo: Client, prefix: str) -> Database:
    made = database(mongo, MongoSettings(database_prefix=f"{prefix}-"), "things")
    await made.create_collection("things")
    await Idempotency(made, SystemClock()).prepare()
    return made


@pytest.fixture
def idempotency(db: Database) -> Idempotency:
    return Idempotency(db, SystemClock())


async def test_a_repeat_gets_the_first_answer_and_has_no_effect(idempotency: Idempotency, db: Database) -> None:
    async def create(session: Session) -> Answer:
        await db.things.insert_one({}, session=session)
        return CREATED

    first = await idempotency.once("POST /v1/things", "key", b"{}", create)
    second = await idempotency.once("POST /v1/things", "key", b"{}", create)

    assert first == CREATED
    assert second == Answer(201, '{"id": 1}', replayed=True)
    assert await db.things.count_documents({}) == 1


async def test_another_request_with_the_same_key_is_refused(idempotency: Idempotency) -> None:
    async def create(_session: Session) -> Answer:
        return CREATED

    await idempotency.once("scope", "key", b"{}", create)

    with pytest.raises(ProblemError) as raised:
        await idempotency.once("scope", "key", b'{"other": 1}', create)

    assert raised.value.problem.status == 422


async def test_the_same_key_elsewhere_is_another_key(idempotency: Idempotency) -> None:
    async def create(_session: Session) -> Answer:
        return CREATED

    await idempotency.once("scope", "key", b"{}", create)

    assert await idempotency.once("another", "key", b"{}", create) == CREATED


async def test_a_failure_is_not_remembered(idempotency: Idempotency, db: Database) -> None:
    async def fail(session: Session) -> Answer:
        await db.things.insert_one({}, session=session)
        raise ProblemError(409, "taken", "Taken.")

    async def create(_session: Session) -> Answer:
        return CREATED

    with pytest.raises(ProblemError):
        await idempotency.once("scope", "key", b"{}", fail)

    assert await idempotency.once("scope", "key", b"{}", create) == CREATED
    assert await db.things.count_documents({}) == 0


async def test_while_the_first_is_under_way_a_second_is_told_so(idempotency: Idempotency) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_session: Session) -> Answer:
        began.set()
        await go_on.wait()
        return CREATED

    first = asyncio.create_task(idempotency.once("scope", "key", b"{}", slow))
    await began.wait()

    with pytest.raises(ProblemError) as raised:
        await idempotency.once("scope", "key", b"{}", slow)
    go_on.set()

    assert raised.value.problem.status == 409
    assert raised.value.headers == {"Retry-After": "1"}
    assert await first == CREATED

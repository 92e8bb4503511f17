"""invite-svc on a real MongoDB and real brokers: who is let in is published, once and in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiokafka import TopicPartition
from pydantic import SecretStr

from ups_devstack.stack import Backing
from ups_invite.adapters.migrations import DATABASE, STEPS
from ups_invite.adapters.mongo import MongoUsers
from ups_invite.app import start
from ups_invite.domain import user as domain
from ups_invite.domain.user import Edit
from ups_invite.settings import Settings
from ups_invite.testing.contract import ACME, NOW, UserStoreContract, a_person
from ups_runtime import codec, mongo
from ups_runtime.kafka import apply_topics, consumer, end_offsets, started, topic_name
from ups_runtime.lifecycle import running
from ups_runtime.logging import get_logger
from ups_runtime.outbox import Outbox
from ups_runtime.settings import HttpSettings, KafkaSettings, LogSettings, MongoSettings, OperatorSettings
from ups_runtime.testing import eventually
from ups_schemas.account import User
from ups_schemas.envelope import CloudEvent
from ups_schemas.topics import USERS

TOKEN = "an operator's token"
PATH = "/v1/operator/users"
ANNA = {"address": "anna@acme.example", "name": "Anna", "company_id": "acme", "company_name": "Acme"}


@dataclass
class World:
    """The topic and the database round the service."""

    kafka: KafkaSettings
    mongo: MongoSettings

    @asynccontextmanager
    async def service(self) -> AsyncIterator[httpx.AsyncClient]:
        settings = Settings(
            self.kafka,
            self.mongo,
            HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
            LogSettings(),
            OperatorSettings(token=SecretStr(TOKEN)),
        )
        async with (
            running("invite-svc", settings, start) as life,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{life.ports[0]}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
            ) as client,
        ):
            await eventually(lambda: not life.health.missing(), within_s=30)
            yield client

    @asynccontextmanager
    async def store(self) -> AsyncIterator[MongoUsers]:
        """The store without a service, hence without a relay: what a killed process leaves behind."""
        async with mongo.client(self.mongo) as client:
            db = mongo.database(client, self.mongo, DATABASE)
            await mongo.migrate(db, STEPS)
            yield MongoUsers(db, Outbox(db))

    async def published(self, count: int) -> list[CloudEvent[User] | None]:
        """What is on `accounts.users` (None for a tombstone) once there is so much; no more comes with it."""

        async def there() -> list[Any] | None:
            records = await self._read()
            return records if len(records) >= count else None

        records = await eventually(there, within_s=20)
        assert records
        assert len(records) == count
        return [codec.decode(record, User) if record.value is not None else None for record in records]

    async def _read(self) -> list[Any]:
        async with started(consumer(self.kafka, None)) as reader:
            partition = TopicPartition(topic_name(self.kafka, USERS), 0)
            reader.assign([partition])
            end = (await end_offsets(reader, [partition]))[partition]
            records: list[Any] = []
            while await reader.position(partition) < end:
                records += (await reader.getmany(timeout_ms=200)).get(partition, [])
            return records


@pytest.fixture
async def world(stack: Backing, prefix: str) -> World:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, [USERS], 1, get_logger("test"))
    return World(kafka, MongoSettings(uri=stack.mongo_uri, database_prefix=prefix))


class TestMongoUsers(UserStoreContract):
    @pytest.fixture
    async def users(self, stack: Backing, prefix: str) -> AsyncIterator[MongoUsers]:
        world = World(KafkaSettings(), MongoSettings(uri=stack.mongo_uri, database_prefix=prefix))
        async with world.store() as store:
            yield store


async def test_who_is_let_in_changed_and_erased_is_published_in_that_order(world: World) -> None:
    async with world.service() as client:
        anna = (await client.post(PATH, json=ANNA)).json()
        await client.patch(f"{PATH}/{anna['user_id']}", json={"zone": "Europe/Berlin"})
        await client.delete(f"{PATH}/{anna['user_id']}")
        published = await world.published(3)

    admitted, changed, erased = published
    assert admitted
    assert changed
    assert (admitted.id, changed.id) == (f"{anna['user_id']}:1", f"{anna['user_id']}:2")
    assert admitted.data.address == "anna@acme.example"
    assert admitted.data.active
    assert (admitted.data.zone, changed.data.zone) == ("UTC", "Europe/Berlin")
    assert erased is None


async def test_an_address_that_many_ask_for_at_once_goes_to_one(world: World) -> None:
    spellings = ["anna@acme.example", "Anna@acme.example", " ANNA@ACME.EXAMPLE ", "anna@Acme.Example"]
    async with world.service() as client, world.service() as other:
        answers = await asyncio.gather(
            *(
                (client, other)[number % 2].post(PATH, json={**ANNA, "address": address})
                for number, address in enumerate(spellings)
            )
        )
        await world.published(1)

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_company_that_many_found_at_once_is_one_and_has_one_founder(world: World) -> None:
    async with world.service() as client:
        answers = await asyncio.gather(
            *(client.post(PATH, json={**ANNA, "address": f"u{number}@acme.example"}) for number in range(5))
        )

    assert sorted(answer.json()["role"] for answer in answers) == ["admin", *["member"] * 4]


async def test_the_same_request_at_once_and_again_lets_in_once(world: World) -> None:
    headers = {"Idempotency-Key": "import-7"}
    async with world.service() as client:
        answers = await asyncio.gather(*(client.post(PATH, json=ANNA, headers=headers) for _ in range(5)))
        again = await client.post(PATH, json=ANNA, headers=headers)
        await world.published(1)

    assert {answer.text for answer in (*answers, again)} == {again.text}
    assert again.status_code == 201


async def test_what_a_killed_process_did_not_publish_is_published_once_and_in_order(world: World) -> None:
    async with world.store() as store:
        await store.add(a_person(), ACME)
        changed = domain.edit(a_person(), Edit(name="Ursula"), NOW)
        assert changed
        await store.save(changed)

    async with world.service():
        first = await world.published(2)
    async with world.service():
        again = await world.published(2)

    assert [event.id for event in again if event] == [event.id for event in first if event] == ["u1:1", "u1:2"]

"""Signing keys on a real MongoDB and real brokers: published before they sign, however many instances make them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from ups_devstack.stack import Backing
from ups_invite.adapters.jose import JoseSigner
from ups_invite.adapters.migrations import DATABASE, STEPS
from ups_invite.adapters.mongo_keys import MongoSigningKeys
from ups_invite.handlers.signing_keys import SigningKeys
from ups_invite.testing.key_contract import KeyStoreContract, a_key
from ups_runtime import codec, mongo
from ups_runtime.access import AccessVerifier, NotSignedIn
from ups_runtime.clock import SystemClock
from ups_runtime.errors import Retryable
from ups_runtime.health import Health
from ups_runtime.kafka import View, apply_topics
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_runtime.outbox import Outbox
from ups_runtime.outbox_relay import OutboxRelay
from ups_runtime.settings import KafkaSettings, MongoSettings
from ups_runtime.testing import eventually
from ups_schemas.account import SigningKey
from ups_schemas.topics import SIGNING_KEYS


class World:
    """Instances on one database, and somebody else who knows the keys from the topic alone."""

    def __init__(self, kafka: KafkaSettings, settings: MongoSettings) -> None:
        self.kafka = kafka
        self.settings = settings
        self.clock = SystemClock()
        self.known: dict[str, SigningKey] = {}

    @asynccontextmanager
    async def instance(self, *, relays: bool = True) -> AsyncIterator[SigningKeys]:
        async with mongo.client(self.settings) as client:
            db = mongo.database(client, self.settings, DATABASE)
            await mongo.migrate(db, STEPS)
            outbox = Outbox(db)
            keys = SigningKeys(
                MongoSigningKeys(db, outbox), JoseSigner(SecretStr("s" * 32)), now=lambda: datetime.now(UTC)
            )
            relay = OutboxRelay(outbox, self.kafka, "invite-svc", self.clock, Metrics("invite-svc"), Health(self.clock))
            parts = [keys.keep(self.clock.sleep), *([relay.run()] if relays else [])]
            tasks = [asyncio.create_task(part) for part in parts]
            try:
                yield keys
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    @asynccontextmanager
    async def verifier(self) -> AsyncIterator[AccessVerifier]:
        def apply(key: bytes, value: bytes | None, _record: Any) -> None:
            self.known.pop(key.decode(), None)
            if value is not None:
                self.known[key.decode()] = codec.parse(value, SigningKey)

        view = View(self.kafka, SIGNING_KEYS, apply)

        async def key_of(key_id: str) -> SigningKey | None:
            if key_id not in self.known:
                await view.read_to_end()
            return self.known.get(key_id)

        async with view:
            yield AccessVerifier(key_of, now=lambda: datetime.now(UTC))


@pytest.fixture
async def world(stack: Backing, prefix: str) -> World:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, [SIGNING_KEYS], 1, get_logger("test"))
    return World(kafka, MongoSettings(uri=stack.mongo_uri, database_prefix=prefix))


class TestMongoSigningKeys(KeyStoreContract):
    @pytest.fixture
    async def store(self, stack: Backing, prefix: str) -> AsyncIterator[MongoSigningKeys]:
        settings = MongoSettings(uri=stack.mongo_uri, database_prefix=prefix)
        async with mongo.client(settings) as client:
            db = mongo.database(client, settings, DATABASE)
            await mongo.migrate(db, STEPS)
            yield MongoSigningKeys(db, Outbox(db))


async def test_a_key_that_comes_while_keys_are_read_is_not_taken_for_published(stack: Backing, prefix: str) -> None:
    settings = MongoSettings(uri=stack.mongo_uri, database_prefix=prefix)
    async with mongo.client(settings) as client:
        db = mongo.database(client, settings, DATABASE)
        await mongo.migrate(db, STEPS)
        store = MongoSigningKeys(db, Outbox(db))

        async def make() -> None:
            for number in range(1, 31):
                await store.add_key(a_key(number))

        making = asyncio.create_task(make())
        while not making.done():
            assert not [key.key_id for key in await store.keys() if key.published]
        await making


async def test_whichever_instance_issues_a_token_others_know_its_key(world: World) -> None:
    async with AsyncExitStack() as stack:
        verifier = await stack.enter_async_context(world.verifier())
        instances = [await stack.enter_async_context(world.instance()) for _ in range(3)]

        for keys in instances:
            await eventually(lambda keys=keys: keys.missing() is None, within_s=30)
            assert await verifier.verify(await keys.issue("anna")) == "anna"

        assert len(world.known) == 2


async def test_nothing_is_signed_with_a_key_that_the_brokers_do_not_have(world: World) -> None:
    async with world.instance(relays=False) as silent:
        await eventually(silent.all, within_s=10)
        with pytest.raises(Retryable):
            await silent.issue("anna")

        async with world.verifier() as verifier, world.instance():
            await eventually(lambda: silent.missing() is None, within_s=30)
            assert await verifier.verify(await silent.issue("anna")) == "anna"


async def test_a_revoked_key_ends_everywhere(world: World) -> None:
    async with world.verifier() as verifier, world.instance() as keys, world.instance(relays=False) as other:
        await eventually(lambda: keys.missing() is None, within_s=30)
        token = await other.issue("anna")
        first = (await keys.all())[0]

        await keys.revoke(first.key_id)

        async def refused() -> bool:
            with pytest.raises(NotSignedIn):
                await verifier.verify(token)
            return True

        await eventually(lambda: world.known.get(first.key_id, first.public()).revoked, within_s=20)
        assert await refused()
        assert await verifier.verify(await other.issue("anna")) == "anna"

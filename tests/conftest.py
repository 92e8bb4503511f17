"""What is round a notifier, for the tests of it in more than one folder; tests of other services have their own."""

from collections.abc import AsyncIterator

import pytest

from ups_devstack.stack import Backing
from ups_notifier.adapters.migrations import DATABASE, STEPS
from ups_notifier.testing.smtp_server import ScriptedServer, scripted_server
from ups_notifier.testing.world import World, world_with
from ups_runtime import mongo
from ups_runtime.settings import KafkaSettings, MongoSettings


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A mail server that does what the test says."""
    async with scripted_server() as scripted:
        yield scripted


@pytest.fixture
async def world(stack: Backing, prefix: str, server: ScriptedServer) -> AsyncIterator[World]:
    """Topics and people of a notifier that hands its mail to `server`."""
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    async with world_with(kafka, MongoSettings(uri=stack.mongo_uri, database_prefix=prefix), server.port) as built:
        yield built


@pytest.fixture
async def database(stack: Backing, prefix: str) -> AsyncIterator[mongo.Database]:
    """The notifier's, migrated."""
    settings = MongoSettings(uri=stack.mongo_uri, database_prefix=prefix)
    async with mongo.client(settings) as client:
        database = mongo.database(client, settings, DATABASE)
        await mongo.migrate(database, STEPS)
        yield database

"""invite-svc on real brokers and a real database: whole, or without its relay as a killed process leaves it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from aiokafka import TopicPartition
from pydantic import SecretStr

from ups_invite.adapters.migrations import DATABASE, STEPS
from ups_invite.adapters.mongo_audit import MongoAudit
from ups_invite.adapters.mongo_book import MongoBook
from ups_invite.adapters.mongo_people import MongoPeople
from ups_invite.adapters.mongo_registrations import MongoRegistrations
from ups_invite.adapters.mongo_resets import MongoResets
from ups_invite.adapters.mongo_sessions import MongoSessions
from ups_invite.app import WRITERS, start
from ups_invite.settings import InviteSettings, Settings
from ups_invite.testing.contract import Stores
from ups_invite.testing.service import OPERATOR_TOKEN
from ups_invite.testing.sign_in_contract import SignInStores
from ups_runtime import codec, mongo
from ups_runtime.kafka import apply_topics, consumer, end_offsets, started, topic_name
from ups_runtime.lifecycle import running
from ups_runtime.logging import get_logger
from ups_runtime.outbox import Outbox
from ups_runtime.settings import (
    HttpSettings,
    KafkaSettings,
    LogSettings,
    MongoSettings,
    OperatorSettings,
    PortalSettings,
)
from ups_runtime.testing import eventually
from ups_schemas.envelope import CloudEvent
from ups_schemas.topics import ACCOUNT_EVENTS, MAIL_REQUESTS, SIGNING_KEYS, USERS, Topic

SECRET = "s" * 32


@dataclass
class AccountWorld:
    """The topic and the database round the service."""

    kafka: KafkaSettings
    mongo: MongoSettings

    def environment(self, ports_file: Path) -> dict[str, str]:
        """What the service is told as a process of its own; it writes there where it listens."""
        return os.environ | {
            "UPS_KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "UPS_KAFKA_PREFIX": self.kafka.prefix,
            "UPS_MONGO_URI": self.mongo.uri.get_secret_value(),
            "UPS_MONGO_DATABASE_PREFIX": self.mongo.database_prefix,
            "UPS_HTTP_HOST": "127.0.0.1",
            "UPS_HTTP_SIDE_HOST": "127.0.0.1",
            "UPS_HTTP_PORT": "0",
            "UPS_HTTP_SIDE_PORT": "0",
            "UPS_HTTP_PORTS_FILE": str(ports_file),
            "UPS_OPERATOR_TOKEN": OPERATOR_TOKEN,
            "UPS_INVITE_SECRET": SECRET,
        }

    async def set_up(self) -> None:
        """Make the topics."""
        topics = [USERS, ACCOUNT_EVENTS, MAIL_REQUESTS, SIGNING_KEYS]
        await apply_topics(self.kafka, topics, 1, get_logger("test"))

    @asynccontextmanager
    async def service(self) -> AsyncIterator[httpx.AsyncClient]:
        """The whole service; its client is the operator's, unless a request says otherwise."""
        settings = Settings(
            self.kafka,
            self.mongo,
            HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
            LogSettings(),
            OperatorSettings(token=SecretStr(OPERATOR_TOKEN)),
            InviteSettings(secret=SecretStr(SECRET)),
            PortalSettings(),
        )
        async with (
            running("invite-svc", settings, start) as life,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{life.ports[0]}",
                headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"},
                timeout=20,
            ) as client,
        ):
            await eventually(lambda: not life.health.missing(), within_s=30)
            yield client

    @asynccontextmanager
    async def stores(self) -> AsyncIterator[Stores]:
        """The store without a service, hence without a relay: what a killed process leaves behind."""
        async with mongo.client(self.mongo) as client:
            db = mongo.database(client, self.mongo, DATABASE)
            await mongo.migrate(db, STEPS)
            yield Stores(MongoBook(db, Outbox(db), *WRITERS), MongoPeople(db))

    @asynccontextmanager
    async def sign_in_stores(self) -> AsyncIterator[SignInStores]:
        """The same, with what sign-in needs."""
        async with mongo.client(self.mongo) as client:
            db = mongo.database(client, self.mongo, DATABASE)
            await mongo.migrate(db, STEPS)
            yield SignInStores(
                MongoBook(db, Outbox(db), *WRITERS),
                MongoPeople(db),
                MongoRegistrations(db),
                MongoSessions(db),
                MongoResets(db),
                MongoAudit(db),
            )

    async def published(self, count: int, topic: Topic = USERS) -> list[CloudEvent[Any] | None]:
        """What is on the topic (None for a tombstone) once there is so much; no more comes with it."""

        async def there() -> list[Any]:
            records = await self._read(topic)
            return records if len(records) >= count else []

        records: list[Any] = await eventually(there, within_s=20)
        assert len(records) == count
        (message,) = topic.messages
        return [codec.decode(record, message) if record.value is not None else None for record in records]

    async def _read(self, topic: Topic) -> list[Any]:
        async with started(consumer(self.kafka, None)) as reader:
            partitions = [TopicPartition(topic_name(self.kafka, topic), number) for number in range(topic.partitions)]
            reader.assign(partitions)
            ends = await end_offsets(reader, partitions)
            records: list[Any] = []
            for partition in partitions:
                while await reader.position(partition) < ends[partition]:
                    records += [each for batch in (await reader.getmany(timeout_ms=200)).values() for each in batch]
            return records

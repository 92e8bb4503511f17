"""What is round a notifier on a real stack: the topics that it reads and writes, and its ledger."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition

from ups_notifier.adapters.ledger_documents import from_document
from ups_notifier.adapters.migrations import DATABASE, DELIVERIES
from ups_notifier.app import start
from ups_notifier.domain.delivery import Delivery
from ups_notifier.settings import MailSettings, NotifierSettings, Settings, SmtpSettings
from ups_notifier.testing import samples
from ups_runtime import codec, mongo
from ups_runtime.clock import SystemClock
from ups_runtime.kafka import apply_topics, consumer, end_offsets, producer, started, topic_name
from ups_runtime.lifecycle import Life, running
from ups_runtime.links import LinkSettings
from ups_runtime.logging import get_logger
from ups_runtime.settings import (
    HttpSettings,
    KafkaSettings,
    LogSettings,
    MongoSettings,
    OperatorSettings,
    PortalSettings,
)
from ups_runtime.testing.topics import read_all
from ups_schemas.decision import Decision, EventDecided
from ups_schemas.envelope import Message
from ups_schemas.event import Phase
from ups_schemas.mail import MailDelivery
from ups_schemas.topics import DEAD_LETTERS, DECISIONS, DEVICES, MAIL_DELIVERIES, MAIL_REQUESTS, USERS, Service, Topic

TOKEN, LINK_KEY = "operator-token-of-the-test", "k" * 32
LETTERS = DEAD_LETTERS[Service.NOTIFIER]


@dataclass
class World:
    """The topics round the service, written and read by the test; its database; a mail server on this machine."""

    kafka: KafkaSettings
    mongo: MongoSettings
    writer: AIOKafkaProducer
    smtp_port: int

    @property
    def settings(self) -> Settings:
        """What the service is started with in the test's own process."""
        return Settings(
            kafka=self.kafka,
            mongo=self.mongo,
            http=HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
            log=LogSettings(),
            operator=OperatorSettings(token=TOKEN),
            portal=PortalSettings(base_url="https://ridethrough.example.com"),
            link=LinkSettings(keys=LINK_KEY),
            smtp=SmtpSettings(host="127.0.0.1", port=self.smtp_port, helo_name="test", command_timeout_s=5),
            mail=MailSettings(event_from="Ridethrough <events@ridethrough.example.com>"),
            notifier=NotifierSettings(retry_first_s=0.2, retry_longest_s=0.5, lease_s=2),
        )

    @property
    def environment(self) -> dict[str, str]:
        """The same for a process of its own, with a shorter lease."""
        return os.environ | {
            "UPS_KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "UPS_KAFKA_PREFIX": self.kafka.prefix,
            "UPS_MONGO_URI": self.mongo.uri.get_secret_value(),
            "UPS_MONGO_DATABASE_PREFIX": self.mongo.database_prefix,
            "UPS_HTTP_HOST": "127.0.0.1",
            "UPS_HTTP_SIDE_HOST": "127.0.0.1",
            "UPS_OPERATOR_TOKEN": TOKEN,
            "UPS_LINK_KEYS": LINK_KEY,
            "UPS_PORTAL_BASE_URL": "https://ridethrough.example.com",
            "UPS_SMTP_HOST": "127.0.0.1",
            "UPS_SMTP_PORT": str(self.smtp_port),
            "UPS_SMTP_HELO_NAME": "test",
            "UPS_MAIL_EVENT_FROM": "Ridethrough <events@ridethrough.example.com>",
            "UPS_NOTIFIER_RETRY_FIRST_S": "0.2",
            "UPS_NOTIFIER_RETRY_LONGEST_S": "0.5",
            "UPS_NOTIFIER_LEASE_S": "1",
        }

    def address(self, user_id: str) -> str:
        """Where a person's mail goes in this test."""
        return f"{self.kafka.prefix}-{user_id[:8]}@example.com"

    async def write(self, topic: Topic, key: str, value: Message | bytes | None) -> None:
        """Write one record."""
        raw = value.model_dump_json().encode() if isinstance(value, Message) else value
        await self.writer.send_and_wait(topic_name(self.kafka, topic), raw, key.encode())

    async def decide(self, *decisions: Decision) -> None:
        """Write decisions as the throttle does."""
        for decision in decisions:
            await self.write(DECISIONS, decision.device_id, decision)

    async def read(self, topic: Topic) -> list[ConsumerRecord]:
        """All committed records of the topic, as of now."""
        return await read_all(self.kafka, topic)

    async def reports(self) -> list[MailDelivery]:
        """What the service has told of its deliveries."""
        return [codec.decode(record, MailDelivery).data for record in await self.read(MAIL_DELIVERIES)]

    async def consumed(self) -> bool:
        """Whether the group has committed all decisions."""
        async with started(consumer(self.kafka, "notifier")) as asker:
            partitions = [
                TopicPartition(topic_name(self.kafka, DECISIONS), number) for number in range(DECISIONS.partitions)
            ]
            asker.assign(partitions)
            ends = await end_offsets(asker, partitions)
            return all([(await asker.committed(each) or 0) >= end for each, end in ends.items()])

    async def rewind(self) -> None:
        """Let the group read all decisions again; nobody may be in it."""
        async with started(consumer(self.kafka, "notifier")) as rewinder:
            name = topic_name(self.kafka, DECISIONS)
            partitions = [TopicPartition(name, number) for number in range(DECISIONS.partitions)]
            rewinder.assign(partitions)
            await rewinder.commit(dict.fromkeys(partitions, 0))

    async def rows(self) -> list[Delivery]:
        """The ledger."""
        async with mongo.client(self.mongo) as client:
            rows = await mongo.database(client, self.mongo, DATABASE)[DELIVERIES].find().to_list()
        return [from_document(row) for row in rows]

    def service(self) -> AbstractAsyncContextManager[Life]:
        """The service in the test's own process."""
        return running(Service.NOTIFIER, self.settings, start)

    @asynccontextmanager
    async def process(
        self, program: Sequence[str] = ("-m", "ups_notifier.app"), **more: str
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """The service as a process of its own; killed at the end, if it still runs."""
        environment = self.environment | more
        child = await asyncio.create_subprocess_exec(sys.executable, *program, env=environment)
        try:
            yield child
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


@asynccontextmanager
async def world_with(kafka: KafkaSettings, mongo_settings: MongoSettings, smtp_port: int) -> AsyncIterator[World]:
    """Topics, and the two people and the device of the samples on them."""
    topics = [DECISIONS, MAIL_REQUESTS, DEVICES, USERS, MAIL_DELIVERIES, LETTERS]
    await apply_topics(kafka, topics, 1, get_logger("test"))
    async with started(producer(kafka, "test")) as writer:
        world = World(kafka, mongo_settings, writer, smtp_port)
        for each in (samples.reader(), samples.reader(samples.CO_WORKER)):
            user = each.user.model_copy(update={"address": world.address(each.user.user_id)})
            await world.write(USERS, user.user_id, user)
        await world.write(DEVICES, samples.DEVICE_ID, samples.reader().device)
        yield world


def outage(number: int = 1, **more: Any) -> EventDecided:  # Any: fields of the decision
    """A decision: the power is away since five seconds."""
    began = SystemClock().now() - timedelta(seconds=5)
    return samples.decided(
        samples.event("ON_BATTERY", at=began, event_id=f"e{number}"),
        opened=(samples.incident("ON_BATTERY", began),),
        device_seq=number,
        notification_id=f"n{number}",
        **more,
    )


def power_back(number: int, earlier: EventDecided) -> EventDecided:
    """A decision: what `earlier` began is over."""
    ended = earlier.opened[0].model_copy(update={"told": earlier.recipients, "told_in": earlier.notification_id})
    return samples.decided(
        samples.event("POWER_RESTORED", Phase.CLEAR, at=SystemClock().now(), event_id=f"e{number}"),
        closed=(ended,),
        device_seq=number,
        notification_id=f"n{number}",
        recipients=earlier.recipients,
    )

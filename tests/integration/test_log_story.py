"""A device's story as it comes over real brokers into the Event Log: mails, conditions, and all of it once more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from pydantic import SecretStr

from ups_device.app import start
from ups_device.settings import DeviceSettings, PolicySettings, Settings
from ups_device.testing.condition_contract import decided
from ups_device.testing.examples import NOW, a_decision, an_event, an_incident
from ups_device.testing.mail_contract import a_delivery
from ups_devstack.stack import Backing
from ups_runtime.kafka import admin, apply_topics, consumer, end_offsets, producer, scoped, started, topic_name
from ups_runtime.lifecycle import running
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
from ups_runtime.testing import eventually
from ups_schemas.account import User
from ups_schemas.envelope import Message
from ups_schemas.event import Phase
from ups_schemas.topics import DECISIONS, EVENTS, MAIL_DELIVERIES, TOPICS, USERS, Service, Topic

TOKEN = "an operator's token"
LOGGED = (EVENTS, DECISIONS, MAIL_DELIVERIES)


@dataclass
class World:
    """The topics and the database round the service."""

    kafka: KafkaSettings
    mongo: MongoSettings
    writer: AIOKafkaProducer

    @asynccontextmanager
    async def service(self) -> AsyncIterator[httpx.AsyncClient]:
        settings = Settings(
            self.kafka,
            self.mongo,
            HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
            LogSettings(),
            OperatorSettings(token=SecretStr(TOKEN)),
            DeviceSettings(),
            PolicySettings(),
            LinkSettings(keys=SecretStr("k" * 32)),
            PortalSettings(),
        )
        async with (
            running("device-svc", settings, start) as life,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{life.ports[0]}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
            ) as client,
        ):
            await eventually(lambda: not life.health.missing(), within_s=30)
            yield client

    async def write(self, topic: Topic, key: str, *messages: Message) -> None:
        for message in messages:
            value = message.model_dump_json().encode()
            await self.writer.send_and_wait(topic_name(self.kafka, topic), value, key.encode())

    async def begin_again(self) -> None:
        """The service's group, which has no members, is to read from offset 0 once more."""
        async with started(consumer(self.kafka, Service.DEVICE_SVC)) as group:
            group.assign(self.places)
            await group.commit(dict.fromkeys(self.places, 0))

    async def is_read(self) -> bool:
        """Whether the group has read all that was written."""
        async with started(consumer(self.kafka, None)) as reader, started(admin(self.kafka)) as client:
            ends = await end_offsets(reader, self.places)
            read = await client.list_consumer_group_offsets(scoped(self.kafka, Service.DEVICE_SVC))
        return all(place in read and read[place].offset >= end for place, end in ends.items() if end)

    @property
    def places(self) -> list[TopicPartition]:
        return [
            TopicPartition(topic_name(self.kafka, topic), number)
            for topic in LOGGED
            for number in range(topic.partitions)
        ]


@pytest.fixture
async def world(stack: Backing, prefix: str) -> AsyncIterator[World]:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, TOPICS, 1, get_logger("test"))
    async with started(producer(kafka, "test")) as writer:
        world = World(kafka, MongoSettings(uri=stack.mongo_uri, database_prefix=prefix), writer)
        anna = User(user_id="anna", version=1, address="anna@acme.example", company_id="acme", changed_at=NOW)
        await world.write(USERS, "anna", anna)
        yield world


async def shown(client: httpx.AsyncClient, device_id: str) -> tuple[Any, Any]:
    """The device's rows and conditions."""
    answers = [await client.get(f"/v1/devices/{device_id}/{what}") for what in ("events", "conditions")]
    rows, conditions = (answer.raise_for_status().json() for answer in answers)
    return rows["events"], conditions["conditions"]


async def test_a_story_is_told_the_same_when_all_of_it_is_read_once_more(world: World) -> None:
    async with world.service() as client:
        device = {"company_id": "acme", "owner": "anna", "name": "Rack 1"}
        device_id = (await client.post("/v1/operator/devices", json=device)).raise_for_status().json()["device_id"]
        raised = an_event(1, device_id=device_id)
        cleared = an_event(9, device_id=device_id, code="POWER_RESTORED", phase=Phase.CLEAR)
        decision = a_decision(raised)
        again = [
            decided(number, an_event(number, device_id=device_id, phase=Phase.REPEAT), confirmed="i-e1")
            for number in range(2, 9)
        ]
        # what became of a mail is known before who was mailed, and a decision before its event
        bounced = {"state": "failed", "reason": "bounced", "smtp_code": None, "at": NOW.replace(hour=13)}
        await world.write(MAIL_DELIVERIES, device_id, a_delivery(decision, **bounced))
        await eventually(world.is_read, within_s=30)
        await world.write(DECISIONS, device_id, decision, *again)
        await world.write(DECISIONS, device_id, decided(9, cleared, closed=(an_incident(raised),)))
        await world.write(EVENTS, device_id, raised, *(each.event for each in again), cleared)
        late = a_delivery(decision, state="deferred", smtp_code=451)
        other = a_delivery(decision, "ben", device_id="unknown", event_id="unknown")
        await world.write(MAIL_DELIVERIES, device_id, late, other)
        await eventually(world.is_read, within_s=30)
        rows, conditions = await shown(client, device_id)
    await world.begin_again()
    assert not await world.is_read()

    async with world.service() as client:
        await eventually(world.is_read, within_s=30)
        once_more = await shown(client, device_id)

    assert once_more == (rows, conditions)
    assert [row["event"]["event_id"] for row in rows] == [f"e{number}" for number in range(9, 0, -1)]
    assert [(mail["user_id"], mail["state"], mail["reason"]) for mail in rows[-1]["mails"]] == [
        ("anna", "failed", "bounced"),
        ("ben", "accepted", None),
    ]
    assert [(each["repeats"], each["end"], each["duration_s"]) for each in conditions] == [(7, "cleared", 8)]
    assert [{**each, "event_id": "e1"} for each in rows[-1]["conditions"]] == conditions

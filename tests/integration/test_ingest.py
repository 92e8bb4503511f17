"""event-ingest on real brokers: an answer means that they have the event, and no answer claims more."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from ups_devstack.stack import Backing
from ups_event_ingest.adapters.device_view import RegistryView
from ups_event_ingest.adapters.kafka import EventPublisher
from ups_event_ingest.app import start
from ups_event_ingest.metrics import IngestMetrics
from ups_event_ingest.settings import IngestSettings, Settings
from ups_event_ingest.testing.contracts import publisher_keeps_its_contract, registry_keeps_its_contract
from ups_event_ingest.testing.examples import device, device_key, example_key, gateway_key
from ups_runtime import codec
from ups_runtime.clock import SystemClock
from ups_runtime.kafka import apply_topics, producer, started, topic_name
from ups_runtime.lifecycle import Life, running
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_runtime.settings import HttpSettings, KafkaSettings, LogSettings, OperatorSettings
from ups_runtime.testing import eventually
from ups_runtime.testing.topics import read_all
from ups_schemas import keys
from ups_schemas.device import DeviceKey, DeviceSnapshot
from ups_schemas.envelope import DeadLetterHeader, DeadLetterReason, milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.ids import ingest_event_id
from ups_schemas.topics import DEAD_LETTERS, DEVICE_KEYS, DEVICES, EVENTS, INGEST, Service, Topic

KEY, GATEWAY = example_key(1), example_key(2)
LETTERS = DEAD_LETTERS[Service.EVENT_INGEST]


class SteeredClock(SystemClock):
    """The machine's clock, set wrong by `ahead`."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class World:
    """The topics round the service, written and read by the test."""

    kafka: KafkaSettings
    writer: AIOKafkaProducer
    clock: SteeredClock = field(default_factory=SteeredClock)

    @property
    def settings(self) -> Settings:
        return Settings(
            self.kafka,
            HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
            LogSettings(),
            OperatorSettings(token=SecretStr("the-operator-token-of-tests")),
            IngestSettings(publish_timeout_s=2),
        )

    async def write(self, topic: Topic, key: str | None, value: bytes | None, **headers: str) -> Any:
        return await self.writer.send_and_wait(
            topic_name(self.kafka, topic),
            value,
            key.encode() if key is not None else None,
            headers=[(name.replace("_", "-"), text.encode()) for name, text in headers.items()],
        )

    async def put_key(self, key_id: str, key: DeviceKey | None) -> None:
        await self.write(DEVICE_KEYS, key_id, key.model_dump_json().encode() if key else None)

    async def put_device(self, device_id: str, device: DeviceSnapshot | None) -> None:
        await self.write(DEVICES, device_id, device.model_dump_json().encode() if device else None)

    async def read(self, topic: Topic) -> list[Any]:
        """All committed records of the topic, as of now."""
        return await read_all(self.kafka, topic)

    async def events(self) -> list[AcceptedEvent]:
        return [codec.decode(record, AcceptedEvent).data for record in await self.read(EVENTS)]

    @asynccontextmanager
    async def service(self) -> AsyncIterator[httpx.AsyncClient]:
        async with running("event-ingest", self.settings, start, clock=self.clock) as life, client_of(life) as client:
            yield client


@asynccontextmanager
async def client_of(life: Life) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.ports[0]}", timeout=30) as client:
        yield client


@pytest.fixture
async def world(stack: Backing, prefix: str) -> AsyncIterator[World]:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, [DEVICE_KEYS, DEVICES, INGEST, EVENTS, LETTERS], 1, get_logger("test"))
    async with started(producer(kafka, "test")) as writer:
        world = World(kafka, writer)
        await world.put_device("dev-1", device())
        await world.put_key(KEY.key_id, device_key(KEY))
        await world.put_key(GATEWAY.key_id, gateway_key(GATEWAY))
        yield world


async def send(client: httpx.AsyncClient, value: object, key: str = KEY.text) -> httpx.Response:
    return await client.post("/v1/events", json=value, headers={"Authorization": f"Bearer {key}"})


async def accepted(client: httpx.AsyncClient, value: object, key: str = KEY.text) -> httpx.Response | None:
    response = await send(client, value, key)
    return response if response.status_code == 202 else None


async def test_the_real_registry_keeps_its_contract(world: World) -> None:
    async with RegistryView(world.kafka, SystemClock()) as registry:
        await registry_keeps_its_contract(registry, world)


async def test_a_device_that_is_passed_on_reports_with_the_key_that_it_has(world: World) -> None:
    async with world.service() as client:
        await eventually(lambda: accepted(client, {"event_id": "before", "code": "ON_BATTERY"}), within_s=30)
        await world.put_device("dev-1", device(version=2, ownership=2, keys_since=1))

        async def in_the_new_ownership() -> bool:
            assert (await send(client, {"event_id": "after", "code": "ON_BATTERY"})).status_code == 202
            return (await world.events())[-1].ownership == 2

        await eventually(in_the_new_ownership, within_s=20)

    events = await world.events()
    assert (events[0].event_id, events[0].ownership) == ("before", 1)


async def test_the_real_publisher_keeps_its_contract(world: World) -> None:
    publisher = EventPublisher(
        lambda: producer(world.kafka, "test-events"),
        topic_name(world.kafka, EVENTS),
        timeout_s=5,
        clock=SystemClock(),
        metrics=IngestMetrics(Metrics("event-ingest")),
    )
    run = asyncio.create_task(publisher.run())
    await eventually(lambda: publisher.missing() is None)

    await publisher_keeps_its_contract(publisher, world.events, SystemClock().now())

    run.cancel()
    await asyncio.wait([run])


async def test_an_accepted_event_is_on_the_topic_under_its_device_and_time(world: World) -> None:
    async with world.service() as client:
        response = await eventually(lambda: accepted(client, {"code": "ON_BATTERY", "event_id": "e-1"}))

        [record] = await world.read(EVENTS)

    event = codec.decode(record, AcceptedEvent)
    assert (record.key, event.subject, event.id, event.type) == (b"dev-1", "dev-1", "e-1", "ups.event.v1")
    assert record.timestamp == milliseconds(event.data.received_at)
    assert response.json()["results"][0]["received_at"] == json.loads(record.value)["received_at"]
    assert (event.data.ownership, event.data.device_version) == (1, 1)


async def test_while_the_broker_is_down_nothing_is_claimed_and_a_resend_arrives(stack: Backing, world: World) -> None:
    async with world.service() as client:
        await eventually(lambda: accepted(client, {"code": "ON_BATTERY", "event_id": "before"}))
        await stack.stop("kafka")
        try:
            responses = [
                await send(client, {"code": "POWER_RESTORED", "event_id": "during"}),
                await send(client, {"code": "POWER_RESTORED"}, example_key(9).text),
            ]
        finally:
            await stack.start("kafka")

        for response in responses:
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) > 0
            assert "accepted" not in response.json()
        await eventually(lambda: accepted(client, {"code": "POWER_RESTORED", "event_id": "during"}), within_s=60)
        there = [event.event_id for event in await world.events()]

    assert there[0] == "before"
    assert set(there) == {"before", "during"}


async def test_before_the_broker_is_there_events_are_put_off_and_readiness_says_why(stack: Backing) -> None:
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1", prefix="nowhere")
    life = Life("event-ingest", SystemClock())
    starting = asyncio.create_task(start(life, World(nowhere, None).settings))
    await eventually(lambda: life.ports)

    async with client_of(life) as client:
        response = await send(client, {"code": "ON_BATTERY"})

    assert response.status_code == 503
    assert set(life.health.missing()) == {"view ups.device-keys.v1", "view ups.devices.v1", "producer"}
    starting.cancel()
    await asyncio.wait([starting])
    await life.tear_down()
    life.failure.cancel()


async def test_a_clock_that_is_ahead_is_said_to_be_and_once_set_right_events_pass(world: World) -> None:
    async with world.service() as client:
        await eventually(lambda: accepted(client, {"code": "ON_BATTERY", "event_id": "before"}))
        world.clock.ahead = timedelta(minutes=10)

        response = await send(client, {"code": "POWER_RESTORED", "event_id": "ahead"})

        assert response.status_code == 503
        assert "clock" in response.json()["detail"]
        world.clock.ahead = timedelta(0)
        await eventually(lambda: accepted(client, {"code": "POWER_RESTORED", "event_id": "after"}))
        assert [event.event_id for event in await world.events()] == ["before", "after"]


async def test_a_key_and_a_device_published_a_moment_ago_are_known(world: World) -> None:
    async with world.service() as client:
        await eventually(lambda: accepted(client, {"code": "STATUS"}))
        for number in range(10, 15):
            key, device_id = example_key(number), f"dev-{number}"
            await world.put_device(device_id, device(device_id))
            await world.put_key(key.key_id, device_key(key, device_id))

            assert (await send(client, {"code": "STATUS"}, key.text)).status_code == 202
            by_gateway = await send(client, {"code": "STATUS", "device_id": device_id}, GATEWAY.text)
            assert by_gateway.status_code == 202


async def test_a_revoked_key_is_turned_away(world: World) -> None:
    async with world.service() as client:
        await eventually(lambda: accepted(client, {"code": "STATUS"}))

        await world.put_key(KEY.key_id, device_key(KEY, revoked=True))

        async def turned_away() -> bool:
            return (await send(client, {"code": "STATUS"})).status_code == 401

        await eventually(turned_away)


async def test_a_key_of_a_former_owner_is_turned_away(world: World) -> None:
    async with world.service() as client:
        await eventually(lambda: accepted(client, {"code": "STATUS"}))

        await world.put_device("dev-1", device(version=2, ownership=2))

        async def turned_away() -> bool:
            return (await send(client, {"code": "STATUS"})).status_code == 401

        await eventually(turned_away)


async def test_no_kind_of_wrong_key_is_told_apart_by_its_time(world: World) -> None:
    revoked, expired, former, removed = (example_key(number) for number in range(30, 34))
    await world.put_key(revoked.key_id, device_key(revoked, revoked=True))
    await world.put_key(expired.key_id, device_key(expired, until=datetime(2026, 1, 2, tzinfo=UTC)))
    await world.put_device("handed-over", device("handed-over", ownership=2))
    await world.put_key(former.key_id, device_key(former, "handed-over"))
    await world.put_key(removed.key_id, device_key(removed, "removed"))
    kinds = {
        "malformed": "nonsense",
        "unknown": example_key(40).text,
        "wrong secret": f"{KEY.text[:-1]}x",
        "revoked": revoked.text,
        "expired": expired.text,
        "former ownership": former.text,
        "removed": removed.text,
    }
    took: dict[str, list[float]] = {kind: [] for kind in kinds}

    async with world.service() as client:
        await eventually(lambda: accepted(client, {"code": "STATUS"}))
        for _ in range(15):
            for kind, key in kinds.items():
                began = time.perf_counter()
                response = await send(client, {"code": "STATUS"}, key)
                took[kind].append(time.perf_counter() - began)
                assert response.status_code == 401

    medians = {kind: statistics.median(times) for kind, times in took.items()}
    # without the reading to the end, the kinds that need none would be ten times as fast
    assert max(medians.values()) < 3 * min(medians.values()), medians


async def test_poison_on_the_ingest_topic_goes_to_the_dead_letters_and_its_neighbours_pass(world: World) -> None:
    def signed(value: bytes, key: keys.NewKey = GATEWAY) -> dict[str, str]:
        return {"ups_key_id": key.key_id, "ups_signature": keys.signature(key.secret_sha256, value)}

    good = json.dumps({"code": "ON_BATTERY", "device_id": "dev-1"}).encode()
    wrong_secret = example_key(2)._replace(secret_sha256="1" * 64)
    poison: dict[bytes, tuple[dict[str, str], DeadLetterReason]] = {
        b'{"code": "ON_BATTERY", "device_id": "dev-1", "seq": 1}': ({}, DeadLetterReason.UNAUTHENTICATED),
        b'{"code": "ON_BATTERY", "device_id": "dev-1", "seq": 2}': (
            signed(b'{"code": "ON_BATTERY", "device_id": "dev-1", "seq": 2}', wrong_secret),
            DeadLetterReason.UNAUTHENTICATED,
        ),
        b'{"code": "ON_BATTERY", "device_id": "dev-1", "seq": 3}': (
            signed(b"another value"),
            DeadLetterReason.UNAUTHENTICATED,
        ),
        b"\xff\x00{": (signed(b"\xff\x00{"), DeadLetterReason.UNDECODABLE),
        b'{"code": "ON_BATTERY"}': (signed(b'{"code": "ON_BATTERY"}'), DeadLetterReason.INVALID),
        b'{"code": 7}': (signed(b'{"code": 7}'), DeadLetterReason.INVALID),
    }
    first = await world.write(INGEST, "gateway", good, **signed(good))
    for value, (headers, _) in poison.items():
        await world.write(INGEST, "gateway", value, **headers)
    last = await world.write(INGEST, "gateway", good, **signed(good))

    async with world.service():
        events = await eventually(lambda: at_least(2, world.events), within_s=30)
        letters = await world.read(LETTERS)

    assert [event.event_id for event in events] == [
        ingest_event_id(INGEST.name, sent.partition, sent.offset) for sent in (first, last)
    ]
    assert [milliseconds(event.received_at) for event in events] == [first.timestamp, last.timestamp]
    assert [(letter.value, dict(letter.headers)[DeadLetterHeader.REASON].decode()) for letter in letters] == [
        (value, reason) for value, (_, reason) in poison.items()
    ]


async def at_least(count: int, read: Callable[[], Any]) -> list[Any] | None:
    found: list[Any] = await read()
    return found if len(found) >= count else None

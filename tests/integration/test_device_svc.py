"""device-svc on a real MongoDB and real brokers: what is answered is published, once and in order."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from ups_device.adapters.migrations import DATABASE, STEPS
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.adapters.mongo_successions import MongoSuccessions
from ups_device.adapters.webhook import signature
from ups_device.app import start
from ups_device.domain import device as domain
from ups_device.domain.company import Company
from ups_device.settings import DeviceSettings, PolicySettings, Settings
from ups_device.testing.examples import (
    NOW,
    a_decision,
    a_disabling,
    a_key,
    a_late_mail,
    a_registration,
    an_enabling,
    an_event,
)
from ups_device.testing.succession_contract import passed
from ups_devstack.services import Installation, Services
from ups_devstack.stack import Backing
from ups_runtime import codec, mongo
from ups_runtime.clock import SystemClock
from ups_runtime.kafka import apply_topics, producer, started, topic_name
from ups_runtime.lifecycle import running
from ups_runtime.links import LinkKind, Links, LinkSettings
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
from ups_runtime.testing.signing import Signer
from ups_runtime.testing.topics import read_all
from ups_schemas.account import Role, User
from ups_schemas.device import DeviceKey, DeviceSnapshot, EnableNotifications, Plan
from ups_schemas.envelope import CloudEvent, DeadLetterHeader, Message
from ups_schemas.keys import parse
from ups_schemas.topics import (
    COMMANDS,
    DEAD_LETTERS,
    DECISIONS,
    DEVICE_KEYS,
    DEVICES,
    EVENTS,
    MAIL_DELIVERIES,
    MAIL_REQUESTS,
    SIGNING_KEYS,
    USERS,
    Service,
    Topic,
)

TOKEN = "an operator's token"
DEVICE = {"company_id": "acme", "owner": "anna", "name": "Rack 1"}
LETTERS = DEAD_LETTERS[Service.DEVICE_SVC]
LOGGED = [EVENTS, DECISIONS, MAIL_DELIVERIES]
TOPICS = [DEVICES, DEVICE_KEYS, COMMANDS, *LOGGED, USERS, SIGNING_KEYS, MAIL_REQUESTS, LETTERS]
LINK_KEY = "k" * 32


def a_configuration(
    kafka: KafkaSettings,
    mongo: MongoSettings,
    policy: PolicySettings | None = None,
    device: DeviceSettings | None = None,
) -> Settings:
    return Settings(
        kafka,
        mongo,
        HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
        LogSettings(),
        OperatorSettings(token=SecretStr(TOKEN)),
        device or DeviceSettings(),
        policy or PolicySettings(),
        LinkSettings(keys=SecretStr(LINK_KEY)),
        PortalSettings(),
    )


def a_person(name: str, company_id: str | None) -> User:
    return User(user_id=name, version=1, address=f"{name}@acme.example", company_id=company_id, changed_at=NOW)


@dataclass
class World:
    """The topics and the database round the service."""

    kafka: KafkaSettings
    mongo: MongoSettings
    writer: AIOKafkaProducer
    policy: PolicySettings = field(default_factory=PolicySettings)
    device: DeviceSettings = field(default_factory=DeviceSettings)

    @asynccontextmanager
    async def service(self) -> AsyncIterator[httpx.AsyncClient]:
        settings = a_configuration(self.kafka, self.mongo, self.policy, self.device)
        async with (
            running("device-svc", settings, start) as life,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{life.ports[0]}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
            ) as client,
        ):
            await eventually(lambda: not life.health.missing(), within_s=30)
            yield client

    @asynccontextmanager
    async def store(self) -> AsyncIterator[MongoDevices]:
        """The store without a service, hence without a relay: what a killed process leaves behind."""
        async with mongo.client(self.mongo) as client:
            db = mongo.database(client, self.mongo, DATABASE)
            await mongo.migrate(db, STEPS)
            yield MongoDevices(db, Outbox(db))

    @asynccontextmanager
    async def successions(self) -> AsyncIterator[MongoSuccessions]:
        """As `store`, for whoever passes devices on."""
        async with mongo.client(self.mongo) as client:
            db = mongo.database(client, self.mongo, DATABASE)
            yield MongoSuccessions(db, Outbox(db))

    async def write(self, topic: Topic, key: str, message: Message | bytes | None) -> None:
        value = message.model_dump_json().encode() if isinstance(message, Message) else message
        await self.writer.send_and_wait(topic_name(self.kafka, topic), value, key.encode())

    async def people(self, **company_by_name: str) -> None:
        for name, company_id in company_by_name.items():
            await self.write(USERS, name, a_person(name, company_id))

    async def admin(self, name: str, since: datetime = NOW) -> None:
        person = User(
            user_id=name,
            version=1,
            address=f"{name}@acme.example",
            company_id="acme",
            role=Role.ADMIN,
            member_since=since,
            changed_at=NOW,
        )
        await self.write(USERS, name, person)

    async def read(self, topic: Topic) -> list[Any]:
        """All committed records of the topic, as of now."""
        return await read_all(self.kafka, topic)

    async def published(self, topic: Topic, count: int) -> list[CloudEvent[Any] | None]:
        """The messages of the topic (None for a tombstone) once there are so many; no more come with them."""

        async def there() -> list[Any] | None:
            records = await self.read(topic)
            return records if len(records) >= count else None

        records = await eventually(there, within_s=20)
        assert records
        assert len(records) == count
        return [codec.decode(record, topic.messages) if record.value is not None else None for record in records]


@pytest.fixture
async def world(stack: Backing, prefix: str) -> AsyncIterator[World]:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, TOPICS, 1, get_logger("test"))
    async with started(producer(kafka, "test")) as writer:
        world = World(kafka, MongoSettings(uri=stack.mongo_uri, database_prefix=prefix), writer)
        await world.people(anna="acme", ben="acme", eve="other")
        yield world


async def register(client: httpx.AsyncClient, **options: Any) -> dict[str, Any]:
    answer = await client.post("/v1/operator/devices", json=DEVICE, **options)
    assert answer.status_code == 201, answer.text
    device: dict[str, Any] = answer.json()
    return device


async def test_a_registered_device_is_published_with_its_key(world: World) -> None:
    async with world.service() as client:
        device = await register(client)
        [snapshot] = await world.published(DEVICES, 1)
        [key] = await world.published(DEVICE_KEYS, 1)

    assert snapshot
    assert isinstance(snapshot.data, DeviceSnapshot)
    assert snapshot.id == f"{device['device_id']}:1"
    assert snapshot.data.device_id == snapshot.subject == device["device_id"]
    assert snapshot.data.subscriptions[0].user_id == "anna"
    assert key
    assert isinstance(key.data, DeviceKey)
    shown = parse(device["key"])
    assert shown
    assert key.data.key_id == shown.key_id
    assert key.data.scope.model_dump()["device_id"] == device["device_id"]


async def test_a_key_is_there_when_it_is_shown_and_revoked_when_that_is_answered(world: World) -> None:
    async with world.service() as client:
        device = await register(client)
        shown = await world.read(DEVICE_KEYS)
        await client.delete(f"/v1/operator/devices/{device['device_id']}/keys/{device['key_id']}")
        ended = await world.read(DEVICE_KEYS)

    assert [codec.decode(record, DEVICE_KEYS.messages).data.revoked for record in (*shown, *ended)] == [
        False,
        False,
        True,
    ]


async def test_somebody_who_came_a_moment_ago_can_own_a_device_and_a_stranger_cannot(world: World) -> None:
    async with world.service() as client:
        stranger = await client.post("/v1/operator/devices", json={**DEVICE, "owner": "carl"})
        foreign = await client.post("/v1/operator/devices", json={**DEVICE, "owner": "eve"})
        await world.people(carl="acme")
        carl = await client.post("/v1/operator/devices", json={**DEVICE, "owner": "carl"})

    assert [answer.status_code for answer in (stranger, foreign, carl)] == [422, 422, 201]
    assert stranger.json()["field"] == foreign.json()["field"] == "owner"


async def test_every_change_is_published_in_order_and_the_last_one_ends_it(world: World) -> None:
    async with world.service() as client:
        device = await register(client)
        path = f"/v1/operator/devices/{device['device_id']}"
        await client.put(f"{path}/plan", json={"name": "standard"})
        await client.put(f"{path}/subscriptions/ben", json={"min_severity": "critical"})
        rotated = (await client.post(f"{path}/keys", json={"grace_s": 0})).json()
        await client.delete(path)
        snapshots = await world.published(DEVICES, 5)
        keys = await world.published(DEVICE_KEYS, 5)

    assert [event.data.version if event else None for event in snapshots] == [1, 2, 3, 4, None]
    assert _steps(keys, device["key_id"]) == [(1, False), (2, False), (3, True)]
    assert _steps(keys, rotated["key_id"]) == [(1, False), (2, True)]


async def test_what_a_killed_process_did_not_publish_is_published_once_and_in_order(world: World) -> None:
    async with world.store() as store:
        change = a_registration()
        await store.add(change, Company("acme"))
        await store.save(domain.rotate(change.device, a_key(2), grace=timedelta(0), now=NOW))

    async with world.service():
        first = await world.published(DEVICES, 2)
    async with world.service():
        again = await world.published(DEVICES, 2)
        keys = await world.published(DEVICE_KEYS, 3)

    assert [event.id for event in again if event] == [event.id for event in first if event] == ["d1:1", "d1:2"]
    assert [event.data.version for event in keys if event and event.data.key_id == a_key(1).key_id] == [1, 2]


async def test_a_kill_at_any_moment_loses_no_device_that_was_answered(
    stack: Backing, prefix: str, world: World, tmp_path: Path
) -> None:
    services = Services(stack, Installation(prefix=prefix), tmp_path, tmp_path)
    child = services[Service.DEVICE_SVC]
    headers = {"Authorization": f"Bearer {services.installation.operator_token}"}
    answered: list[str] = []

    async def register_until_killed(killed: asyncio.Event) -> None:
        async with httpx.AsyncClient(base_url=child.url, headers=headers, timeout=10) as client:
            while not killed.is_set():
                with suppress(httpx.TransportError):
                    answer = await client.post("/v1/operator/devices", json=DEVICE)
                    # what was killed in a transaction holds its rows for up to a minute
                    assert answer.status_code in {201, 503}, answer.text
                    if answer.status_code == 201:
                        answered.append(answer.json()["device_id"])

    for kill_after in (5, 12):
        await asyncio.to_thread(child.start)
        before = len(answered)
        killed = asyncio.Event()
        async with asyncio.TaskGroup() as writing:
            writing.create_task(register_until_killed(killed))
            await eventually(lambda: len(answered) - before >= kill_after, within_s=120)  # noqa: B023 - awaited here
            await asyncio.to_thread(child.kill)
            killed.set()
    await asyncio.to_thread(child.start)

    async def published() -> tuple[set[str], set[str], set[str]]:
        snapshots = [codec.decode(record, DeviceSnapshot) for record in await world.read(DEVICES)]
        keys = [codec.decode(record, DeviceKey).data for record in await world.read(DEVICE_KEYS)]
        return (
            {event.id for event in snapshots},
            {event.data.device_id for event in snapshots},
            {key.scope.model_dump()["device_id"] for key in keys},
        )

    async def all_of_them() -> bool:
        _, devices, keyed = await published()
        return devices >= set(answered) and keyed >= set(answered)

    await eventually(all_of_them, within_s=30)
    ids, devices, _ = await published()
    await asyncio.to_thread(child.stop)
    assert len(answered) >= 17
    assert ids == {f"{device}:1" for device in devices}


async def test_what_is_registered_while_kafka_is_away_is_published_later_and_without_mongodb_nothing_is(
    stack: Backing, world: World
) -> None:
    async with world.service() as client:
        await stack.kill("kafka")
        device = await register(client)
        await stack.start("kafka")
        [snapshot] = await world.published(DEVICES, 1)

        await stack.kill("mongo")
        refused = await client.post("/v1/operator/devices", json=DEVICE)
        await stack.start("mongo")
        again = await eventually(lambda: _registered(client), within_s=30)

    assert snapshot
    assert snapshot.data.device_id == device["device_id"]
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert again


async def test_of_two_writers_at_once_each_change_is_made_once(world: World) -> None:
    async with world.service() as client, world.service() as other:
        device = await register(client)
        path = f"/v1/operator/devices/{device['device_id']}"

        plans = [{"name": "standard", "until": f"203{number}-01-01T00:00:00Z"} for number in range(6)]

        answers = await asyncio.gather(
            *(writer.put(f"{path}/plan", json=plan) for writer, plan in zip((client, other) * 3, plans, strict=True))
        )
        won = [answer for answer in answers if answer.status_code == 200]
        snapshots = await world.published(DEVICES, 1 + len(won))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert won
    assert [event.data.version for event in snapshots if event] == list(range(1, len(won) + 2))
    assert sorted(answer.json()["version"] for answer in won) == list(range(2, len(won) + 2))


async def test_a_signed_purchase_that_two_processes_hear_at_once_is_made_once(world: World) -> None:
    secret = b"s" * 32
    world.device = DeviceSettings(purchase_secrets=SecretStr(f"whsec_{base64.b64encode(secret).decode()}"))
    async with world.service() as client, world.service() as other:
        device = await register(client)
        bought = {"purchase_id": "order-17", "device_id": device["device_id"], "plan": "standard", "days": 30}
        body = json.dumps({"type": "purchase.completed", "data": bought}).encode()
        timestamp = str(int(SystemClock().now().timestamp()))
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(secret, "msg_1", timestamp, body),
        }
        answers = await asyncio.gather(
            *(each.post("/v1/webhooks/purchases", content=body, headers=headers) for each in (client, other) * 3)
        )
        forged = await other.post("/v1/webhooks/purchases", content=body + b" ", headers=headers)
        snapshots = await world.published(DEVICES, 2)

    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert len({answer.text for answer in answers}) == 1
    assert forged.status_code == 401
    assert [each.data.plan.name for each in snapshots if each] == ["advanced", "standard"]


async def test_owners_are_told_once_before_plans_end_and_not_of_what_was_bought_meanwhile(world: World) -> None:
    """By two processes at once, and by the next two."""
    now = SystemClock().now()

    async def ends_in(days: int, number: int, owner: str) -> datetime:
        registered = a_registration(number, owner=owner)
        plan = Plan(name="standard", until=now + timedelta(days=days))
        change = domain.set_plan(registered.device, plan, now - timedelta(days=300))
        assert change
        async with world.store() as store:
            await store.add(registered, Company("acme"))
            await store.save(change)
        return now + timedelta(days=days)

    end = await ends_in(30, 1, "anna")
    await ends_in(100, 2, "anna")
    await ends_in(30, 3, "anna")

    async with world.service() as client, world.service():
        [first] = await world.published(MAIL_REQUESTS, 1)
        order = {"purchase_id": "order-17", "device_id": "d1", "plan": "standard", "days": 365}
        bought = [(await client.post("/v1/operator/purchases", json=order)).json() for _ in range(2)]
        snapshots = await world.published(DEVICES, 7)
    await ends_in(7, 4, "ben")
    async with world.service(), world.service():
        [_, second] = await world.published(MAIL_REQUESTS, 2)

    told = [(each.data.recipient_id, [plan.name for plan in each.data.plans]) for each in (first, second) if each]
    assert told == [("anna", ["Rack 1", "Rack 3"]), ("ben", ["Rack 4"])]
    assert bought[0] == bought[1]
    # the throttle has it with the answer
    ends = [each.data.plan.until for each in snapshots if each and each.data.device_id == "d1"]
    assert ends[-1] == end + timedelta(days=365)


async def test_devices_of_who_is_erased_pass_to_the_admin_of_longest_standing_who_is_told_once(world: World) -> None:
    await world.admin("dora", NOW + timedelta(days=1))
    await world.admin("ed", NOW)
    async with world.service() as client, world.service():
        device_ids = {(await register(client))["device_id"] for _ in range(3)}
        await world.write(USERS, "anna", None)
        snapshots = await world.published(DEVICES, 6)
        [mail] = await world.published(MAIL_REQUESTS, 1)
        keys = await world.published(DEVICE_KEYS, 3)

    after = [event.data for event in snapshots if event and event.data.version == 2]
    assert {each.device_id for each in after} == device_ids
    assert {(each.owner, each.ownership, each.keys_since) for each in after} == {("ed", 2, 1)}
    assert {each.user_id for snapshot in after for each in snapshot.subscriptions} == {"ed"}
    assert mail
    assert (mail.data.kind, mail.data.recipient_id, mail.data.address) == ("ownership_passed", "ed", "ed@acme.example")
    assert mail.data.parameters == {"devices": 3, "device_names": "Rack 1, Rack 1, Rack 1"}
    assert [event.data.version for event in keys if event] == [1, 1, 1]


async def test_a_hand_over_that_a_kill_cut_is_finished_at_the_next_start_and_told_once(world: World) -> None:
    await world.admin("dora")
    async with world.store() as store:
        for number in (1, 2, 3):
            await store.add(a_registration(number, owner="gone"), Company("acme"))
        [second] = passed([a_registration(2, owner="gone").device])
        async with world.successions() as successions:
            await successions.pass_on([second], [])

    async with world.service():
        await world.published(DEVICES, 6)
        await world.published(MAIL_REQUESTS, 1)
    async with world.service():
        snapshots = await world.published(DEVICES, 6)
        [mail] = await world.published(MAIL_REQUESTS, 1)

    assert {event.data.owner for event in snapshots if event and event.data.version == 2} == {"dora"}
    assert mail
    assert mail.data.parameters["devices"] == 3


async def test_of_hand_overs_or_a_removal_at_once_one_is_made_and_the_other_is_told(world: World) -> None:
    signer = Signer(SystemClock().now())
    await world.write(SIGNING_KEYS, signer.key_id, signer.published)
    await world.people(ben="acme", cem="acme")
    async with world.service() as client, world.service() as other:
        anna = {"Authorization": f"Bearer {signer.issue('anna', SystemClock().now())}"}
        to, wins = itertools.cycle(("ben", "cem")), []
        for _ in range(3):
            contested, removed = [f"/v1/devices/{(await register(client))['device_id']}" for _ in range(2)]
            hand_overs = [
                process.post(f"{path}/hand-over", json={"to": next(to)}, headers=anna)
                for process, path in ((client, contested), (other, contested), (client, removed))
            ]
            answers = await asyncio.gather(*hand_overs, other.delete(removed, headers=anna))
            assert {answer.status_code for answer in answers if answer.is_error} <= {403, 404, 409}
            wins += [[answer.is_success for answer in answers[:2]], [answer.is_success for answer in answers[2:]]]
        await world.published(DEVICES, 12)
        handed_over = [won for number, won in enumerate(wins) if number % 2 == 0 or won == [True, False]]
        await world.published(MAIL_REQUESTS, len(handed_over))

    assert [sum(won) for won in wins] == [1] * 6


async def test_who_left_gets_no_device_and_what_they_got_before_passes_on(world: World) -> None:
    await world.admin("dora")
    await world.people(ben="acme", cem="acme")
    async with world.service() as client:
        path = f"/v1/devices/{(await register(client))['device_id']}/hand-over"
        handed_over = await client.post(path, json={"to": "ben"})
        await world.people(ben=None, cem=None)
        refused = await client.post(path, json={"to": "cem"})
        snapshots = await world.published(DEVICES, 3)
        mails = await world.published(MAIL_REQUESTS, 2)

    assert (handed_over.status_code, refused.status_code) == (200, 422)
    assert refused.json()["type"] == "urn:ridethrough:problem:unknown-user"
    owners = [(event.data.owner, event.data.ownership) for event in snapshots if event]
    assert owners == [("anna", 1), ("ben", 2), ("dora", 3)]
    assert {mail.data.recipient_id for mail in mails if mail} == {"ben", "dora"}


async def test_the_same_request_at_once_and_again_registers_one_device(world: World) -> None:
    headers = {"Idempotency-Key": "import-7"}
    async with world.service() as client:
        answers = await asyncio.gather(*(register(client, headers=headers) for _ in range(5)))
        again = await register(client, headers=headers)
        other = await client.post("/v1/operator/devices", json={**DEVICE, "name": "Rack 2"}, headers=headers)
        await world.published(DEVICES, 1)

    assert {answer["device_id"] for answer in (*answers, again)} == {again["device_id"]}
    assert sum(answer["key"] is not None for answer in answers) == 1
    assert again["key"] is None
    assert other.json()["type"] == "urn:ridethrough:problem:idempotency-key-reused"


async def test_a_policy_reaches_the_companys_devices_and_a_new_default_all_others_at_the_next_start(
    world: World,
) -> None:
    async with world.service() as client:
        device = await register(client)
        refused = await client.put("/v1/operator/companies/acme/policy", json={"limit": 61})
        answer = await client.put("/v1/operator/companies/acme/policy", json={"limit": 2})
    async with replace(world, policy=PolicySettings(window_s=60)).service() as client:
        shown = (await client.get(f"/v1/operator/devices/{device['device_id']}")).json()
        snapshots = await world.published(DEVICES, 3)

    assert refused.status_code == 422
    assert "60" in refused.json()["detail"]
    assert answer.json()["changed_devices"] == 1
    assert shown["policy"] == {"limit": 2, "window_s": 60, "period_s": 604_800}
    policies = [event.data.policy for event in snapshots if event]
    assert [(policy.limit, policy.window_s) for policy in policies] == [(6, 1800), (2, 1800), (2, 60)]


async def test_a_policy_is_published_when_it_is_answered(world: World) -> None:
    async with world.service() as client, mongo.client(world.mongo) as database:
        await register(client)
        rows = mongo.database(database, world.mongo, DATABASE)["outbox"]
        waiting = []
        for limit in range(1, 6):
            await client.put("/v1/operator/companies/acme/policy", json={"limit": limit})
            waiting.append(await rows.count_documents({"pending": True}))
        written = await rows.count_documents({"topic": DEVICES.name})

    assert waiting == [0] * 5
    assert written == 6


async def test_what_comes_in_is_in_the_log_and_a_poison_record_is_in_the_dead_letters(world: World) -> None:
    async with world.service() as client:
        device_id = (await register(client))["device_id"]
        events = [an_event(number, device_id=device_id) for number in range(20)]
        for event in events:
            await world.write(EVENTS, device_id, event)
            await world.write(DECISIONS, device_id, a_decision(event))
            await world.write(EVENTS, device_id, event)
        await world.write(EVENTS, device_id, b"\xff\x00 no event")
        await world.write(DECISIONS, device_id, b'{"type": "ups.event-decided.v1"}')
        late = an_event(20, device_id=device_id)
        await world.write(EVENTS, device_id, late)
        await world.write(DECISIONS, device_id, a_decision(late))
        await world.write(DECISIONS, device_id, a_late_mail(late))
        await world.write(EVENTS, device_id, an_event(21, device_id=device_id, code="STATUS"))

        async def logged() -> list[dict[str, Any]] | None:
            page = (await client.get(f"/v1/devices/{device_id}/events")).json()
            rows: list[dict[str, Any]] = page["events"]
            done = len(rows) == 21 and all(row["decision"] for row in rows) and rows[0]["late_mail"]
            return rows if done else None

        rows = await eventually(logged, within_s=20)
        seen = await eventually(lambda: _last_seen(client, device_id, "2026-11-22T12:00:21.000Z"), within_s=10)
        letters = await eventually(lambda: _at_least(world, LETTERS, 2), within_s=10)

    assert rows
    assert seen
    assert letters
    assert [row["event"]["event_id"] for row in rows] == [f"e{number}" for number in range(20, -1, -1)]
    headers = [dict(letter.headers) for letter in letters]
    assert {header[DeadLetterHeader.REASON] for header in headers} == {b"undecodable", b"invalid"}
    assert b"\xff\x00 no event" in {letter.value for letter in letters}


async def test_what_comes_in_is_told_to_who_follows_until_the_process_ends(world: World) -> None:
    said: list[str] = []

    async def follow(service: httpx.AsyncClient) -> None:
        async with (
            httpx.AsyncClient(base_url=service.base_url, headers=service.headers, timeout=60) as client,
            client.stream("GET", "/v1/stream", params={"company_id": "acme"}) as answer,
        ):
            async for line in answer.aiter_lines():
                said.append(line)  # noqa: PERF401 - what was said so far is looked at meanwhile

    async with world.service() as client:
        device = await register(client)
        following = asyncio.create_task(follow(client))
        await eventually(lambda: said)
        event = an_event(1, device_id=device["device_id"])
        await world.write(EVENTS, event.device_id, event)
        await world.write(DECISIONS, event.device_id, a_decision(event))
        await eventually(lambda: any('"outcome":"notify"' in line for line in said), within_s=60)

    async with asyncio.timeout(10):
        await following
    assert {line for line in said if line.startswith("event")} == {"event: row", "event: device"}


async def test_a_disabled_device_is_enabled_by_one_order(world: World) -> None:
    async with world.service() as client:
        device_id = (await register(client))["device_id"]
        path = f"/v1/devices/{device_id}/notifications"
        told = a_disabling(since=SystemClock().now()).model_copy(update={"device_id": device_id})
        await world.write(DECISIONS, device_id, told)
        await eventually(lambda: _state(client, path, "disabled"), within_s=20)

        answers = await asyncio.gather(*(client.post(f"{path}/enable") for _ in range(4)))
        enabling = (await client.get(path)).json()
        [command] = await world.published(COMMANDS, 1)
        await world.write(DECISIONS, device_id, an_enabling(told))
        await eventually(lambda: _state(client, path, "enabled"), within_s=20)
        after = await client.post(f"{path}/enable")

    assert sorted(answer.json()["answer"] for answer in answers) == ["already_requested"] * 3 + ["requested"]
    assert enabling["state"] == "enabling"
    assert command
    assert isinstance(command.data, EnableNotifications)
    assert (command.data.period_id, command.data.actor.kind) == (told.period_id, "operator")
    assert after.json()["answer"] == "already_enabled"


async def test_who_signed_in_is_known_without_anybody_being_asked_and_unknown_at_once_when_removed(
    world: World,
) -> None:
    signer = Signer(SystemClock().now())
    async with world.service() as client:
        await world.write(SIGNING_KEYS, signer.key_id, signer.published)
        anna = {"Authorization": f"Bearer {signer.issue('anna', SystemClock().now())}"}

        # the key is younger than what the service had read when the request came
        registered = await client.post("/v1/devices", json={"name": "Rack 1"}, headers=anna)
        seen = await client.get(f"/v1/devices/{registered.json()['device_id']}", headers=anna)
        await world.people(anna="other")
        await eventually(lambda: _status(client, anna, 200, devices=0), within_s=10)
        moved = await client.get(f"/v1/devices/{registered.json()['device_id']}", headers=anna)
        await world.write(USERS, "anna", None)
        await eventually(lambda: _status(client, anna, 401), within_s=10)

    assert (registered.status_code, seen.status_code, moved.status_code) == (201, 200, 404)
    assert registered.json()["owner"] == "anna"


async def test_who_joined_a_company_a_moment_ago_is_let_in(world: World) -> None:
    signer = Signer(SystemClock().now())
    await world.write(SIGNING_KEYS, signer.key_id, signer.published)
    async with world.service() as client:
        ben = {"Authorization": f"Bearer {signer.issue('ben', SystemClock().now())}"}
        for company_id in (None, "other"):
            await world.write(USERS, "ben", a_person("ben", company_id))
            answer = await client.get("/v1/devices", headers=ben)

    assert answer.status_code == 200


async def test_a_revoked_key_lets_nobody_in(world: World) -> None:
    signer = Signer(SystemClock().now())
    await world.write(SIGNING_KEYS, signer.key_id, signer.published)
    async with world.service() as client:
        anna = {"Authorization": f"Bearer {signer.issue('anna', SystemClock().now())}"}
        before = await client.get("/v1/devices", headers=anna)
        await world.write(SIGNING_KEYS, signer.key_id, signer.published.model_copy(update={"revoked": True}))
        await eventually(lambda: _status(client, anna, 401), within_s=10)

    assert before.status_code == 200


async def test_it_is_not_ready_before_it_knows_keys_and_people(stack: Backing, prefix: str) -> None:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, [topic for topic in TOPICS if topic is not SIGNING_KEYS], 1, get_logger("test"))
    settings = a_configuration(kafka, MongoSettings(uri=stack.mongo_uri, database_prefix=prefix))
    async with running("device-svc", settings, start) as life:
        await eventually(lambda: list(life.health.missing()) == [f"view {SIGNING_KEYS.name}"], within_s=30)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.ports[0]}", timeout=30) as client:
            signer = Signer(SystemClock().now())
            token = signer.issue("anna", SystemClock().now())
            early = await client.get("/v1/devices", headers={"Authorization": f"Bearer {token}"})
        await apply_topics(kafka, [SIGNING_KEYS], 1, get_logger("test"))
        await eventually(lambda: not life.health.missing(), within_s=30)

    assert early.status_code == 503


async def test_of_clicks_at_once_in_two_processes_one_is_confirmed_and_all_devices_are_silent(world: World) -> None:
    async with world.service() as client, world.service() as other:
        device_ids = [(await register(client))["device_id"] for _ in range(3)]
        body = {"token": _unsubscribe_token(device_ids[0]), "scope": "company"}

        answers = await asyncio.gather(
            *(process.post("/v1/links/unsubscribe", json=body) for process in (client, other) * 3)
        )
        snapshots = await world.published(DEVICES, 6)
        [mail] = await world.published(MAIL_REQUESTS, 1)

    results = sorted(answer.json()["result"] for answer in answers)
    assert results == ["already_unsubscribed"] * 5 + ["unsubscribed"]
    assert [event.data.subscriptions[0].on for event in snapshots if event and event.data.version == 2] == [False] * 3
    assert mail
    assert (mail.data.recipient_id, mail.data.address) == ("anna", "anna@acme.example")
    assert mail.id == mail.data.request_id


async def test_a_click_that_was_kept_when_the_process_was_killed_is_in_every_device_and_confirmed_once(
    stack: Backing, prefix: str, world: World, tmp_path: Path
) -> None:
    installation = Installation(prefix=prefix, link_key=LINK_KEY)
    child = Services(stack, installation, tmp_path, tmp_path)[Service.DEVICE_SVC]
    body = {"token": _unsubscribe_token("d1"), "scope": "all"}
    async with mongo.client(MongoSettings(uri=stack.mongo_uri)) as database:
        db = database[f"{prefix}_{DATABASE}"]
        await mongo.migrate(db, STEPS)
        store = MongoDevices(db, Outbox(db))
        for number in range(1, 201):
            await store.add(a_registration(number), Company("acme"))
        await asyncio.to_thread(child.start)
        async with httpx.AsyncClient(base_url=child.url, timeout=20) as client:
            clicking = asyncio.create_task(client.post("/v1/links/unsubscribe", json=body))
            await eventually(lambda: db.preferences.find_one({"_id": "anna", "version": 1}), every_s=0.001)
            await asyncio.to_thread(child.kill)
            with suppress(httpx.TransportError):
                await clicking
    await asyncio.to_thread(child.start)

    async def all_silent() -> bool:
        records = await world.read(DEVICES)
        snapshots = [codec.decode(record, DeviceSnapshot).data for record in records]
        return len({each.device_id for each in snapshots if not each.subscriptions[0].on}) == 200

    await eventually(all_silent, within_s=30)
    [mail] = await world.published(MAIL_REQUESTS, 1)
    async with httpx.AsyncClient(base_url=child.url, timeout=20) as client:
        again = await client.post("/v1/links/unsubscribe", json=body)
    await asyncio.to_thread(child.stop)
    assert mail
    assert mail.data.parameters["scope"] == "all"
    assert again.json()["result"] == "already_unsubscribed"


def _unsubscribe_token(device_id: str) -> str:
    claims = {"user": "anna", "company": "acme", "device": device_id, "ownership": 1}
    return Links((LINK_KEY,), "http://x").mint(LinkKind.UNSUBSCRIBE, **claims).rpartition("/")[2]


async def _registered(client: httpx.AsyncClient) -> bool:
    return (await client.post("/v1/operator/devices", json=DEVICE)).status_code == 201


def _steps(keys: list[CloudEvent[Any] | None], key_id: str) -> list[tuple[int, bool]]:
    return [(event.data.version, event.data.revoked) for event in keys if event and event.data.key_id == key_id]


async def _at_least(world: World, topic: Topic, count: int) -> list[Any] | None:
    records = await world.read(topic)
    return records if len(records) >= count else None


async def _last_seen(client: httpx.AsyncClient, device_id: str, expected: str) -> bool:
    device = (await client.get(f"/v1/operator/devices/{device_id}")).json()
    return bool(device["last_seen"] == expected)


async def _state(client: httpx.AsyncClient, path: str, expected: str) -> bool:
    return bool((await client.get(path)).json()["state"] == expected)


async def _status(client: httpx.AsyncClient, headers: dict[str, str], status: int, devices: int | None = None) -> bool:
    answer = await client.get("/v1/devices", headers=headers)
    return answer.status_code == status and (devices is None or len(answer.json()["devices"]) == devices)

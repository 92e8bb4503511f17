"""The portal's client of device-svc on the real device-svc: what pages count on, and what their fake keeps."""

import uuid
from dataclasses import dataclass, replace

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from ups_device.adapters.migrations import DATABASE
from ups_device.adapters.mongo_devices import MongoDevices
from ups_device.app import start
from ups_device.domain import device as devices
from ups_device.settings import DeviceSettings, PolicySettings, Settings
from ups_device.testing.examples import a_disabling, an_enabling
from ups_devstack.sweep import sweep
from ups_portal.adapters.backend import connected
from ups_portal.adapters.device_svc import DeviceSvc
from ups_portal.domain.link import LinkKind, Notifications
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.contract import LinksContract
from ups_runtime import links, mongo
from ups_runtime.clock import SystemClock
from ups_runtime.kafka import apply_topics, producer, started, topic_name
from ups_runtime.lifecycle import running
from ups_runtime.links import LinkSettings
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
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
from ups_schemas.account import User
from ups_schemas.topics import DECISIONS, TOPICS, USERS

TOKEN = "an operator's token"
KEY = "k" * 32


@dataclass
class Installation:
    kafka: KafkaSettings
    mongo: MongoSettings
    writer: object
    operator: httpx.AsyncClient
    links: DeviceSvc

    async def write(self, topic, key, message):
        value = message.model_dump_json().encode()
        await self.writer.send_and_wait(topic_name(self.kafka, topic), value, key.encode())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def installation(stack):
    prefix = f"t{uuid.uuid4().hex[:10]}"
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    database = MongoSettings(uri=stack.mongo_uri, database_prefix=prefix)
    await apply_topics(kafka, TOPICS, 1, get_logger("test"))
    settings = Settings(
        kafka,
        database,
        HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
        LogSettings(),
        OperatorSettings(token=SecretStr(TOKEN)),
        DeviceSettings(),
        PolicySettings(),
        LinkSettings(keys=SecretStr(KEY)),
        PortalSettings(),
    )
    async with started(producer(kafka, "test")) as writer, running("device-svc", settings, start) as life:
        await eventually(lambda: not life.health.missing(), within_s=60)
        url = f"http://127.0.0.1:{life.ports[0]}"
        operator = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        counted = PortalMetrics(Metrics("portal")).device_svc
        async with operator, connected("device-svc", url, counted, answer_within_s=30) as backend:
            yield Installation(kafka, database, writer, operator, DeviceSvc(backend))
    sweep(stack, prefix)


@dataclass
class RealWorld:
    installation: Installation
    user_id: str
    company_id: str
    device_id: str
    told: object

    @property
    def links(self):
        return self.installation.links

    def token(self, kind):
        about = {
            LinkKind.ENABLE: {"ownership": 1, "period": self.told.period_id},
            LinkKind.UNSUBSCRIBE: {"company": self.company_id, "ownership": 1},
            LinkKind.RESUBSCRIBE: {"company": self.company_id, "ownership": 1, "scope": "company"},
            LinkKind.WHY: {"mail": "event"},
        }[kind]
        minted = links.Links((KEY,), "http://x").mint(
            links.LinkKind(kind), user=self.user_id, device=self.device_id, **about
        )
        return minted.rpartition("/")[2]

    async def hand_over(self):
        async with mongo.client(self.installation.mongo) as client:
            db = mongo.database(client, self.installation.mongo, DATABASE)
            store = MongoDevices(db, Outbox(db))
            change = devices.republish(await store.find(self.device_id), SystemClock().now())
            theirs = {"ownership": 2, "owner": "somebody-else"}
            handed = replace(change.device, snapshot=change.device.snapshot.model_copy(update=theirs))
            await store.save(replace(change, device=handed))

    async def confirm(self):
        await self.installation.write(DECISIONS, self.device_id, an_enabling(self.told))
        await self.seen(Notifications.ENABLED)

    async def seen(self, wanted):
        async def there():
            answer = await self.installation.operator.get(f"/v1/devices/{self.device_id}/notifications")
            return answer.json()["state"] == wanted

        await eventually(there, within_s=30)


@pytest.mark.asyncio(loop_scope="module")
class TestDeviceSvcKeepsTheContract(LinksContract):
    @pytest_asyncio.fixture(loop_scope="module")
    async def world(self, installation):
        user_id, company_id = uuid.uuid4().hex, uuid.uuid4().hex
        now = SystemClock().now()
        person = User(
            user_id=user_id, version=1, address=f"{user_id}@acme.example", company_id=company_id, changed_at=now
        )
        await installation.write(USERS, user_id, person)
        body = {"company_id": company_id, "owner": user_id, "name": "Rack 1", "site": "Cellar"}

        async def registered():
            answer = await installation.operator.post("/v1/operator/devices", json=body)
            return answer if answer.status_code == 201 else None

        device_id = (await eventually(registered, within_s=30)).json()["device_id"]
        told = a_disabling(since=now).model_copy(
            update={"device_id": device_id, "company_id": company_id, "owner": user_id, "period_id": uuid.uuid4().hex}
        )
        await installation.write(DECISIONS, device_id, told)
        world = RealWorld(installation, user_id, company_id, device_id, told)
        await world.seen(Notifications.DISABLED)
        return world


def test_the_portal_knows_every_kind_of_link_that_mails_have():
    assert set(LinkKind) == set(links.LinkKind)

"""*I get no e-mail* on real brokers and a real database: what stops mail is said, and no longer than it does."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from ups_device.app import start
from ups_device.settings import DeviceSettings, PolicySettings, Settings
from ups_device.testing.examples import a_decision, a_disabling, an_enabling, an_event
from ups_device.testing.mail_contract import a_delivery
from ups_devstack.stack import Backing
from ups_runtime.kafka import apply_topics, producer, started, topic_name
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
from ups_schemas.decision import EnabledBy
from ups_schemas.envelope import Message
from ups_schemas.ids import period_id
from ups_schemas.topics import DECISIONS, MAIL_DELIVERIES, TOPICS, USERS, Topic

TOKEN = "an operator's token"
SUPPORT = "ask@acme.example"
ALL_ON = {"all_off": False, "companies_off": []}


@dataclass
class World:
    """device-svc, and what others write for it. Rack 1 is anna's, who wants all of it, also when she is asked last."""

    kafka: KafkaSettings
    writer: AIOKafkaProducer
    client: httpx.AsyncClient
    device_id: str = ""

    async def write(self, topic: Topic, key: str, message: Message) -> None:
        value = message.model_dump_json().encode()
        await self.writer.send_and_wait(topic_name(self.kafka, topic), value, key.encode())

    async def person(self, user_id: str, version: int = 1, **fields: Any) -> None:
        person = {"company_id": "acme", "address": f"{user_id}@acme.example", "changed_at": datetime.now(UTC)}
        await self.write(USERS, user_id, User(user_id=user_id, version=version, **(person | fields)))

    async def decided(self, decision: Message) -> None:
        """What the throttle says of the device."""
        await self.write(DECISIONS, self.device_id, decision.model_copy(update={"device_id": self.device_id}))

    async def put(self, path: str, body: dict[str, Any]) -> None:
        (await self.client.put(path.format(self.device_id), json=body)).raise_for_status()

    async def why(self, user_id: str = "anna") -> dict[str, Any]:
        asked = await self.client.get(f"/v1/devices/{self.device_id}/why-no-mail", params={"user_id": user_id})
        found: dict[str, Any] = asked.raise_for_status().json()
        return found

    async def stopped_by(self, *kinds: str) -> dict[str, Any]:
        """The answer, once these alone stop mail to anna."""

        async def said() -> dict[str, Any] | None:
            found = await self.why()
            stops = [each["kind"] for each in found["reasons"] if each["effect"] == "stops"]
            return found if stops == list(kinds) and found["mailed"] == (not kinds) else None

        return await eventually(said, within_s=30)


@pytest.fixture
async def world(stack: Backing, prefix: str) -> AsyncIterator[World]:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, TOPICS, 1, get_logger("test"))
    settings = Settings(
        kafka,
        MongoSettings(uri=stack.mongo_uri, database_prefix=prefix),
        HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
        LogSettings(),
        OperatorSettings(token=SecretStr(TOKEN)),
        DeviceSettings(),
        PolicySettings(),
        LinkSettings(keys=SecretStr("k" * 32)),
        PortalSettings(support_address=SUPPORT),
    )
    async with (
        started(producer(kafka, "test")) as writer,
        running("device-svc", settings, start) as life,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{life.ports[0]}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20
        ) as client,
    ):
        await eventually(lambda: not life.health.missing(), within_s=30)
        world = World(kafka, writer, client)
        await world.person("anna")
        await world.person("ben")
        subscribers = [{"user_id": "anna", "min_severity": "info"}]
        device = {"company_id": "acme", "owner": "anna", "name": "Rack 1", "subscribers": subscribers}
        registered = await client.post("/v1/operator/devices", json=device)
        world.device_id = registered.raise_for_status().json()["device_id"]
        yield world


async def test_plan_subscription_and_removal_are_said_at_once(world: World) -> None:
    subscription = "/v1/operator/devices/{}/subscriptions/anna"
    wider = "/v1/operator/users/anna/subscriptions"
    before = await world.stopped_by()

    await world.put("/v1/operator/devices/{}/plan", {"name": "basic"})
    basic = await world.stopped_by("plan")
    await world.put("/v1/operator/devices/{}/plan", {"name": "standard"})
    await world.stopped_by()

    said = []
    for path, off, on in (
        (subscription, {"on": False}, {"min_severity": "info"}),
        (wider, {"companies_off": ["acme"]}, ALL_ON),
        (wider, {"all_off": True}, ALL_ON),
    ):
        await world.put(path, off)
        said.append((await world.stopped_by("subscription"))["text"])
        await world.put(path, on)
        await world.stopped_by()
    (await world.client.delete(f"/v1/operator/devices/{world.device_id}")).raise_for_status()
    removed = await world.stopped_by("device")

    assert before["support_address"] == SUPPORT
    assert [each["kind"] for each in before["in_order"]][:1] == ["account"]
    assert "Basic Monitoring" in basic["text"]
    assert basic["reasons"][0]["link_kind"] == "purchase"
    assert said == [
        "You chose to get no event mails about this UPS.",
        "You chose to get no event mails about this company's UPSes.",
        "You chose to get no event mails at all.",
    ]
    assert "was removed" in removed["text"]


async def test_a_disabled_period_stops_mail_until_the_throttle_says_that_it_is_over(world: World) -> None:
    now = datetime.now(UTC)
    disabling = a_disabling(since=now - timedelta(minutes=1)).model_copy(
        update={"period_id": period_id(world.device_id, "e7")}
    )

    await world.decided(disabling)
    disabled = await world.stopped_by("disabled")
    enabling = await world.client.post(f"/v1/devices/{world.device_id}/notifications/enable")
    between = await world.stopped_by("disabled")
    await world.decided(an_enabling(disabling, EnabledBy.HAND).model_copy(update={"enabled_at": now}))
    await world.stopped_by()

    assert disabled["reasons"][0]["link_kind"] == "enable"
    assert enabling.status_code == 202
    assert "being enabled" in between["text"]


async def test_the_last_decisions_and_the_mails_that_fill_the_window_are_there(world: World) -> None:
    now = datetime.now(UTC)
    for number in range(1, 8):
        event = an_event(number, device_id=world.device_id, received_at=now - timedelta(seconds=60 - number))
        await world.decided(a_decision(event, recipients=("ben",) if number == 1 else ("anna",)))
        if number == 5:
            five = await eventually(lambda: _with_rows(world, 5), within_s=30)
    full = await world.stopped_by("disabled")

    assert five["mailed"]
    assert [row["own"]["told"] for row in five["last"]] == [True, True, True, True, False]
    assert five["last"][4]["text"] == "Mailed to b…@acme.example (5 of 6 in 30 minutes)."
    assert "as many as it may" in full["text"]


async def test_a_mailbox_that_mail_came_back_from_stops_mail_until_one_arrives(world: World) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2)
    decision = a_decision(an_event(1, device_id=world.device_id, received_at=began), recipients=("anna", "ben"))
    await world.decided(decision)
    for number, state in enumerate(("failed", "dropped")):
        mail = {"notification_id": f"n-{number}", "reason": "bounced", "at": began + timedelta(minutes=number)}
        await world.write(MAIL_DELIVERIES, world.device_id, a_delivery(decision, state=state, **mail))

    async def since_the_first() -> dict[str, Any] | None:
        """Both were written at once, in whatever order."""
        found = await world.stopped_by("bounce")
        return found if datetime.fromisoformat(found["reasons"][0]["since"]) == began else None

    dead = await eventually(since_the_first, within_s=30)
    of_ben = await world.why("ben")
    await world.write(MAIL_DELIVERIES, world.device_id, a_delivery(decision, at=datetime.now(UTC)))
    await world.stopped_by()
    # what was read of the mails may be older than what was read of the mailbox
    alive = await world.why()

    assert dead["text"].startswith("Mail to your address came back, so no event mail is sent to it, since ")
    assert "came back" not in str(of_ben)
    assert alive["last"][0]["own"]["text"].startswith("To you: the mail server took it (250), ")


async def test_whoever_is_closed_or_elsewhere_is_told_to_the_operator(world: World) -> None:
    await world.person("anna", version=2, active=False)
    closed = await world.stopped_by("account")

    await world.person("ben", version=2, company_id="other")
    moved = await eventually(lambda: _of(world, "ben", "no member"), within_s=30)

    assert "closed" in closed["text"]
    assert moved["reasons"][0]["kind"] == "account"


async def _with_rows(world: World, rows: int) -> dict[str, Any] | None:
    found = await world.why()
    return found if len(found["last"]) == rows else None


async def _of(world: World, user_id: str, text: str) -> dict[str, Any] | None:
    found = await world.why(user_id)
    return found if text in found["text"] else None

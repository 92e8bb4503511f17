"""invite-svc signs people in, device-svc serves them: together, and either without the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ups_device.app import start
from ups_device.settings import DeviceSettings, PolicySettings, Settings
from ups_devstack.stack import Backing
from ups_invite.testing.service import PASSWORD
from ups_invite.testing.world import AccountWorld
from ups_runtime.kafka import apply_topics
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
from ups_schemas.topics import MAIL_REQUESTS, TOPICS

ANNA = {"address": "anna@acme.example", "password": PASSWORD, "company_name": "Acme", "name": "Anna"}
KEYS = "/v1/operator/signing-keys"


@pytest.fixture
async def accounts(stack: Backing, prefix: str) -> AccountWorld:
    world = AccountWorld(
        KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix),
        MongoSettings(uri=stack.mongo_uri, database_prefix=prefix),
    )
    await apply_topics(world.kafka, TOPICS, 1, get_logger("test"))
    return world


@asynccontextmanager
async def device_svc(accounts: AccountWorld) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        accounts.kafka,
        accounts.mongo,
        HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
        LogSettings(),
        OperatorSettings(token=SecretStr("another operator's token")),
        DeviceSettings(),
        PolicySettings(),
        LinkSettings(keys=SecretStr("k" * 32)),
        PortalSettings(),
    )
    async with (
        running("device-svc", settings, start) as life,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.ports[0]}", timeout=30) as client,
    ):
        await eventually(lambda: not life.health.missing(), within_s=30)
        yield client


def bearer(session: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {session['access_token']}"}


async def session_of_anna(accounts: AccountWorld, invite: httpx.AsyncClient) -> dict[str, Any]:
    await invite.post("/v1/registrations", json=ANNA)
    [mail] = await accounts.published(1, MAIL_REQUESTS)
    assert mail
    proof = {"token": mail.data.token, "password": PASSWORD}
    founded: dict[str, Any] = (await invite.post("/v1/registrations/verify", json=proof)).raise_for_status().json()
    return founded


async def test_a_sign_in_is_good_at_once_and_while_the_service_that_issued_it_is_away(accounts: AccountWorld) -> None:
    async with device_svc(accounts) as devices, accounts.service() as invite:
        session = await session_of_anna(accounts, invite)
        registered = await devices.post("/v1/devices", json={"name": "Rack 1"}, headers=bearer(session))
    async with device_svc(accounts) as devices:
        listed = await devices.get("/v1/devices", headers=bearer(session))

    assert registered.status_code == 201
    assert registered.json()["owner"] == session["user_id"]
    assert [device["name"] for device in listed.json()["devices"]] == ["Rack 1"]


async def test_a_stolen_key_and_a_person_who_is_erased_are_out(accounts: AccountWorld) -> None:
    async with device_svc(accounts) as devices, accounts.service() as invite:
        session = await session_of_anna(accounts, invite)

        async def answers(status: int, headers: dict[str, str]) -> bool:
            return (await devices.get("/v1/devices", headers=headers)).status_code == status

        before = await answers(200, bearer(session))
        await invite.delete(f"{KEYS}/{(await invite.get(KEYS)).json()['signing_keys'][0]['key_id']}")
        await eventually(lambda: answers(401, bearer(session)), within_s=10)
        refreshed = await invite.post("/v1/sessions/refresh", json={"refresh_token": session["refresh_token"]})
        after = await answers(200, bearer(refreshed.json()))
        await invite.delete(f"/v1/operator/users/{session['user_id']}")
        await eventually(lambda: answers(401, bearer(refreshed.json())), within_s=10)

    assert before
    assert after

"""A free period that ends, and a plan that is bought: what is mailed before, between and afterwards."""

import base64
import json
import time
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ups_device.adapters.webhook import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from ups_runtime.testing import eventually
from ups_schemas.topics import Service


@pytest.fixture
def shop(services, purchase_secret):
    """A shop that tells what was bought."""

    async def buy(device, days: int, **headers: str) -> httpx.Response:
        order = {"purchase_id": str(uuid.uuid4()), "device_id": device.device_id, "plan": "standard", "days": days}
        body = json.dumps({"type": "purchase.completed", "data": order}).encode()
        message_id, timestamp = str(uuid.uuid4()), str(int(time.time()))
        signed = signature(base64.b64decode(purchase_secret.removeprefix("whsec_")), message_id, timestamp, body)
        headers = {ID_HEADER: message_id, TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signed, **headers}
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            url = f"{services[Service.DEVICE_SVC].url}/v1/webhooks/purchases"
            return await client.post(url, content=body, headers={"Content-Type": "application/json", **headers})

    return buy


async def test_when_the_free_period_ends_mail_stops_and_a_purchase_brings_it_back(operator, join, shop) -> None:
    ada = await join("Ada")
    caller = await ada.sign_in()
    device = await operator.add_device(ada.company_id, ada.user_id, "Rack")
    until = datetime.now(UTC) + timedelta(seconds=8)
    plan = {"name": "advanced", "until": until.isoformat()}
    await operator.call(Service.DEVICE_SVC, "PUT", f"/v1/operator/devices/{device.device_id}/plan", plan)
    why = f"/v1/devices/{device.device_id}/why-no-mail"

    await device.send("ON_BATTERY")
    before = await ada.mail("On battery")
    await eventually(lambda: datetime.now(UTC) > until)
    untold = await device.send("OVERLOAD")
    decided = await eventually(lambda: operator.decision(device, untold), within_s=60)
    told_why = await caller.call(Service.DEVICE_SVC, "GET", why)
    await device.send("POWER_RESTORED")
    ended = await ada.mail("Power restored")
    forged = await shop(device, 30, **{SIGNATURE_HEADER: "v1,AAAA"})
    bought = await shop(device, 30)
    await device.send("UPS_FAULT")
    after = await ada.mail("fault")
    renewed = await shop(device, 30)

    assert (decided["outcome"], decided["reason"], decided["recipients"]) == ("not_entitled", "plan", [])
    assert (told_why["mailed"], told_why["reasons"][0]["kind"]) == (False, "plan")
    assert (forged.status_code, bought.status_code, renewed.status_code) == (401, 200, 200)
    assert (await caller.call(Service.DEVICE_SVC, "GET", why))["mailed"]
    (first, second) = (datetime.fromisoformat(each.json()["plan"]["until"]) for each in (bought, renewed))
    assert second - first == timedelta(days=30)
    events = [mail for mail in await ada.mails() if mail.header("List-Id")]
    assert events == [before, ended, after]
    outcomes = [row["decision"]["outcome"] for row in reversed(await operator.log_rows(device))]
    assert outcomes == ["notify", "not_entitled", "notify", "notify"]

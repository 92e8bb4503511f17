"""What owners do: hand a device over, or remove it, while its notifications are disabled; revoke its key."""

import json
import re

import httpx

from ups_devstack.fleet import RefusedError
from ups_runtime.testing import eventually
from ups_runtime.testing.topics import read_all
from ups_schemas.topics import DECISIONS, Service


async def test_a_device_that_is_handed_over_while_disabled_begins_anew_with_its_next_owner(
    operator, services, stack, address
) -> None:
    ada, ben, device = await a_disabled_device(operator, address)
    link = await eventually(lambda: enable_link(stack, ada), within_s=60)

    handed = await operator.call(
        Service.DEVICE_SVC, "POST", f"/v1/devices/{device.device_id}/hand-over", {"to": ben["user_id"]}
    )
    refused = await use(services, link)
    state = await operator.notifications(device)
    await eventually(lambda: is_seen(operator, device), within_s=30)
    outage = await device.send("ON_BATTERY")
    told = await eventually(lambda: decided(operator, device, outage), within_s=60)
    await eventually(lambda: has_mail(stack, ben, "yours now"), within_s=60)
    await eventually(lambda: has_mail(stack, ben, "On battery"), within_s=60)

    assert (handed["result"], handed["owner"], handed["ownership"]) == ("handed_over", ben["user_id"], 2)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:ridethrough:problem:other-ownership")
    assert state["state"] == "enabled"
    assert (told["outcome"], set(told["recipients"])) == ("notify", {ada["user_id"], ben["user_id"]})
    assert (told["count"]["position"], told["count"]["limit"]) == (1, 1)
    assert [row["event"]["event_id"] for row in await operator.log_rows(device)] == [outage]
    [ended] = await periods_ended(services, device)
    assert (ended["by"], ended["recipients"], ended.get("notification_id")) == ("ownership_ended", [], None)


async def test_a_device_that_is_removed_while_disabled_is_silent_and_the_alerts_link_says_so(
    operator, services, stack, address
) -> None:
    ada, _, device = await a_disabled_device(operator, address)
    link = await eventually(lambda: enable_link(stack, ada), within_s=60)

    await operator.call(Service.DEVICE_SVC, "DELETE", f"/v1/operator/devices/{device.device_id}")
    refused = await use(services, link)

    assert (refused.status_code, refused.json()["type"]) == (410, "urn:ridethrough:problem:device-removed")


async def test_the_history_says_who_enabled_and_why_and_what_came_meanwhile(operator, address) -> None:
    _, _, device = await a_disabled_device(operator, address)
    outage = await device.send("ON_BATTERY")
    told = await eventually(lambda: decided(operator, device, outage), within_s=60)
    path = f"/v1/devices/{device.device_id}/notifications"

    await operator.call(Service.DEVICE_SVC, "POST", f"{path}/enable", {"reason": "battery replaced"})

    async def ended():
        [period] = (await operator.call(Service.DEVICE_SVC, "GET", f"{path}/periods"))["periods"]
        return period if period["enabled_at"] and len(period["mails"]) > 1 else None

    period = await eventually(ended, within_s=60)
    assert told["outcome"] == "suppressed"
    assert (period["by"], period["actor"]["kind"], period["reason"]) == ("hand", "operator", "battery replaced")
    assert period["since"] < period["requested_at"] == period["enabled_at"] < period["until"]
    assert [each["code"] for each in period["tripped_by"]] == ["COMM_LOST", "COMM_RESTORED"]
    assert {"code": "ON_BATTERY", "raised": 1, "cleared": 0} in period["happened"]
    assert period["suppressed_count"] == 1
    assert {mail["kind"] for mail in period["mails"]} == {"disabled", "reconcile"}


async def test_a_revoked_key_is_refused_by_an_ingest_that_knew_it(operator, services, address) -> None:
    ada = await operator.add_user(address("ada"), "Ada")
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Rack")
    path = f"/v1/operator/devices/{device.device_id}"
    shown = await operator.call(Service.DEVICE_SVC, "GET", path)

    await operator.call(Service.DEVICE_SVC, "DELETE", f"{path}/keys/{shown['keys'][0]['key_id']}")

    await eventually(lambda: is_refused(device), within_s=5)
    assert all([await is_refused(device) for _ in range(20)])


async def is_refused(device) -> bool:
    try:
        await device.send("STATUS")
    except RefusedError as refused:
        return bool(refused.status == httpx.codes.UNAUTHORIZED)
    return False


async def a_disabled_device(operator, address):
    ada = await operator.add_user(address("ada"), "Ada")
    ben = await operator.add_user(address("ben"), "Ben", ada["company_id"])
    await operator.set_policy(ada["company_id"], limit=1)
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Chatterer")
    await device.send("COMM_LOST")
    await device.send("COMM_RESTORED")

    async def disabled() -> bool:
        return (await operator.notifications(device))["state"] == "disabled"

    await eventually(disabled, within_s=60)
    return ada, ben, device


async def is_seen(operator, device) -> bool:
    """Whether the device's pulses count for its present owner."""
    await device.send("STATUS")
    shown = await operator.call(Service.DEVICE_SVC, "GET", f"/v1/operator/devices/{device.device_id}")
    return shown["last_seen"] is not None


async def enable_link(stack, person) -> str | None:
    mails = await stack.inbox.mails(to=person["address"])
    found = [re.search(r"/l/enable/([\w.=-]+)", mail.text) for mail in mails]
    return next((each[1] for each in found if each), None)


async def use(services, token: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        return await client.post(f"{services[Service.DEVICE_SVC].url}/v1/links/enable", json={"token": token})


async def has_mail(stack, person, subject: str) -> bool:
    return any(subject in mail.subject for mail in await stack.inbox.mails(to=person["address"]))


async def decided(operator, device, event_id: str):
    rows = await operator.log_rows(device)
    return next((row["decision"] for row in rows if row["event"]["event_id"] == event_id), None)


async def periods_ended(services, device):
    records = await read_all(services.kafka, DECISIONS)
    told = [json.loads(record.value) for record in records if record.key == device.device_id.encode()]
    return [each for each in told if each["type"] == "ups.notifications-enabled.v1"]

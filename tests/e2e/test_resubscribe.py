"""Out by what a mail offers, and back by signing in: Notifications, the e-mail preference, Save Settings."""

import asyncio

import pytest

from ups_devstack.testing.reader import link
from ups_runtime.testing import eventually
from ups_schemas.topics import Service


@pytest.fixture
async def company(operator, join):
    """Ada's two UPSes, of which her colleagues hear as well."""
    ada = await join("Ada")
    ben, cem = await asyncio.gather(join("Ben", ada), join("Cem", ada))
    subscribers = [{"user_id": each.user_id} for each in (ben, cem)]
    devices = [
        await operator.add_device(ada.company_id, ada.user_id, name, subscribers=subscribers)
        for name in ("Rack", "Lift")
    ]
    return ada, ben, cem, *devices


@pytest.mark.parametrize("scope", ["device", "company", "all"])
async def test_who_unsubscribed_comes_back_by_save_settings_and_nobody_else_was_touched(
    operator, company, scope
) -> None:
    ada, ben, cem, rack, lift = company
    before = [await heard(operator, each) for each in (rack, lift)]
    await rack.send("ON_BATTERY")
    mail = await ben.mail("On battery")

    if scope == "company":
        await ben.unsubscribe_by_mail_program(mail)
    else:
        assert "You are unsubscribed" in await ben.press(link(mail, "unsubscribe"), scope=scope)
    unheard = await rack.send("OVERLOAD")
    told_meanwhile = (await eventually(lambda: operator.decision(rack, unheard), within_s=60))["recipients"]
    meanwhile = [await heard(operator, each) for each in (rack, lift)]
    caller = await ben.sign_in()
    path = f"/v1/devices/{rack.device_id}/why-no-mail"
    why = [await caller.call(Service.DEVICE_SVC, "GET", path)]
    await save(caller, rack, scope)
    why.append(await caller.call(Service.DEVICE_SVC, "GET", path))
    await rack.send("UPS_FAULT")
    again = await ben.mail("fault")

    assert set(told_meanwhile) == {ada.user_id, cem.user_id}
    assert meanwhile == [before[0] - {ben.user_id}, before[1] - ({ben.user_id} if scope != "device" else set())]
    assert [await heard(operator, each) for each in (rack, lift)] == before
    assert [each["mailed"] for each in why] == [False, True]
    assert why[0]["reasons"][0]["kind"] == "subscription"
    assert [each for each in await ben.mails() if each.header("List-Id")] == [mail, again]
    for other in (ada, cem):
        await other.mail("fault")
        assert len(await other.mails()) == 3


async def heard(operator, device) -> set[str]:
    """Who hears of the device."""
    seen = await operator.call(Service.DEVICE_SVC, "GET", f"/v1/operator/devices/{device.device_id}")
    return {each["user_id"] for each in seen["subscriptions"] if each["on"]}


async def save(caller, device, scope: str) -> None:
    """Look at what one has chosen, choose otherwise, and save."""
    if scope == "device":
        path, off, on = f"/v1/devices/{device.device_id}/subscription", {"on": False}, {"on": True}
    else:
        path, off, on = "/v1/subscriptions", {f"{scope}_off": True}, {f"{scope}_off": False}
    seen = await caller.call(Service.DEVICE_SVC, "GET", path)
    assert seen | off == seen
    await caller.call(Service.DEVICE_SVC, "PUT", path, {"version": seen["version"]} | on)

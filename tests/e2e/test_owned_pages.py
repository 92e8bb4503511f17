"""Whose a UPS is, its keys and its names, in the portal: in a real browser, on the real services, by real mails."""

from dataclasses import replace

import pytest

from ups_devstack.fleet import RefusedError
from ups_portal.testing.browser import MISSING, sign_in, tab
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

WITHIN_MS = 90_000


async def is_refused(ups) -> bool:
    try:
        await ups.send("STATUS")
    except RefusedError as refused:
        return refused.status == 401
    return False


async def test_a_key_replaces_another_is_revoked_and_a_ups_renamed_and_removed_though_pressed_twice(
    portal, company, chromium
):
    ada, _ = company
    first = await ada.caller.register_device("/v1/devices", {"name": "Rack 1"})
    here = f"{portal}/devices/{first.device_id}"
    async with tab(chromium) as page:
        page.context.set_default_timeout(WITHIN_MS)
        await page.goto(f"{here}/keys")
        await sign_in(page, ada.address, ada.password)
        await page.get_by_label("The older ones go on").select_option("No longer: they end at once")
        await page.get_by_role("button", name="Make a new key").dblclick()
        await page.get_by_role("heading", name="The new key of").wait_for()
        second = replace(first, key=await page.get_by_label("The key").inner_text())
        await second.wait_known()
        is_over = await is_refused(first)
        await page.get_by_role("link", name="Its keys").click()
        revoke = page.get_by_role("button", name="Revoke")
        working = await revoke.count()
        await revoke.dblclick()
        await page.get_by_text("That key has ended.").wait_for()
        await page.get_by_text("No key works.").wait_for()
        assert await eventually(lambda: is_refused(second), within_s=60)

        await page.goto(f"{here}/names")
        await page.get_by_label("Name", exact=True).fill("Rack <i>9</i>")
        await page.get_by_role("button", name="Save").dblclick()
        await page.get_by_text("Saved.").wait_for()
        title = await page.get_by_role("heading", level=1).inner_text()
        await page.get_by_role("link", name="Remove it").click()
        await page.get_by_role("button", name="Remove this UPS").dblclick()
        await page.get_by_text("The UPS is removed.").wait_for()
        await page.go_back()
        await page.reload()
        gone = await page.get_by_role("heading", level=1).inner_text()

    assert is_over
    assert working == 1
    assert title.strip("\u2068\u2069") == "Rack <i>9</i>"
    assert gone == "There is no such page"


async def test_a_ups_is_handed_over_and_another_claimed_and_pages_opened_before_say_whose_they_are(
    portal, company, mails, operator, chromium
):
    ada, ben = company
    company_id = (await ada.caller.call(Service.INVITE_SVC, "GET", "/v1/company"))["company_id"]
    rack = await ada.caller.register_device("/v1/devices", {"name": "Rack 1"})
    found = await operator.add_device(company_id, None, "Found")
    racks, founds = (f"{portal}/devices/{each.device_id}" for each in (rack, found))
    async with tab(chromium) as page, tab(chromium) as bens:
        for each, person, url in ((page, ada, f"{racks}/notification-settings"), (bens, ben, founds)):
            each.context.set_default_timeout(WITHIN_MS)
            await each.goto(url)
            await sign_in(each, person.address, person.password)
        await page.get_by_label("How many notifications are mailed").fill("3")
        other, unclaimed = [await page.context.new_page() for _ in range(2)]
        await unclaimed.goto(founds)

        await other.goto(f"{racks}/hand-over")
        await other.get_by_label("Who gets it").select_option(f"Ben Brook ({ben.address})")
        await other.get_by_role("button", name="Hand it over").dblclick()
        await other.get_by_text("It has its new owner.").wait_for()
        about = await other.get_by_role("region", name="About this UPS").inner_text()
        manages = await other.get_by_role("region", name="Manage it").count()
        (told,) = await mails(ben.address, "1 UPS is yours now")
        await page.get_by_role("button", name="Save Settings").click()
        await page.get_by_text("Only its owner can do that.").wait_for()
        buttons = await page.get_by_role("button", name="Save Settings").count()
        await page.reload()
        in_force = await page.get_by_role("region", name="What is in force").inner_text()

        await bens.get_by_role("button", name="Make it mine").dblclick()
        await bens.get_by_text("It is yours.").wait_for()
        await unclaimed.get_by_role("button", name="Make it mine").click()
        await unclaimed.get_by_text("Somebody owns it already.").wait_for()
        await bens.get_by_role("link", name="Devices", exact=True).click()
        await bens.get_by_role("link", name="Rack 1").click()
        await bens.get_by_role("region", name="Manage it").wait_for()
        await found.send("OVERLOAD")
        await mails(ben.address, "Overload")

    assert "Rack 1" in told.text
    assert "Ben Brook" in about
    assert (manages, buttons) == (0, 0)
    assert "This is the company's default." in in_force
    assert len(await mails(ben.address, "yours now")) == 1

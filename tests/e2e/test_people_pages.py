"""Who comes, who leads and who goes, in the portal: in a real browser, on the real services, by real mails."""

import re

import pytest

from ups_devstack.fleet import Device
from ups_devstack.testing.reader import link
from ups_portal.testing.browser import MISSING, sign_in, tab
from ups_schemas.topics import Service

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

WITHIN_MS = 90_000
PASSWORD, OTHER_PASSWORD = "gelbe Ampel am Fluss", "blaue Boje im Sund"
LAST_ADMIN = "You are the last admin of your company, and others are in it. Name another admin first."


async def fill(page, **by_label: str) -> None:
    for label, text in by_label.items():
        await page.get_by_label(label.replace("_", " "), exact=True).fill(text)


async def press_twice(page, button: str, said: str) -> None:
    await page.get_by_role("button", name=button, exact=True).dblclick()
    await page.get_by_role("main").get_by_text(re.compile(said)).first.wait_for()


async def test_a_stranger_registers_and_is_mailed_of_their_first_ups_though_each_button_is_pressed_twice(
    portal, mails, operator, chromium, address
):
    mine, anybody = address("kim"), operator.beside()
    async with tab(chromium) as page:
        page.context.set_default_timeout(WITHIN_MS)
        await page.goto(f"{portal}/register")
        await fill(page, **{"E-mail_address": mine, "Your_name": "Kim Park", "Company": "Volt"})
        await fill(page, Password=PASSWORD, The_same_once_more=PASSWORD)
        await press_twice(page, "Register", "Look into your inbox")
        await page.goto(link((await mails(mine, "Verify your e-mail address"))[0], "verify"))
        await fill(page, Password=PASSWORD)
        # it says the one, or the other if the answer to the second press was shown
        await press_twice(page, "Verify Address", "Your address is verified|This address is verified already")
        await page.get_by_role("link", name="Sign in").click()
        await fill(page, **{"E-mail_address": mine, "Password": PASSWORD})
        await press_twice(page, "Sign in", "Your company has no UPS here yet.")

        await page.get_by_role("main").get_by_role("link", name="Register a UPS").click()
        await fill(page, Name="Rack 1")
        await press_twice(page, "Register", "is registered")
        key = await page.get_by_label("The key").inner_text()
        await page.get_by_role("link", name="To the UPS").click()
        ups = Device(await page.locator("code").inner_text(), "Rack 1", key, anybody.client, anybody.services)
        await ups.wait_known()
        await ups.send("ON_BATTERY")
        await mails(mine, "On battery")
        await page.goto(f"{portal}/devices")
        upses = await page.get_by_role("link", name="Rack 1").count()
        await page.goto(f"{portal}/account")
        sessions = page.get_by_role("region", name="Where you are signed in").get_by_role("listitem")
        signed_in = await sessions.all_inner_texts()

    assert upses == 1
    assert len(signed_in) == 1
    assert "This one" in signed_in[0]
    for words in ("Verify your e-mail address", "On battery"):
        assert len(await mails(mine, words)) == 1


async def test_a_session_is_ended_a_password_changed_and_an_account_erased_though_pressed_twice(
    portal, company, mails, chromium
):
    _, ben = company
    async with tab(chromium) as page, tab(chromium) as elsewhere:
        for each in (elsewhere, page):
            each.context.set_default_timeout(WITHIN_MS)
            await each.goto(f"{portal}/account")
            await sign_in(each, ben.address, ben.password)
        await page.reload()
        rows = page.get_by_role("region", name="Where you are signed in").get_by_role("listitem")
        # beside those of the two tabs the one of his yes to the invitation
        before = await rows.count()
        await rows.filter(has_not_text="This one").first.get_by_role("button", name="End it").dblclick()
        await page.get_by_text("That session has ended.").wait_for()
        between = await rows.count()
        await fill(page, Present_password=ben.password, New_password=PASSWORD, The_same_once_more=PASSWORD)
        await press_twice(page, "Change the password", "Your password is changed.")
        await page.reload()
        left = await rows.all_inner_texts()
        await mails(ben.address, "Your password was changed")
        await fill(page, Your_password=PASSWORD)
        await press_twice(page, "Erase my account", "Your account is erased")
        await elsewhere.goto(f"{portal}/company")
        await page.goto(f"{portal}/sign-in")
        await fill(page, **{"E-mail_address": ben.address, "Password": PASSWORD})
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("The e-mail address or the password is wrong.").wait_for()
        asked = await elsewhere.get_by_role("heading", level=1).inner_text()

    assert (before, between, len(left)) == (3, 2, 1)
    assert "This one" in left[0]
    # where somebody was signed in too, nobody is
    assert asked == "Sign in"
    assert len(await mails(ben.address, "Your password was changed")) == 1


async def test_invitations_are_taken_back_declined_and_accepted_by_the_older_of_two_mails(
    portal, company, mails, chromium, address
):
    ada, _ = company
    cem, dot = address("cem"), address("dot")
    async with tab(chromium) as page, tab(chromium) as guest:
        for each in (page, guest):
            each.context.set_default_timeout(WITHIN_MS)

        async def invite(whom: str) -> None:
            await page.goto(f"{portal}/invite")
            await page.get_by_label("E-mail address").fill(whom)
            await press_twice(page, "Send Invite", "Your invitation was sent")

        async def title(url: str) -> str:
            await guest.goto(url)
            return await guest.get_by_role("heading", level=1).inner_text()

        await page.goto(f"{portal}/invite")
        await sign_in(page, ada.address, ada.password)
        await invite(cem)
        taken_back = link((await mails(cem, "Invitation to"))[0], "invitation")
        await page.get_by_role("button", name="Send it again").click()
        await page.get_by_text("This invitation was sent a moment ago. Nothing was sent now.").wait_for()
        await press_twice(page, "Take it back", "The invitation was taken back. Its links do nothing any more.")
        titles = [await title(taken_back)]
        await invite(cem)
        declined = link((await mails(cem, "Invitation to", 2))[1], "invitation")
        await guest.goto(declined)
        await press_twice(guest, "Decline the invitation", "This invitation is declined")
        titles += [await title(taken_back), await title(declined)]

        await invite(dot)
        await guest.goto(f"{portal}/reset-password")
        await guest.get_by_label("E-mail address").fill(dot)
        await press_twice(guest, "Reset Password", "Look into your inbox")
        first, second = (link(each, "invitation") for each in (await mails(dot, "Invitation to", 2))[:2])
        await page.goto(f"{portal}/invite")
        await guest.goto(first)
        await fill(guest, Your_name="Dot Dean", New_password=PASSWORD, The_same_once_more=PASSWORD)
        await press_twice(guest, "Accept and join", "You have joined|accepted already")
        titles += [await title(second)]
        # on a page that was shown before it was accepted
        await press_twice(page, "Take it back", "Your co-worker has accepted this invitation already.")
        await page.get_by_text("Nobody has an invitation open.").wait_for()
        await page.get_by_label("E-mail address").fill(dot)
        await press_twice(page, "Send Invite", "This person is already in your company.")
        await page.goto(f"{portal}/company")
        people = await page.get_by_role("region", name="Members").get_by_role("listitem").all_inner_texts()

    assert titles == [
        "This invitation was taken back",
        "This invitation was taken back",
        "This invitation is declined",
        "This invitation is accepted already",
    ]
    assert len(people) == 3
    assert "Dot Dean" in people[2]
    assert len(await mails(ada.address, "accepted by Dot Dean")) == 1


async def test_who_is_removed_with_a_page_open_is_told_so_and_the_last_admin_leaves_after_naming_another(
    portal, company, mails, operator, chromium, address, stack
):
    ada, ben = company
    company_id = (await ada.caller.call(Service.INVITE_SVC, "GET", "/v1/company"))["company_id"]
    cem = await operator.add_user(address("cem"), "Cem Can", company_id)
    rack = await ben.caller.register_device("/v1/devices", {"name": "Rack 1"})
    async with tab(chromium) as page, tab(chromium) as bens:
        for each, person, path in (
            (page, ada, "/company"),
            (bens, ben, f"/devices/{rack.device_id}/names"),
        ):
            each.context.set_default_timeout(WITHIN_MS)
            await each.goto(portal + path)
            await sign_in(each, person.address, person.password)

        await page.get_by_role("listitem").filter(has_text="Ben Brook").get_by_role("link", name="Remove").click()
        await press_twice(page, "Remove this co-worker", "This co-worker was removed, and is told by e-mail.")
        await mails(ben.address, "You are no member of Acme any more")
        await mails(ada.address, "1 UPS is yours now")
        await bens.get_by_role("button", name="Save").click()
        for path in ("/devices", "/events", "/notifications", "/invite", "/company"):
            await bens.get_by_role("heading", name="You are in no company").wait_for()
            await bens.locator(f"nav a[href='{path}']").click()
            await bens.wait_for_url(f"**{path}")
        await bens.get_by_role("heading", name="You are in no company").wait_for()
        await bens.get_by_text("Ask somebody of yours to invite you").wait_for()
        frame = await bens.locator(".who").inner_text()
        await rack.send("BYPASS_ON")
        await mails(ada.address, "On bypass")

        stale = await page.context.new_page()
        await stale.goto(f"{portal}/company")
        await page.goto(f"{portal}/company")
        await press_twice(page, "Stop being an admin", LAST_ADMIN)
        await page.get_by_role("link", name="Leave the company").click()
        await press_twice(page, "Leave the company", LAST_ADMIN)
        await page.goto(f"{portal}/company")
        await press_twice(page, "Make an admin", "This co-worker is an admin now.")
        await press_twice(page, "Stop being an admin", "This admin is a member again, and no admin any more.")
        await fill(stale, Name_of_the_company="Volt")
        await press_twice(stale, "Save", "Only an admin of your company can do that.")
        await page.get_by_role("link", name="Leave the company").click()
        await press_twice(page, "Leave the company", "You have left your company.")
        await mails(cem["address"], "1 UPS is yours now")

    assert "Acme" not in frame
    assert not [each for each in await stack.inbox.mails(to=ben.address) if "On bypass" in each.subject]

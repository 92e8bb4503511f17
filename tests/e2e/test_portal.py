"""People in the portal, in a real browser, on the real services."""

import json
import re

import pytest

from ups_devstack.founding import Founding, Person
from ups_portal.testing.browser import MISSING, browser, tab
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture
async def founder(operator, address):
    """Somebody who has founded a company, with one UPS."""
    person = Person("Ada Adler", address("ada"), "Europe/Berlin", operator.beside())
    await Founding(lambda _person, _what: None).found(person, "Acme")
    return person, await person.caller.register_device("/v1/devices", {"name": "Rack <b>1</b>"})


async def test_a_mails_link_to_the_log_leads_through_sign_in(founder, stack, services):
    ada, device = founder
    await device.send("ON_BATTERY")

    async def mailed():
        found = [mail for mail in await stack.inbox.mails(to=ada.address) if "/devices" in mail.text]
        return found[0] if found else None

    mail = await eventually(mailed, within_s=90)
    link = re.search(r"http://127\.0\.0\.1:\d+/devices/[\w/-]+", mail.text).group()
    async with browser() as chromium, tab(chromium) as page:
        await page.goto(link)
        await page.get_by_label("E-mail address").fill(ada.address)
        await page.get_by_label("Password").fill(ada.password)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("Rack <b>1</b>").wait_for()
        who = await page.locator(".who").inner_text()
        cookies = await page.context.cookies()
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_role("heading", name="Sign in").wait_for()
        await page.goto(f"{services[Service.PORTAL].url}/devices")

        assert "Ada Adler" in who
        assert "Acme" in who
        assert [(each["httpOnly"], each["sameSite"]) for each in cookies] == [(True, "Lax")]
        assert page.url.endswith("/sign-in")


async def mailed_link(stack, address: str, kind: str) -> str:
    async def there():
        links = [
            url
            for mail in await stack.inbox.mails(to=address)
            for url in re.findall(rf"http://127\.0\.0\.1:\d+/l/{kind}/[\w.-]+", mail.text)
        ]
        return links[0] if links else None

    return await eventually(there, within_s=90)


async def fill(page, **by_label: str) -> None:
    for label, text in by_label.items():
        await page.get_by_label(label.replace("_", " "), exact=True).fill(text)


async def test_somebody_registers_signs_in_and_changes_their_account(stack, services, address):
    portal, mine, password = services[Service.PORTAL].url, address("kim"), "gelbe Ampel am Fluss"
    async with browser() as chromium, tab(chromium) as page:
        await page.goto(portal)
        await page.get_by_role("link", name="Register").click()
        await fill(page, **{"E-mail_address": mine, "Your_name": "Kim Park", "Company": "Acme"})
        await fill(page, Password=password, The_same_once_more=password)
        await page.get_by_role("button", name="Register").click()
        await page.get_by_role("heading", name="Look into your inbox").wait_for()

        await page.goto(await mailed_link(stack, mine, "verify"))
        await fill(page, Password=password)
        await page.get_by_role("button").click()
        await page.get_by_role("link", name="Sign in").click()
        await fill(page, **{"E-mail_address": mine, "Password": password})
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("Your company has no UPS here yet.").wait_for()

        await page.get_by_role("link", name="Account").click()
        await fill(page, Name="Kim <i>Park</i>")
        await page.get_by_label("Time zone").select_option("Asia/Tokyo")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_text("Saved.").wait_for()
        who = await page.locator(".who").inner_text()
        times = await page.locator("main time").all_inner_texts()
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="Download account.json").click()
        exported = json.loads((await (await downloading.value).path()).read_text())
        await fill(page, Present_password=password, New_password="blaue Ampel am Fluss")
        await page.get_by_label("The same once more").fill("blaue Ampel am Fluss")
        await page.get_by_role("button", name="Change the password").click()
        await page.get_by_text("Your password is changed.").wait_for()
        await page.get_by_role("button", name="Sign out everywhere").click()
        await page.get_by_role("heading", name="Sign in").wait_for()

    assert "Kim <i>Park</i>" in who
    assert times
    assert all("(UTC+09:00)" in time for time in times)
    assert exported["account"]["address"] == mine


async def test_a_forgotten_password_is_replaced_and_an_account_erased(founder, stack, services):
    ada, _ = founder
    portal, mine, password = services[Service.PORTAL].url, ada.address, "gelbe Ampel am Fluss"
    async with browser() as chromium, tab(chromium) as page:
        await page.goto(portal)
        await page.get_by_role("link", name="Reset Password").click()
        await fill(page, **{"E-mail_address": mine})
        await page.get_by_role("button", name="Reset Password").click()
        await page.get_by_role("heading", name="Look into your inbox").wait_for()
        await page.goto(await mailed_link(stack, mine, "reset"))
        await fill(page, New_password=password, The_same_once_more=password)
        await page.get_by_role("button", name="Save the new password").click()
        await page.get_by_role("link", name="Sign in").click()
        await fill(page, **{"E-mail_address": mine, "Password": password})
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("link", name="Account").click()
        await page.get_by_label("Your password", exact=True).fill(password)
        await page.get_by_role("button", name="Erase my account").click()
        await page.get_by_role("heading", name="Your account is erased").wait_for()
        await page.goto(f"{portal}/account")

        assert page.url.endswith("/sign-in?next=%2Faccount")


async def test_two_tabs_and_a_session_that_was_ended_elsewhere(founder, services):
    ada, _ = founder
    portal = services[Service.PORTAL].url
    async with browser() as chromium, tab(chromium) as page, tab(chromium) as elsewhere:
        for window in (page, elsewhere):
            await window.goto(f"{portal}/account")
            await fill(window, **{"E-mail_address": ada.address, "Password": ada.password})
            await window.get_by_role("button", name="Sign in").click()
            await window.get_by_role("heading", name="Account", exact=True).wait_for()
        other_tab = await page.context.new_page()
        await other_tab.goto(f"{portal}/devices")
        await other_tab.get_by_role("button", name="Sign out").click()
        await other_tab.get_by_role("heading", name="Sign in").wait_for()

        await page.get_by_label("Name", exact=True).fill("Ada Brown")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_text("What you had entered is kept").wait_for()
        await fill(page, **{"E-mail_address": ada.address, "Password": ada.password})
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("button", name="Send it").click()
        await page.get_by_text("Saved.").wait_for()
        await elsewhere.reload()

        assert "Ada Brown" in await page.locator(".who").inner_text()
        assert await elsewhere.get_by_label("Name", exact=True).input_value() == "Ada Brown"

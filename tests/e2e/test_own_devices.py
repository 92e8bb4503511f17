"""One's UPSes in the portal: why one is silent, how it notifies, what of it is mailed; in a browser, by real mails."""

import asyncio

import pytest
import pytest_asyncio

from ups_devstack.fleet import Operator
from ups_devstack.founding import Founding, Person
from ups_devstack.testing.reader import link
from ups_portal.testing.browser import MISSING, browser, sign_in, tab
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.asyncio(loop_scope="module")]

WITHIN_MS = 90_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium():
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def company(services):
    """Ada, who has founded a company, and Ben, whom she has invited."""
    async with Operator(services) as operator:
        ada = Person("Ada Adler", "ada@own.example", "Europe/Berlin", operator.beside())
        ben = Person("Ben Brook", "ben@own.example", "America/New_York", operator.beside())
        founding = Founding(lambda _person, _what: None, mail_within_s=90)
        await founding.found(ada, "Acme")
        await founding.invite(ada, ben)
        yield ada, ben


@pytest.fixture
def portal(services):
    return services[Service.PORTAL].url


@pytest.fixture
def mail(stack):
    async def come(person, words):
        """The only mail to this person with these words in its subject, once it has come."""

        async def there():
            return [each for each in await stack.inbox.mails(to=person.address) if words in each.subject]

        (found,) = await eventually(there, within_s=90, every_s=0.1)
        return found

    return come


async def reloaded(page, shown) -> bool:
    await page.reload()
    return await shown.count() > 0


async def test_a_co_worker_sees_why_a_ups_is_silent_and_its_owner_enables_it_in_two_tabs_at_once(
    portal, company, mail, chromium
):
    ada, ben = company
    line = await ada.caller.register_device("/v1/devices", {"name": "Noisy line"})
    for turn in range(8):
        await line.send("COMM_LOST" if turn % 2 == 0 else "COMM_RESTORED")
    alert = await mail(ada, "Event Notifications Disabled")

    async with tab(chromium) as page, tab(chromium) as bens:
        for each, person in ((page, ada), (bens, ben)):
            each.context.set_default_timeout(WITHIN_MS)
            await each.goto(f"{portal}/devices?only=disabled")
            await sign_in(each, person.address, person.password)
            await eventually(lambda each=each: reloaded(each, each.get_by_role("link", name="Noisy line")), within_s=60)
            await each.get_by_role("link", name="Noisy line").click()
        banner, theirs = (each.get_by_role("region", name="Event Notifications Disabled") for each in (page, bens))
        told = await theirs.inner_text()
        buttons = await theirs.get_by_role("button").count()
        mails = await bens.get_by_role("region", name="Mails to you").inner_text()
        by_mail = await page.context.new_page()
        await by_mail.goto(link(alert, "enable"))

        await asyncio.gather(
            banner.get_by_role("button", name="Enable Notifications").dblclick(),
            by_mail.get_by_role("button", name="Enable Notifications").click(),
        )
        await by_mail.get_by_role("heading", name="nabled").wait_for()
        await page.get_by_text("You enabled them.").wait_for()
        await bens.get_by_text("enabled them.").wait_for()
        times = await page.get_by_text("enabled them.").count()
        by_whom = await bens.get_by_role("region", name="When Event Notifications were disabled").inner_text()
        await theirs.wait_for(state="detached")
        await page.reload()
        banners = await banner.count()
        await line.send("OVERLOAD")
        await mail(ada, "Overload")
        await mail(ada, "enabled again")

    assert "Contact with the UPS lost" in told
    assert "Its owner can enable them." in told
    assert buttons == 0
    assert "disabled" in mails
    assert (banners, times) == (0, 1)
    assert "Ada Adler" in by_whom


async def test_settings_saved_in_two_tabs_and_after_signing_out_lose_nothing_that_was_typed(portal, company, chromium):
    ada, _ = company
    rack = await ada.caller.register_device("/v1/devices", {"name": "Rack 1"})
    settings, limit = f"{portal}/devices/{rack.device_id}/notification-settings", "How many notifications are mailed"

    async with tab(chromium) as page:
        page.context.set_default_timeout(WITHIN_MS)
        await page.goto(settings)
        await sign_in(page, ada.address, ada.password)
        await page.get_by_label(limit).fill("3")
        await page.get_by_role("checkbox", name="Battery low, shutdown near").check()

        other = await page.context.new_page()
        await other.goto(settings)
        await other.get_by_label(limit).fill("4")
        await save(other, times=2)
        await other.go_back()
        back = await other.get_by_label(limit).input_value()
        await save(other)

        await page.get_by_role("button", name="Save Settings").click()
        await page.get_by_role("alert").filter(has_text="This was changed elsewhere meanwhile").wait_for()
        in_force = await page.get_by_role("region", name="What is in force").inner_text()
        kept = (
            await page.get_by_label(limit).input_value(),
            await page.get_by_role("checkbox", name="Battery low, shutdown near").is_checked(),
        )

        await other.get_by_role("button", name="Sign out").click()
        await other.get_by_role("heading", name="Sign in").wait_for()
        await page.get_by_role("button", name="Save Settings").click()
        await page.get_by_text("What you had entered is kept").wait_for()
        await sign_in(page, ada.address, ada.password)
        typed = await page.locator("main li").all_inner_texts()
        await page.get_by_role("button", name="Send it").dblclick()
        await page.get_by_text("Your settings are saved.").wait_for()
        saved = await page.get_by_role("region", name="What is in force").inner_text()

    assert back == "4"
    assert "More than 4 notifications" in in_force
    assert kept == ("3", True)
    assert "3" in typed
    assert "More than 3 notifications" in saved
    assert "Battery low, shutdown near" in saved


async def save(page, *, times: int = 1) -> None:
    await page.get_by_role("button", name="Save Settings").click(click_count=times)
    await page.get_by_text("Your settings are saved.").wait_for()


async def test_who_gets_no_mail_is_told_why_and_a_mail_says_why_it_came(portal, company, mail, stack, chromium):
    ada, _ = company
    fan = await ada.caller.register_device("/v1/devices", {"name": "Fan room"})

    async with tab(chromium) as page:
        page.context.set_default_timeout(WITHIN_MS)
        await page.goto(f"{portal}/notifications")
        await sign_in(page, ada.address, ada.password)
        await page.get_by_label("No e-mail about any UPS of").check()
        await save(page)
        await fan.send("OVER_TEMPERATURE")
        await page.goto(f"{portal}/help/no-mail?device={fan.device_id}")
        await eventually(lambda: reloaded(page, page.locator("ol.lines").get_by_text("Too hot")), within_s=60)
        why_not = await page.get_by_role("region", name="Fan room").inner_text()
        await page.get_by_role("main").get_by_role("link", name="Notifications", exact=True).click()
        await page.get_by_label("What I chose for each UPS").check()
        await save(page)
        await fan.send("FAN_FAULT")
        mailed = await mail(ada, "Fan failed")

        await page.goto(link(mailed, "why"))
        why = await page.get_by_role("main").inner_text()
        await page.goto(link(mailed, "unsubscribe"))
        await page.get_by_label("This UPS").check()
        await page.get_by_role("button", name="Unsubscribe").dblclick()
        await page.get_by_role("heading", name="You are unsubscribed from this UPS").wait_for()
        reader = await page.context.new_page()
        await reader.goto(link(mailed, "why"))
        off = await reader.get_by_role("main").inner_text()
        await reader.goto(f"{portal}/devices/{fan.device_id}")
        on_its_page = await reader.get_by_role("region", name="Mails to you").inner_text()
        await page.get_by_role("button", name="again").click()
        await page.get_by_role("heading", name="You are subscribed again").wait_for()
        await fan.send("BATTERY_REPLACE")
        await mail(ada, "Replace battery")
        subjects = [each.subject for each in await stack.inbox.mails(to=ada.address)]

    assert "You get no mail about it now" in why_not
    assert "You chose to get no event mails about this company's UPSes." in why_not
    assert "Event mails about this UPS" in why
    assert "Fan room" in why
    assert "No event mails about this UPS" in off
    assert "You chose to get no event mails about this UPS." in on_its_page
    assert not [each for each in subjects if "Too hot" in each]

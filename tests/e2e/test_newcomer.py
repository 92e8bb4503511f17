"""What somebody who has never seen the portal does there: in a real browser, on the real services, by real mails."""

import re

import pytest
import pytest_asyncio

from ups_devstack.fleet import Operator
from ups_devstack.founding import Founding, Person
from ups_portal.testing.browser import MISSING, browser, tab
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.asyncio(loop_scope="module")]

OTHER_PASSWORD = "roter Kran im Hafen"
SENT = "Your invitation was sent. Thank you for sharing Ridethrough with your co-worker."


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium():
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def company(services):
    """Ada, who has founded a company, and Ben, whom she has invited."""
    async with Operator(services) as operator:
        ada = Person("Ada Adler", "ada@newcomer.example", "Europe/Berlin", operator.beside())
        ben = Person("Ben Brook", "ben@newcomer.example", "America/New_York", operator.beside())
        founding = Founding(lambda _person, _what: None, mail_within_s=90)
        await founding.found(ada, "Acme")
        await founding.invite(ada, ben)
        yield ada, ben


@pytest.fixture
def portal(services):
    return services[Service.PORTAL].url


async def sign_in(page, address: str, password: str) -> None:
    await page.get_by_label("E-mail address").fill(address)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Sign out").wait_for()


async def mails(stack, address: str, words: str):
    """Those with these words in the subject, once there are any."""

    async def come():
        return [each for each in await stack.inbox.mails(to=address) if words in each.subject]

    return await eventually(come, within_s=90, every_s=0.1)


async def mail(stack, address: str, words: str):
    """The only one with these words."""
    (found,) = await mails(stack, address, words)
    return found


def link(mailed, kind: str) -> str:
    (url,) = set(re.findall(rf"http://127\.0\.0\.1:\d+/l/{kind}/[\w.-]+", mailed.text))
    return url


async def reloaded(page, shown) -> bool:
    await page.reload()
    return await shown.count() > 0


async def test_why_a_ups_is_silent_is_seen_and_a_double_click_enables_it_once(portal, company, stack, chromium):
    ada, _ = company
    line = await ada.caller.register_device("/v1/devices", {"name": "Noisy line"})
    for turn in range(8):
        await line.send("COMM_LOST" if turn % 2 == 0 else "COMM_RESTORED")
    await mail(stack, ada.address, "Event Notifications Disabled")

    async with tab(chromium) as page:
        await page.goto(portal)
        await sign_in(page, ada.address, ada.password)
        badge = page.locator(f"[data-device='{line.device_id}']").get_by_text("Event Notifications Disabled")
        await eventually(lambda: reloaded(page, badge), within_s=60)
        await page.get_by_role("link", name="Noisy line").click()
        banner = page.get_by_role("region", name="Event Notifications Disabled")
        told, mails = await banner.inner_text(), await page.get_by_role("region", name="Mails to you").inner_text()
        await banner.get_by_role("button", name="Enable Notifications").dblclick()
        await page.get_by_role("status").filter(has_text="nabled").wait_for()
        history = page.get_by_role("region", name="When Event Notifications were disabled")
        await eventually(lambda: reloaded(page, history.get_by_text("You enabled them.")), within_s=60)
        banners = await banner.count()
        await page.go_back()
        await page.go_forward()
        times = await history.get_by_text("You enabled them.").count()
        await line.send("OVERLOAD")
        await mail(stack, ada.address, "Overload")

    assert "Contact with the UPS lost" in told
    assert "You get no mail" in mails
    assert (banners, times) == (0, 1)


async def test_a_co_worker_is_invited_in_the_products_words_and_joins_in_a_browser_of_their_own(
    portal, company, stack, chromium, address
):
    ada, ben = company
    dot = address("dot")
    async with tab(chromium) as page, tab(chromium) as another:
        await page.goto(f"{portal}/invite")
        await sign_in(page, ada.address, ada.password)
        for entered, words in (
            ("", "Enter an e-mail address."),
            ("dot at newcomer", "That is not a valid e-mail address. Check it and enter it again."),
            (ben.address, "This person is already in your company."),
        ):
            await invite(page, entered)
            await page.get_by_text(words, exact=True).wait_for()
            assert await page.get_by_label("E-mail address").input_value() == entered
        await page.get_by_label("E-mail address").fill(dot)
        await page.get_by_role("button", name="Send Invite").dblclick()
        await page.get_by_role("heading", name="Invitation Sent").wait_for()
        await page.get_by_text(SENT, exact=True).wait_for()
        await page.reload()
        await page.get_by_role("link", name="Invite somebody else").click()
        await invite(page, dot)
        await page.get_by_text("This co-worker has already been invited. Invite somebody else.", exact=True).wait_for()
        await page.get_by_role("link", name="Cancel").click()
        await page.get_by_role("heading", name="Devices").wait_for()

        await another.goto(link(await mail(stack, dot, "Invitation to Acme"), "invitation"))
        assert await another.get_by_text("Ada Adler").count() == 1
        await another.get_by_label("Your name").fill("Dot Dean")
        await another.get_by_label("New password").fill(OTHER_PASSWORD)
        await another.get_by_label("The same once more").fill(OTHER_PASSWORD)
        await another.get_by_role("button", name="Accept and join").dblclick()
        # of the second click, if that one's answer was shown
        await another.get_by_role("heading", name=re.compile("You have joined|accepted already")).wait_for()
        await another.go_back()
        await another.goto(f"{portal}/devices")
        await sign_in(another, dot, OTHER_PASSWORD)
        who = await another.locator(".who").inner_text()
        told = await mail(stack, ada.address, "Dot Dean")

    assert "Dot Dean" in who
    assert "Acme" in who
    assert told.subject.startswith("Invitation accepted")
    assert len(await mails(stack, dot, "Invitation to Acme")) == 1


async def test_signed_out_in_another_tab_and_with_another_password_what_was_typed_is_sent_by_a_press(
    portal, company, stack, chromium, address
):
    _, ben = company
    dan, password = address("dan"), "blaue Boje im Sund"
    async with tab(chromium) as page:
        await page.goto(f"{portal}/invite")
        await sign_in(page, ben.address, ben.password)
        await page.get_by_label("E-mail address").fill(dan)

        other = await page.context.new_page()
        await other.goto(f"{portal}/devices")
        await other.get_by_role("button", name="Sign out").dblclick()
        await other.get_by_role("link", name="Reset Password").click()
        await other.get_by_label("E-mail address").fill(ben.address)
        await other.get_by_role("button", name="Reset Password").dblclick()
        await other.get_by_role("heading", name="Look into your inbox").wait_for()
        await other.goto(link((await mails(stack, ben.address, "Reset Password"))[0], "reset"))
        await other.get_by_label("New password").fill(password)
        await other.get_by_label("The same once more").fill(password)
        await other.get_by_role("button", name="Save the new password").dblclick()
        await other.get_by_role("link", name="Sign in").wait_for()

        await page.get_by_role("button", name="Send Invite").click()
        await page.get_by_text("What you had entered is kept").wait_for()
        await page.get_by_label("E-mail address").fill(ben.address)
        await page.get_by_label("Password", exact=True).fill(ben.password)
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("alert").wait_for()
        ben.password = password
        await sign_in(page, ben.address, ben.password)
        shown = await page.locator("main li").all_inner_texts()
        early = await stack.inbox.mails(to=dan)
        await page.get_by_role("button", name="Send it").dblclick()
        await page.get_by_text(SENT, exact=True).wait_for()
        await mail(stack, dan, "Invitation to Acme")

    assert shown == [dan]
    assert early == []


async def test_what_is_mailed_is_chosen_unsubscribed_from_and_chosen_again(portal, company, stack, chromium):
    ada, ben = company
    fan = await ada.caller.register_device("/v1/devices", {"name": "Fan room"})

    async def happens(code: str, words: str) -> None:
        """Ada, its owner, has the mail of it: what was to come to others is decided."""
        await fan.send(code)
        await mail(stack, ada.address, words)

    async with tab(chromium) as page:
        await page.goto(f"{portal}/devices")
        await sign_in(page, ben.address, ben.password)
        await page.get_by_role("link", name="Fan room").click()
        mine = page.get_by_role("region", name="Mails to you")
        await mine.get_by_text("You get no mail").wait_for()
        await mine.get_by_role("link", name="What is mailed to you", exact=True).click()
        await page.get_by_role("heading", name="E-mail preference").wait_for()
        await save(page, "Only what is critical", times=2)
        await happens("OVER_TEMPERATURE", "Too hot")
        await happens("FAN_FAULT", "Fan failed")
        mailed = await mail(stack, ben.address, "Fan failed")
        await save(page, "Warnings, and what is critical")
        await happens("BYPASS_ON", "On bypass")
        await mail(stack, ben.address, "On bypass")

        reader = await page.context.new_page()
        await reader.goto(link(mailed, "unsubscribe"))
        await reader.get_by_label("All UPSes of this company").check()
        await reader.get_by_role("button", name="Unsubscribe").dblclick()
        await reader.get_by_role("heading", name="You are unsubscribed from all UPSes of this company").wait_for()
        await happens("BATTERY_REPLACE", "Replace battery")

        await page.goto(f"{portal}/notifications")
        assert await page.get_by_label("No e-mail about any UPS of").is_checked()
        await save(page, "What I chose for each UPS", times=2)
        await page.go_back()
        await happens("BATTERY_FAILED", "Battery failure")
        await mail(stack, ben.address, "Battery failure")
        subjects = [each.subject for each in await stack.inbox.mails(to=ben.address)]

    assert not [each for each in subjects if "Too hot" in each or "Replace battery" in each]
    assert len([each for each in subjects if "Unsubscribed" in each]) == 1


async def save(page, choice: str, *, times: int = 1) -> None:
    # without what was said of an earlier choice
    await page.goto(page.url.partition("?")[0])
    await page.get_by_label(choice).check()
    await page.get_by_role("button", name="Save Settings").click(click_count=times)
    await page.get_by_text("Your settings are saved.").wait_for()


async def invite(page, address: str) -> None:
    await page.get_by_label("E-mail address").fill(address)
    await page.get_by_role("button", name="Send Invite").click()

"""From the link in a mail to the changed state, in a real browser."""

import re

import httpx
import pytest

from ups_portal.testing.browser import MISSING, browser, tab
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

in_browser = pytest.mark.skipif(bool(MISSING), reason=MISSING)


def link(mail, kind: str) -> str:
    (url,) = set(re.findall(rf"http://127\.0\.0\.1:\d+/l/{kind}/[\w.-]+", mail.text))
    return url


async def mails(stack, person, count: int):
    async def there():
        found = await stack.inbox.mails(to=person["address"])
        return found if len(found) >= count else None

    return await eventually(there, within_s=90)


async def mail_about(stack, person, words: str):
    """How many came before is a question of speed: a digest may tell several events."""
    found = [mail for mail in await stack.inbox.mails(to=person["address"]) if words in mail.subject]
    return found[0] if found else None


async def notifications(operator, device, wanted: str):
    status = await operator.notifications(device)
    return status if status["state"] == wanted else None


@pytest.fixture
async def mailed(operator, stack, address):
    """An owner, a device, and the first mail about it."""
    ada = await operator.add_user(address("ada"), "Ada")
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Rack <b>1</b>", site="Cellar")
    await device.send("ON_BATTERY")
    (mail,) = await mails(stack, ada, 1)
    return ada, device, mail


@in_browser
async def test_the_owner_enables_by_the_alerts_link_and_the_throttle_confirms_it(operator, stack, address):
    ada = await operator.add_user(address("ada"), "Ada")
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Chatterer")
    for turn in range(8):
        await device.send("COMM_LOST" if turn % 2 == 0 else "COMM_RESTORED")
    alert = await eventually(lambda: mail_about(stack, ada, "Event Notifications Disabled"), within_s=90)
    await eventually(lambda: notifications(operator, device, "disabled"), within_s=60)

    async with browser() as chromium, tab(chromium) as page:
        await page.goto(link(alert, "enable"))
        assert await page.get_by_text("Contact with the UPS lost").count() == 4
        assert (await operator.notifications(device))["state"] == "disabled"
        await page.get_by_role("button", name="Enable Notifications").click()
        await page.get_by_role("heading", level=1).filter(has_text="nabled").wait_for()
        await eventually(lambda: notifications(operator, device, "enabled"), within_s=60)
        await page.reload()
        await page.get_by_role("heading", name="Event Notifications are enabled").wait_for()

    assert await eventually(lambda: mail_about(stack, ada, "enabled again"), within_s=90)


@in_browser
async def test_unsubscribing_is_confirmed_by_a_mail_whose_undo_brings_it_back(operator, stack, mailed):
    ada, device, mail = mailed

    async with browser() as chromium, tab(chromium) as page:
        await page.goto(link(mail, "unsubscribe"))
        assert {"Rack <b>1</b>", "Cellar"} <= set(
            re.findall(r"[^\u2068\u2069]+", await page.get_by_role("main").inner_text())
        )
        await page.get_by_label("All UPSes of this company").check()
        await page.get_by_role("button", name="Unsubscribe").click()
        await page.get_by_role("heading", name="You are unsubscribed from all UPSes of this company").wait_for()
        await page.get_by_text("Nobody is told by mail").wait_for()
        confirmation = (await mails(stack, ada, 2))[1]
        await page.goto(link(confirmation, "resubscribe"))
        await page.get_by_role("button", name="Subscribe to this company's UPSes again").click()
        await page.get_by_role("heading", name="You are subscribed again").wait_for()
        await page.goto(link(mail, "unsubscribe"))
        await page.get_by_role("heading", name="Unsubscribe from Email Event Notifications").wait_for()

    await device.send("OVERLOAD")
    assert "Overload" in (await mails(stack, ada, 3))[2].subject


async def test_a_mail_programs_own_button_unsubscribes_from_the_company(operator, stack, mailed):
    ada, device, mail = mailed
    url = mail.header("List-Unsubscribe").strip("<>")

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        looked = [await client.request(method, url) for method in ("GET", "HEAD")]
        pressed = [await client.post(url, files={"List-Unsubscribe": (None, "One-Click")}) for _ in range(3)]
        shown = await client.get(url)

    assert {answer.status_code for answer in looked + pressed} == {200}
    assert "You are unsubscribed from all UPSes of this company" in shown.text
    await mails(stack, ada, 2)
    await device.send("OVERLOAD")
    row = await eventually(lambda: decided(operator, device, "OVERLOAD"), within_s=60)
    assert row["decision"]["outcome"] == "no_subscriber"
    assert len(await stack.inbox.mails(to=ada["address"])) == 2


async def test_every_link_of_a_mail_leads_to_a_page_and_a_cut_one_to_a_page_that_says_so(services, mailed):
    _, _, mail = mailed
    urls = re.findall(r"http://127\.0\.0\.1:\d+/\S+", mail.text)

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        whole = [await client.get(url) for url in urls]
        cut = await client.get(link(mail, "unsubscribe")[:-4])

    assert len(urls) >= 3
    for answer in whole:
        if answer.request.url.path.startswith("/devices/"):
            # the Event Log, for who is signed in
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in?next=%2Fdevices%2F")
        else:
            assert answer.status_code == 200
    assert cut.status_code == 404
    assert "This link does not work" in cut.text


async def test_while_device_svc_is_away_the_page_says_so_and_the_link_stays_good(services, mailed):
    _, _, mail = mailed
    url = link(mail, "unsubscribe")

    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        services[Service.DEVICE_SVC].stop()
        try:
            away = await client.get(url)
            pressed = await client.post(url, data={"action": "unsubscribe", "scope": "device"})
        finally:
            services[Service.DEVICE_SVC].start()
        back = await client.get(url)

    assert (away.status_code, pressed.status_code, back.status_code) == (503, 503, 200)
    assert away.headers["retry-after"]
    assert "Nothing was changed" in away.text
    assert "Nothing was changed" in pressed.text
    assert "Choose which event mails" in back.text


async def decided(operator, device, code: str):
    rows = await operator.log_rows(device)
    return next((row for row in rows if row["event"]["code"] == code and row["decision"]), None)

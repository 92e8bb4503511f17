"""Pages that stay open while things happen, services die and sessions end: in a real browser, on the real services."""

from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio

from ups_devstack.fleet import Operator, RefusedError
from ups_devstack.founding import Founding, Person
from ups_portal.testing.browser import MISSING, browser, sign_in, tab
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.asyncio(loop_scope="module")]

# After that an open page tries again what was refused (live.js).
BACK_AFTER_MS = 30_000
# Tabs of one person that follow.
MOST_TABS = 10
WITHIN_MS = 90_000


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium():
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def operator(services):
    async with Operator(services) as operator:
        yield operator


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ada(operator):
    person = Person("Ada Adler", "ada@open.example", "Europe/Berlin", operator.beside())
    await Founding(lambda _person, _what: None, mail_within_s=90).found(person, "Acme")
    return person


@pytest.fixture
def portal(services):
    return services[Service.PORTAL].url


def follows(seen) -> bool:
    """Whether this request, or the answer to it, is that of a page that follows what changes."""
    return httpx.URL(seen.url).path == "/live"


async def end_all_access_tokens(operator, person) -> None:
    """As their time does; sessions go on."""
    keys = (await operator.call(Service.INVITE_SVC, "GET", "/v1/operator/signing-keys"))["signing_keys"]
    signs = next(key["key_id"] for key in keys if key["published"] and not key["revoked_at"])
    await operator.call(Service.INVITE_SVC, "DELETE", f"/v1/operator/signing-keys/{signs}")

    async def refused():
        try:
            await person.caller.call(Service.DEVICE_SVC, "GET", "/v1/devices")
        except RefusedError as refusal:
            return refusal.status == httpx.codes.UNAUTHORIZED
        return False

    await eventually(refused, within_s=60)


async def it_is_silenced_and_enabled_in_another_tab(rack, page, overview) -> None:
    """The banner and the badge come and go by themselves."""
    badge = overview.locator(f"[data-device='{rack.device_id}']").get_by_text("Event Notifications Disabled")
    enable = page.get_by_role("button", name="Enable Notifications")
    for turn in range(8):
        await rack.send("COMM_LOST" if turn % 2 == 0 else "COMM_RESTORED")
    await enable.wait_for()
    await badge.wait_for()
    other = await page.context.new_page()
    await other.goto(page.url)
    await other.get_by_role("button", name="Enable Notifications").click()
    await other.get_by_text("What happens from now on is mailed again.").wait_for()
    await other.close()
    await enable.wait_for(state="detached")
    await page.get_by_text("You enabled them.").wait_for()
    await badge.wait_for(state="detached")


async def services_die(services, rack, page, now, rows) -> None:
    """What happened while they were away appears, by the page's own doing."""
    services[Service.DEVICE_SVC].kill()
    await rack.send("OVERLOAD")
    services[Service.DEVICE_SVC].start()

    async def brought():
        await page.clock.fast_forward(BACK_AFTER_MS)
        return await now.get_by_text("Overload").count() and await rows.filter(has_text="Overload").count()

    await eventually(brought, within_s=90, every_s=1)

    services[Service.PORTAL].kill()
    await rack.send("FAN_FAULT")
    services[Service.PORTAL].start()
    await now.get_by_text("Fan failed").wait_for()
    await rows.filter(has_text="Fan failed").wait_for()


async def test_what_happens_appears_on_open_pages_whatever_ends_meanwhile(services, portal, operator, ada, chromium):
    rack = await ada.caller.register_device("/v1/devices", {"name": "Rack 1"})
    async with tab(chromium) as page:
        page.context.set_default_timeout(WITHIN_MS)
        await page.clock.install()
        await page.goto(f"{portal}/devices/{rack.device_id}")
        await sign_in(page, ada.address, ada.password)
        overview, log, other = [await page.context.new_page() for _ in range(3)]
        await overview.goto(f"{portal}/devices")
        await log.goto(f"{portal}/events")
        now, rows = page.locator("[data-live=now]"), log.locator("[data-live=events] > li")

        await rack.send("ON_BATTERY")
        await now.get_by_text("On battery").wait_for()
        await overview.get_by_role("heading", name="What is wrong now").wait_for()
        await rows.filter(has_text="Mailed to Ada Adler").wait_for()
        await it_is_silenced_and_enabled_in_another_tab(rack, page, overview)
        await services_die(services, rack, page, now, rows)

        await end_all_access_tokens(operator, ada)
        await rack.send("BATTERY_REPLACE")
        await now.get_by_text("Replace battery").wait_for()
        await rows.filter(has_text="Replace battery").wait_for()
        ids = [await row.get_attribute("id") for row in await rows.all()]
        happened = [await row.locator("strong").inner_text() for row in await rows.all()]

        await other.goto(f"{portal}/account")
        await other.get_by_role("button", name="Sign out", exact=True).click()
        await other.get_by_role("heading", name="Sign in").wait_for()
        async with log.expect_event("requestfailed", follows):
            await rack.send("BATTERY_FAILED")
        shown = await rows.count()
        await log.get_by_role("link", name="Rack 1").first.click()
        await log.get_by_role("heading", name="Sign in").wait_for()

    assert len(ids) == len(set(ids)) == 12
    assert happened[:3] == ["Replace battery", "Fan failed", "Overload"]
    assert shown == 12


async def test_with_too_many_tabs_or_without_a_script_what_happens_is_seen_by_reloading(
    services, portal, operator, ada, chromium
):
    company_id = (await operator.call(Service.INVITE_SVC, "GET", f"/v1/operator/users/{ada.user_id}"))["company_id"]
    rack = await operator.add_device(company_id, ada.user_id, "Rack 2")
    async with tab(chromium) as page, tab(chromium, javascript=False) as plain, AsyncExitStack() as tabs:
        for each in (page, plain):
            each.context.set_default_timeout(WITHIN_MS)
            await each.goto(f"{portal}/devices")
            await sign_in(each, ada.address, ada.password)
        cookies = {each["name"]: each["value"] for each in await page.context.cookies()}
        client = httpx.AsyncClient(base_url=portal, cookies=cookies, trust_env=False, timeout=30)
        await tabs.enter_async_context(client)
        await page.goto(f"{portal}/help")
        opened = [await tabs.enter_async_context(client.stream("GET", "/live")) for _ in range(MOST_TABS)]
        async with page.expect_response(follows) as refused:
            await page.goto(f"{portal}/devices/{rack.device_id}")
        await plain.goto(page.url)
        before = await page.get_by_text("Overload").count() + await plain.get_by_text("Overload").count()
        await rack.send("OVERLOAD")
        for each in (page, plain):
            overload = each.locator("[data-live=now]").get_by_text("Overload")
            await eventually(lambda each=each, shown=overload: reloaded(each, shown), within_s=60)

    assert [each.status_code for each in opened] == [200] * MOST_TABS
    assert (await refused.value).status == httpx.codes.TOO_MANY_REQUESTS
    assert before == 0


async def reloaded(page, shown) -> bool:
    await page.reload()
    return await shown.count() > 0

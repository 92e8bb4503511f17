"""What happened to UPSes, looked for by keyboard, downloaded and drawn; in a browser, on the real services."""

import csv
import io
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest

from ups_devstack.founding import Founding, Person
from ups_portal.testing.browser import MISSING, browser, sign_in, tab
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

ZONE = "Europe/Berlin"
TURNS = 26
WITHIN_MS = 90_000


async def log_of(person) -> list:
    """All rows of the company, newest first, once everything is decided."""

    async def decided():
        rows, cursor = [], {}
        while True:
            page = await person.caller.call(Service.DEVICE_SVC, "GET", "/v1/events", limit=100, **cursor)
            rows += page["events"]
            if not page["cursor"]:
                break
            cursor = {"cursor": page["cursor"]}
        # the old rack's, on battery, and each turn's overload and its end
        return rows if len(rows) == 2 + 2 * TURNS and all(row["decision"] for row in rows) else None

    return await eventually(decided, within_s=90)


@pytest.fixture
async def page():
    async with browser() as chromium, tab(chromium) as page:
        page.context.set_default_timeout(WITHIN_MS)
        yield page


@pytest.fixture
async def story(operator, address):
    """Ada, a UPS that was removed, and one that was disabled and enabled, and is on battery."""
    ada = Person("Ada Adler", address("ada"), ZONE, operator.beside())
    await Founding(lambda _person, _what: None, mail_within_s=90).found(ada, "Acme")
    old, rack = [await ada.caller.register_device("/v1/devices", {"name": name}) for name in ("Old rack", "Rack 1")]
    await old.send("FAN_FAULT")
    for turn in range(TURNS):
        await rack.send("OVERLOAD", attributes={"battery_charge_percent": 100 - turn})
        await rack.send("OVERLOAD_CLEARED")
    await rack.send("ON_BATTERY")
    rows = await log_of(ada)
    await ada.caller.call(Service.DEVICE_SVC, "POST", f"/v1/devices/{rack.device_id}/notifications/enable")
    await ada.caller.call(Service.DEVICE_SVC, "DELETE", f"/v1/devices/{old.device_id}")
    return ada, rows


async def tab_to(page, wanted: str) -> None:
    """Press Tab until what this selects has the focus."""
    for _ in range(80):
        await page.keyboard.press("Tab")
        if await page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"the keyboard does not reach {wanted}")


async def shown(page) -> list[str]:
    return [await row.get_attribute("id") for row in await page.locator("[data-live=events] > li").all()]


async def searched(page, days) -> tuple[list[str], httpx.QueryParams]:
    """What is found of mailed overloads of these days without a mouse, and what was asked; then all is shown again."""
    await tab_to(page, "#code")
    await page.keyboard.type("Overload")
    await tab_to(page, "#outcome")
    await page.keyboard.type("Mailed")
    for field, day in zip(("#first", "#last"), days, strict=True):
        await tab_to(page, field)
        await page.keyboard.type(f"{day:%m%d%Y}")
    await tab_to(page, ".press button")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/events?*code=OVERLOAD*")
    found, asked = await shown(page), httpx.URL(page.url).params
    await tab_to(page, ".press a")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/events")
    return found, asked


async def test_the_log_is_searched_and_paged_by_keyboard_and_downloaded(services, story, page):
    ada, rows = story
    portal, today = services[Service.PORTAL].url, datetime.now(ZoneInfo(ZONE)).date()
    days = today - timedelta(days=1), today + timedelta(days=1)
    await page.goto(f"{portal}/events")
    await sign_in(page, ada.address, ada.password)

    found, asked = await searched(page, days)
    newest = await shown(page)
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download them all as a table").press("Enter")
    downloaded = await downloading.value
    table = list(csv.DictReader(io.StringIO((await downloaded.path()).read_text(encoding="utf-8-sig"))))
    await page.get_by_role("link", name="Older ones").press("Enter")
    await page.get_by_role("link", name="The newest").wait_for()
    older = await shown(page)
    removed = page.locator("[data-live=events] > li").filter(has_text="Fan failed")
    name, links = await removed.locator(".happened").inner_text(), await removed.get_by_role("link").count()
    cookies = {each["name"]: each["value"] for each in await page.context.cookies()}
    async with httpx.AsyncClient(base_url=portal, cookies=cookies, trust_env=False, timeout=30) as client:
        head = await client.head("/events.csv")

    mailed = [row for row in rows if row["event"]["code"] == "OVERLOAD" and row["decision"]["outcome"] == "notify"]
    assert mailed
    assert found == [f"row-{row['row_id']}" for row in mailed]
    assert [asked["outcome"], asked["first"], asked["last"]] == ["notify", *map(str, days)]
    assert newest + older == [f"row-{row['row_id']}" for row in rows]
    assert len(newest) == 50
    assert [(line["code"], line["event_id"], line["text"]) for line in table] == [
        (row["event"]["code"], row["event"]["event_id"], row["text"]) for row in rows
    ]
    assert {line["device"] for line in table} == {"Old rack", "Rack 1"}
    assert downloaded.suggested_filename.endswith(".csv")
    assert re.search(r"Old rack\W*\(removed\)", name)
    assert links == 0
    assert (head.status_code, head.headers["content-type"]) == (200, "text/csv; charset=utf-8")

    await its_time_line_is_drawn(page)


async def its_time_line_is_drawn(page) -> None:
    """As a picture, and the same as tables."""
    await page.get_by_role("link", name="Devices", exact=True).click()
    await page.get_by_role("link", name="Rack 1").click()
    await page.get_by_role("link", name="Timeline").click()
    picture = page.get_by_role("img", name="What was wrong over time, as bars.")
    lanes = await picture.locator(".lane").all_inner_texts()
    bars, lasting, shades = [
        await picture.locator(kind).count() for kind in ("rect.bar", "rect.bar.open", "rect.shade")
    ]
    conditions = await page.get_by_role("table", name="What was wrong, newest first").locator("tbody tr").all()
    told = [await condition.inner_text() for condition in conditions]
    silences = await page.get_by_role("table", name="When notifications were disabled").locator("tbody tr").count()
    curves = await page.get_by_role("img", name="Battery and voltage over time").locator(".lane").all_inner_texts()
    await page.get_by_text("What was measured, as a table").click()
    measured = page.get_by_role("table", name="What was measured").locator("td[data-label='Battery charge']")
    charges = await measured.all_inner_texts()

    assert sorted(lanes) == ["On battery", "Overload"]
    assert (bars, lasting, silences) == (TURNS + 1, 1, 1)
    assert shades >= 1
    assert len(told) == TURNS + 1
    assert "On battery" in told[0]
    assert curves == ["Battery charge"]
    assert [int(re.match(r"\d+", charge)[0]) for charge in charges] == [100 - turn for turn in reversed(range(TURNS))]

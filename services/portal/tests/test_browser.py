"""The pages in a real browser: pressed, scanned, looked at, and read by those who do not see."""

import re
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from ups_portal.app import start
from ups_portal.settings import BackendSettings, OwnPortalSettings, Settings
from ups_portal.testing.browser import DESK, MISSING, PHONE, browser, complaints, picture, tab
from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc
from ups_portal.testing.fake_devices import DISABLED, FakeDevices, a_condition, a_device
from ups_portal.testing.fake_invite_svc import PASSWORD, FakeInviteSvc
from ups_portal.testing.fake_log import FakeLog, a_row
from ups_portal.testing.fake_no_mail import STOPPED
from ups_portal.testing.fake_sessions import ADDRESS
from ups_portal.testing.framed_gallery import cookie_of, framed_gallery
from ups_portal.testing.gallery import gallery, path_of
from ups_portal.testing.pseudo import Pseudo
from ups_portal.testing.site import SESSION_KEY, site
from ups_runtime.lifecycle import Life, running
from ups_runtime.settings import HttpSettings, LogSettings
from ups_runtime.testing import FakeClock, eventually

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.asyncio(loop_scope="module")]

PICTURES = Path("artefacts/portal")
LOOKS = {"light": ("light", DESK), "dark": ("dark", DESK), "phone": ("light", PHONE)}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium():
    async with browser() as running:
        yield running


class Clock(FakeClock):
    async def sleep(self, seconds):
        self.advance(timedelta(seconds=seconds))


@asynccontextmanager
async def portal(device_svc=None, invite_svc=None):
    """The whole portal on a port, on services in memory on others; gives its URL."""
    clock = Clock(SINCE + timedelta(hours=1))
    behind = Life("fake", clock)
    try:
        port = await behind.serve(device_svc or FakeDeviceSvc().app(), "127.0.0.1", 0)
        people_port = await behind.serve(invite_svc or FakeInviteSvc().app(), "127.0.0.1", 0)
        settings = Settings(
            HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
            LogSettings(),
            OwnPortalSettings(support_address="support@example.com", session_keys=SESSION_KEY),
            BackendSettings(device_url=f"http://127.0.0.1:{port}", invite_url=f"http://127.0.0.1:{people_port}"),
        )
        async with running("portal", settings, start, clock=clock) as life:
            yield f"http://127.0.0.1:{life.ports[0]}"
    finally:
        await behind.tear_down()
        behind.failure.cancel()


async def test_a_press_enables_and_going_back_and_reloading_do_nothing_more(chromium):
    fake = FakeDeviceSvc()
    async with portal(fake.app()) as url, tab(chromium) as page:
        await page.goto(url + path_of("enable"))
        await page.get_by_role("button", name="Enable Notifications").click()
        await page.get_by_role("heading", name="Event Notifications are enabled").wait_for()
        await page.reload()
        await page.go_back()
        await page.go_forward()

        assert await page.get_by_role("heading", level=1).inner_text() == "Event Notifications are enabled"
        assert fake.changes == ["enable"]


async def test_a_double_click_unsubscribes_once(chromium):
    fake = FakeDeviceSvc()
    async with portal(fake.app()) as url, tab(chromium) as page:
        await page.goto(url + path_of("unsubscribe"))
        await page.get_by_role("button", name="Unsubscribe").dblclick()
        await page.get_by_role("heading", name="You are unsubscribed from this UPS").wait_for()

        assert fake.changes == ["unsubscribe device"]


@pytest.mark.parametrize(
    ("label", "scope", "javascript"),
    [
        ("This UPS", "device", True),
        ("All UPSes of this company", "company", False),
        ("All event mails", "all", False),
    ],
)
async def test_a_choice_is_made_confirmed_and_undone(chromium, label, scope, javascript):
    fake = FakeDeviceSvc()
    async with portal(fake.app()) as url, tab(chromium, javascript=javascript) as page:
        await page.goto(url + path_of("unsubscribe"))
        assert await page.get_by_label("This UPS").is_checked()
        await page.get_by_label(label).check()
        await page.get_by_role("button", name="Unsubscribe").click()
        await page.get_by_text("confirms it").wait_for()
        await page.get_by_role("button", name="again").click()
        await page.get_by_role("heading", name="You are subscribed again").wait_for()

        assert fake.changes == [f"unsubscribe {scope}", f"resubscribe {scope}"]


async def test_everything_can_be_done_with_the_keyboard(chromium):
    fake = FakeDeviceSvc()
    async with portal(fake.app()) as url, tab(chromium) as page:
        await page.goto(url + path_of("unsubscribe"))
        await page.keyboard.press("Tab")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        focused = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        await page.keyboard.press("Enter")
        await page.get_by_text("confirms it").wait_for()

        assert focused == "solid"
        assert fake.changes == ["unsubscribe company"]


async def test_an_invitation_is_accepted_with_the_keyboard_after_a_mistake(chromium):
    people = FakeInviteSvc()
    async with portal(invite_svc=people.app()) as url, tab(chromium, javascript=False) as page:
        await page.goto(url + path_of("invitation"))
        await page.get_by_label("Your name").fill("Sam Okafor")
        await page.get_by_label("New password").fill("short")
        await page.get_by_label("The same once more").fill("short")
        await page.keyboard.press("Enter")
        await page.get_by_text("10 characters or more.").last.wait_for()
        again = page.get_by_label("New password")
        await picture(page, PICTURES / "invitation-refused.light.png")
        told = await page.locator("main").aria_snapshot()
        described = await again.get_attribute("aria-describedby")
        # the one that was wrong has the focus
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="You have joined").wait_for()
        await page.reload()

        assert "Sam Okafor" in told
        assert "Choose a password of 10 characters or more." in told
        assert described == "password-fault password-hint"
        assert people.changes == ["join as Sam Okafor"]
        assert await page.context.cookies() == []


async def test_a_double_click_chooses_one_password(chromium):
    people = FakeInviteSvc()
    async with portal(invite_svc=people.app()) as url, tab(chromium) as page:
        await page.goto(url + path_of("reset"))
        await page.get_by_label("New password").fill(PASSWORD)
        await page.get_by_label("The same once more").fill(PASSWORD)
        await page.get_by_role("button", name="Save the new password").dblclick()
        await page.get_by_role("heading", name="password").wait_for()

        assert people.changes == ["reset"]


@pytest.mark.parametrize("kind", ["enable", "unsubscribe", "resubscribe", "why", "verify", "invitation", "reset"])
async def test_a_scanner_that_runs_scripts_posts_nothing(chromium, kind):
    fake, people = FakeDeviceSvc(off={"company"} if kind == "resubscribe" else set()), FakeInviteSvc()
    posted = []
    async with portal(fake.app(), people.app()) as url, tab(chromium) as page:
        page.on("request", lambda request: posted.append(request.url) if request.method != "GET" else None)
        for _ in range(2):
            answer = await page.goto(url + path_of(kind), wait_until="networkidle")
            await page.context.request.head(url + path_of(kind))
        followed = [await link.get_attribute("href") for link in await page.locator("a[href^='/']").all()]
        for href in followed:
            await page.goto(url + href, wait_until="networkidle")

        assert answer.status == 200
        assert await page.context.cookies() == []
        assert posted == []
        assert fake.changes + people.changes == []


class Stage:
    """One portal and one window, in which one exhibit after the other is shown; `backend` plays what is behind it."""

    def __init__(self, context, url):
        self.context = context
        self.url = url
        self.exhibit = gallery()["unknown"]

    def backend(self, name):
        # a function: a bound method is taken for an application of the first ASGI
        async def played(scope, receive, send):
            await getattr(self.exhibit, name).app()(scope, receive, send)

        return played


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(chromium):
    context = await chromium.new_context()
    shown = Stage(context, "")
    async with portal(shown.backend("device_svc"), shown.backend("invite_svc")) as shown.url:
        yield shown
    await context.close()


# These differ from others by their words alone.
ALIKE = {
    "verify-used",
    "verify-expired",
    "verify-unknown",
    "invitation-used",
    "invitation-expired",
    "invitation-inviter-gone",
    "invitation-unknown",
    "reset-done",
    "reset-used",
    "reset-void",
    "reset-expired",
    "reset-unknown",
    "accounts-away",
}


EXHIBITS = {**gallery(), **framed_gallery()}


@pytest.mark.parametrize("name", [name for name in EXHIBITS if name not in ALIKE])
async def test_every_page_is_in_order_for_those_who_see_and_those_who_do_not(stage, name):
    exhibit = EXHIBITS[name]
    stage.exhibit = exhibit
    await stage.context.clear_cookies()
    if exhibit.signed_in:
        cookie, value = cookie_of(exhibit, "http://localhost")
        await stage.context.add_cookies([{"name": cookie, "value": value, "url": stage.url}])
    said, loaded = [], []
    page = await stage.context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: loaded.append(request.url))
    answer = await page.goto(stage.url + exhibit.path)
    assert (answer.status == 503) is name.endswith("away")
    for look, (scheme, width) in LOOKS.items():
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": width, "height": 700})
        await picture(page, PICTURES / f"{name}.{look}.png")
        # in other colours and widths the rest is as before
        assert await complaints(page, *([] if look == "light" else ["color-contrast", "target-size"])) == [], look
        # half as wide is what a zoom of 200 % leaves
        await page.set_viewport_size({"width": max(width // 2, 320), "height": 700})
        assert await page.evaluate(WIDER) == [], look
    assert await page.evaluate(UNMARKED) == []
    await well_structured(page)
    await page.close()

    assert all(each.startswith(stage.url) for each in loaded)
    assert [each for each in said if "Failed to load resource" not in each] == []


async def well_structured(page):
    outline = await page.locator("body").aria_snapshot()
    assert await page.title()
    assert await page.evaluate("document.documentElement.lang") == "en"
    assert len(re.findall(r"^- (banner|main|contentinfo)", outline, re.MULTILINE)) == 3
    assert outline.count("[level=1]") == 1


# What holds more than fits into its width: the page scrolls sideways, or the card cuts it off.
WIDER = """() => ['html', '.card, .content'].map(each => document.querySelector(each))
  .filter(each => each.scrollWidth > each.clientWidth).map(each => each.tagName)"""

# What can have the focus without showing it: neither it nor the choice round it gets an outline.
UNMARKED = """() => {
  document.querySelectorAll('details').forEach(each => { each.open = true; });
  return [...document.querySelectorAll(
  'a, button, select, textarea, summary, input:not([type=hidden], [hidden])')].filter(each => {
  each.focus({focusVisible: true});
  return ![each, each.closest('.choice')].filter(Boolean).map(shown => getComputedStyle(shown)).some(
    shown => shown.outlineStyle === 'solid' && parseFloat(shown.outlineWidth) >= 2);
}).map(each => each.outerHTML); }"""


async def test_who_is_signed_in_can_do_everything_with_the_keyboard_and_no_script(chromium):
    async with portal() as url, tab(chromium, javascript=False) as page:
        await page.goto(url + "/devices?site=x")
        await page.get_by_label("E-mail address").fill(ADDRESS)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Devices").wait_for()
        landed = page.url
        await page.keyboard.press("Tab")
        skip = await page.evaluate("document.activeElement.getAttribute('href')")
        await page.keyboard.press("Enter")
        at = await page.evaluate("document.activeElement.id")
        current = await page.locator("nav [aria-current=page]").inner_text()
        await page.get_by_role("button", name="Sign out").press("Enter")
        await page.get_by_role("heading", name="Sign in").wait_for()
        await page.go_back()
        await page.reload()

        assert landed == url + "/devices?site=x"
        assert (skip, at, current) == ("#content", "content", "Devices")
        assert await page.get_by_role("heading", level=1).inner_text() == "Sign in"


async def test_on_a_phone_the_parts_of_the_portal_are_behind_one_button_that_needs_no_script(chromium):
    exhibit = EXHIBITS["devices"]
    cookie, value = cookie_of(exhibit, "http://localhost")
    fakes = exhibit.device_svc.app(), exhibit.invite_svc.app()
    async with (
        portal(*fakes) as url,
        tab(chromium, width=PHONE, javascript=False) as page,
        tab(chromium, width=PHONE) as scanned,
    ):
        for each in (page, scanned):
            await each.context.add_cookies([{"name": cookie, "value": value, "url": url}])
            await each.goto(url + "/devices")
        closed = await page.get_by_role("banner").bounding_box()
        part = page.get_by_role("link", name="Event Log", exact=True)
        shown = await part.is_visible()
        for _ in ("skip", "name", "menu"):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await part.wait_for()
        await picture(page, PICTURES / "menu.phone.png", full_page=False)
        await scanned.get_by_text("Menu").click()
        wrong = await complaints(scanned)
        for _ in ("sign out", "devices", "log"):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")

        await page.get_by_role("heading", name="Event Log").wait_for()
        assert not shown
        assert closed["height"] < 64
        assert wrong == []


async def test_on_paper_a_timeline_needs_no_colours_and_has_its_tables(stage):
    stage.exhibit = EXHIBITS["timeline"]
    cookie, value = cookie_of(stage.exhibit, "http://localhost")
    await stage.context.add_cookies([{"name": cookie, "value": value, "url": stage.url}])
    page = await stage.context.new_page()
    await page.emulate_media(media="print")
    await page.goto(stage.url + stage.exhibit.path)
    fillings = await page.evaluate(
        """() => ['.bar.critical', '.bar.warning', '.bar.info', '.picture .shade'].map(
        each => getComputedStyle(document.querySelector(each)).fill)"""
    )
    measured = await page.get_by_role("table", name="What was measured").is_visible()
    beside = [await each.is_visible() for each in await page.locator("nav, button, summary").all()]
    await picture(page, PICTURES / "timeline.print.png")
    await page.close()

    assert fillings == ["rgb(0, 0, 0)", 'url("#striped")', "rgb(255, 255, 255)", 'url("#dotted")']
    assert measured
    assert not any(beside)


async def test_who_gets_no_mail_signs_in_and_is_told_why_about_the_ups_that_they_choose(chromium):
    fake = FakeDeviceSvc(own=FakeDevices(why=STOPPED))
    async with portal(fake.app()) as url, tab(chromium, javascript=False) as page:
        await page.goto(url + "/sign-in")
        await page.get_by_role("link", name="Help").click()
        await page.get_by_role("main").get_by_role("link", name="Sign in").click()
        await page.get_by_label("E-mail address").fill(ADDRESS)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_label("About which UPS?").select_option("Rack 2")
        await page.get_by_role("button", name="See why").press("Enter")
        await page.get_by_role("heading", name="Rack 2").wait_for()
        chosen = await page.get_by_label("About which UPS?").input_value()
        told = await page.locator("main").aria_snapshot()

        assert chosen == "d-2"
        assert "You get no mail about it now" in told
        assert told.index("Basic Monitoring") < told.index("are disabled from")


async def test_a_link_to_a_kind_of_mail_opens_its_entry_and_no_other(chromium):
    async with portal() as url, tab(chromium, javascript=False) as page:
        await page.goto(url + "/help#disabled")
        entry = page.get_by_text("caused more mails in a short time than its limit allows")
        await entry.wait_for()

        assert await entry.is_visible()
        assert await page.locator("details[open]").count() == 1


async def test_the_browsers_zone_is_proposed_and_a_chosen_one_stays(chromium):
    async with portal() as url:
        context = await chromium.new_context(timezone_id="America/New_York")
        page = await context.new_page()
        await page.goto(url + "/register")
        proposed = await page.get_by_label("Time zone").input_value()
        await page.get_by_label("Time zone").select_option("Asia/Tokyo")
        await page.get_by_label("E-mail address").fill("kim@acme.example")
        await page.get_by_label("Your name").fill("Kim Park")
        await page.get_by_label("Company").fill("Acme")
        await page.get_by_label("Password", exact=True).fill("short")
        await page.get_by_label("The same once more").fill("short")
        await page.keyboard.press("Enter")
        await page.get_by_text("Choose a password of 10 characters or more.").wait_for()
        kept = await page.get_by_label("Time zone").input_value()
        await context.close()

    assert (proposed, kept) == ("America/New_York", "Asia/Tokyo")


async def test_what_was_typed_when_the_session_ended_is_sent_by_a_press_and_not_before(chromium):
    people = FakeInviteSvc()
    own = people.own
    async with portal(invite_svc=people.app()) as url, tab(chromium) as page:
        await page.goto(url + "/account")
        await page.get_by_label("E-mail address").fill(ADDRESS)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_label("Name").fill("Ada Brown")
        own.refused, own.ended = {"access-1"}, True
        await page.get_by_role("button", name="Save").click()
        await page.get_by_text("What you had entered is kept").wait_for()
        await picture(page, PICTURES / "sign-in-carried.light.png")
        await page.get_by_label("E-mail address").fill(ADDRESS)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Go on where you were").wait_for()
        await picture(page, PICTURES / "resumed.light.png")
        wrong = await complaints(page)
        before = list(own.changes)
        await page.get_by_role("button", name="Send it").click()
        await page.get_by_text("Saved.").wait_for()

        assert "edit" not in before
        assert own.me["name"] == "Ada Brown"
        assert wrong == []


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def strange_stage(chromium):
    """The same in a language that nobody speaks, whose words are longer, on a phone."""
    context = await chromium.new_context(viewport={"width": PHONE, "height": 700})
    shown = Stage(context, "")
    behind = Life("portal", Clock(SINCE + timedelta(hours=1)))
    try:
        async with site(
            shown.backend("device_svc"),
            shown.backend("invite_svc"),
            behind.clock,
            origin="http://localhost",
            catalogues={"en": Pseudo()},
        ) as (app, _):
            shown.url = f"http://127.0.0.1:{await behind.serve(app, '127.0.0.1', 0)}"
            yield shown
    finally:
        await context.close()
        await behind.tear_down()
        behind.failure.cancel()


# Pages behind links have one template: these have its longest words, and each of its parts.
LONGEST = {
    "enable",
    "enable-basic-unsubscribed",
    "enable-hostile",
    "unsubscribe",
    "unsubscribe-hostile",
    "unsubscribed-company-last",
    "invitation",
    "invitation-account",
    "invitation-hostile",
    "reset",
    "verify",
    "verify-done",
    "why-event",
    "why-account",
    "forged",
}


@pytest.mark.parametrize("name", [name for name in EXHIBITS if name in LONGEST or name in framed_gallery()])
async def test_longer_words_break_no_page(strange_stage, name):
    exhibit = EXHIBITS[name]
    strange_stage.exhibit = exhibit
    await strange_stage.context.clear_cookies()
    if exhibit.signed_in:
        cookie, value = cookie_of(exhibit, "http://localhost")
        await strange_stage.context.add_cookies([{"name": cookie, "value": value, "url": strange_stage.url}])
    page = await strange_stage.context.new_page()
    await page.goto(strange_stage.url + exhibit.path)
    told = await page.locator("h1").inner_text()
    wider = await page.evaluate(WIDER)
    await picture(page, PICTURES / f"{name}.longer.png")
    await page.close()

    assert "⟦" in told
    assert wider == []


async def test_a_co_worker_is_invited_once_by_a_double_click_after_a_mistake(chromium):
    people = FakeInviteSvc()
    async with portal(invite_svc=people.app()) as url, tab(chromium, javascript=False) as page:
        await page.goto(url + "/invite")
        await page.get_by_label("E-mail address").fill(ADDRESS)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Send Invite").press("Enter")
        await page.get_by_text("Enter an e-mail address.").wait_for()
        # the field that was wrong has the focus
        await page.keyboard.type("sam@example.net")
        await page.get_by_role("button", name="Send Invite").dblclick()
        await page.get_by_role("heading", name="Invitation Sent").wait_for()
        said = await page.get_by_role("status").inner_text()
        await page.reload()
        await page.get_by_role("button", name="Take it back").click()
        await page.get_by_text("The invitation was taken back.").wait_for()

    assert said == "Your invitation was sent. Thank you for sharing Ridethrough with your co-worker."
    assert people.team.changes == ["invite sam@example.net", "revoke i-1"]


async def test_of_two_tabs_the_second_is_told_and_its_choice_is_saved_by_another_press(chromium):
    fake = FakeDeviceSvc()
    async with portal(fake.app()) as url, tab(chromium, javascript=False) as page:
        await page.goto(url + "/notifications")
        await page.get_by_label("E-mail address").fill(ADDRESS)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Notifications", exact=True).wait_for()
        other = await page.context.new_page()
        await other.goto(url + "/notifications")
        await other.get_by_label("No e-mail about any UPS of").check()
        await other.get_by_role("button", name="Save Settings").click()
        await other.get_by_text("Your settings are saved.").wait_for()
        await page.get_by_label("No e-mail about any UPS at all").check()
        await page.get_by_role("button", name="Save Settings").click()
        await page.get_by_text("This was changed elsewhere meanwhile").wait_for()
        kept = await page.get_by_label("No e-mail about any UPS at all").is_checked()
        await page.get_by_role("button", name="Save Settings").click()
        await page.get_by_text("Your settings are saved.").wait_for()

    assert kept
    assert fake.own.preferences.changes == ["all_off=False company_off=True", "all_off=True company_off=False"]


async def test_a_ups_is_registered_and_removed_with_the_keyboard_and_a_double_click_registers_one(chromium):
    fake = FakeDeviceSvc(own=FakeDevices([]))
    async with portal(fake.app()) as url, tab(chromium) as page:
        await page.goto(url + "/devices/new")
        await page.get_by_label("E-mail address").fill(ADDRESS)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_label("Name").fill("Rack 1")
        await page.get_by_role("button", name="Register").dblclick()
        await page.get_by_role("heading", name="is registered").wait_for()
        key = await page.get_by_label("The key").inner_text()
        wrong = await complaints(page)
        await picture(page, PICTURES / "device-key.light.png")
        await page.get_by_role("link", name="To the UPS").press("Enter")
        await page.get_by_role("link", name="Remove it").press("Enter")
        await page.get_by_role("button", name="Remove this UPS").press("Enter")
        await page.get_by_text("The UPS is removed.").wait_for()

        assert key == "rt_0000000000000001.secret"
        assert wrong == []
        assert fake.own.changes == ["register Rack 1", "remove d-1"]


async def test_what_happens_appears_in_an_open_log_by_itself_and_nothing_under_a_hand_goes_away(chromium):
    log = FakeLog([a_row(2), a_row(3, code="OVERLOAD")], held=True)
    fake = FakeDeviceSvc(own=FakeDevices(log=log))
    exhibit = EXHIBITS["log"]
    cookie, value = cookie_of(exhibit, "http://localhost")
    async with portal(fake.app(), exhibit.invite_svc.app()) as url, tab(chromium) as page:
        await page.context.add_cookies([{"name": cookie, "value": value, "url": url}])
        await page.goto(url + "/events?outcome=notify")
        await eventually(lambda: log.followers == 1)
        await page.locator("#row-r-3 a").focus()
        await page.get_by_label("From the day").evaluate("each => { each.value = '2026-11-01' }")

        log.tell(a_row(0, outcome="repeat", phase="repeat"))
        log.tell(a_row(1, code="POWER_RESTORED", phase="clear"))
        await page.locator("#row-r-1").wait_for()
        rows = [await row.get_attribute("id") for row in await page.locator("[data-live=events] > li").all()]
        focused = await page.evaluate("document.activeElement.closest('li').id")
        typed = await page.get_by_label("From the day").input_value()
        told = await page.get_by_role("status").inner_text()

        assert rows == ["row-r-1", "row-r-2", "row-r-3"]
        assert (focused, typed) == ("row-r-3", "2026-11-01")
        assert told == "Something new has happened: the page shows it."
    await eventually(lambda: log.followers == 0)


async def test_an_open_log_goes_on_where_it_was_after_the_stream_broke_off(chromium):
    log = FakeLog([a_row(9)], held=True)
    fake = FakeDeviceSvc(own=FakeDevices(log=log))
    exhibit = EXHIBITS["log"]
    cookie, value = cookie_of(exhibit, "http://localhost")
    async with portal(fake.app(), exhibit.invite_svc.app()) as url, tab(chromium) as page:
        await page.context.add_cookies([{"name": cookie, "value": value, "url": url}])
        await page.goto(url + "/events")
        await eventually(lambda: log.followers == 1)
        log.tell(a_row(2))
        await page.locator("#row-r-2").wait_for()

        log.held = False
        log.tell(a_row(1))
        await page.locator("#row-r-1").wait_for()
        log.held = True
        await eventually(lambda: any(asked.get("last_event_id") == "2.0" for asked in log.asked))
        await eventually(lambda: log.followers == 1)
        log.tell(a_row(0))
        await page.locator("#row-r-0").wait_for()


async def test_what_is_so_with_a_ups_appears_on_its_open_page_by_itself(chromium):
    log = FakeLog(held=True)
    rack = a_device(1)
    fake = FakeDeviceSvc(own=FakeDevices([rack], log=log))
    exhibit = EXHIBITS["log"]
    cookie, value = cookie_of(exhibit, "http://localhost")
    async with portal(fake.app(), exhibit.invite_svc.app()) as url, tab(chromium) as page, tab(chromium) as overview:
        for each, path in ((page, "/devices/d-1"), (overview, "/devices")):
            await each.context.add_cookies([{"name": cookie, "value": value, "url": url}])
            await each.goto(url + path)
        await eventually(lambda: log.followers == 2)

        rack["notifications"] = DISABLED
        rack["open_conditions"] = [a_condition("ON_BATTERY")]
        log.tell(a_row(1))
        await page.get_by_role("button", name="Enable Notifications").wait_for()
        await page.locator("[data-live=now]").get_by_text("On battery").wait_for()
        await overview.get_by_role("heading", name="What is wrong now").wait_for()

        assert {asked.get("device_id") for asked in log.asked} == {"d-1", None}

"""Signing in and out, and what becomes of a session."""

import asyncio
import logging
from datetime import timedelta

import pytest

from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_sessions import ADDRESS, PASSWORD, FakeSessions
from ups_runtime.logging import configure
from ups_runtime.settings import LogSettings
from ups_runtime.testing import FakeClock

COOKIE = "__Host-ridethrough"


async def test_who_signs_in_sees_what_they_asked_for_and_who_they_are(browse):
    browsing = await browse()

    asked = await browsing.get("/devices?q=rack")
    page = await browsing.press("/sign-in", address=ADDRESS, password=PASSWORD)

    assert "Sign in" in asked.text
    assert page.request.url.path == "/devices"
    assert page.request.url.query == b"q=rack"
    assert "Ada Adler" in page.text
    assert "Acme Power GmbH" in page.text
    assert "Rack 1" in page.text


async def test_the_cookie_is_for_this_host_over_tls_and_for_no_script(browse):
    browsing = await browse()
    await browsing.get("/sign-in")
    answer = await browsing.client.post(
        "/sign-in", data=fields_of(browsing.page, "/sign-in") | {"address": ADDRESS, "password": PASSWORD}
    )

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "max-age=2592000", "path=/", "samesite=lax", "secure"}
    assert "access-1" not in cookie
    assert "refresh-1" not in cookie


@pytest.mark.parametrize(
    ("origin", "prefix", "name", "path"),
    [
        ("http://ups.example", "", "ridethrough", "Path=/;"),
        ("https://ups.example", "/ups", "__Secure-ridethrough", "Path=/ups;"),
    ],
)
async def test_the_cookie_follows_where_the_portal_is(browse, origin, prefix, name, path):
    browsing = await browse(origin=origin, prefix=prefix)

    cookie = (await browsing.client.get("/sign-in")).headers["set-cookie"]

    assert cookie.startswith(f"{name}=")
    assert path in cookie
    assert ("Secure" in cookie) is origin.startswith("https")


async def test_a_wrong_password_and_an_unknown_address_are_answered_alike(browse):
    browsing = await browse()

    wrong = await browsing.sign_in(password="wrong")
    unknown = await browsing.sign_in(address="nobody@example.com")

    assert (wrong.status_code, unknown.status_code) == (422, 422)
    assert "The e-mail address or the password is wrong." in wrong.text
    assert "wrong" not in fields_of(wrong, "/sign-in").values()
    tokens = {fields_of(page, "/sign-in")["token"]: "T" for page in (wrong, unknown)}
    alike = [
        page.text.replace(fields_of(page, "/sign-in")["token"], "T").replace(address, "A")
        for page, address in ((wrong, ADDRESS), (unknown, "nobody@example.com"))
    ]
    assert alike[0] == alike[1]
    assert len(tokens) == 2


async def test_who_tried_too_often_is_told_for_how_long_to_wait(browse):
    browsing = await browse(None, FakeInviteSvc(own=FakeSessions(too_often_s=240)))

    page = await browsing.sign_in()

    assert page.status_code == 429
    assert page.headers["retry-after"] == "240"
    assert "Try it again in 4 minutes." in page.text


async def test_while_nobody_can_be_signed_in_the_page_says_so(browse):
    browsing = await browse()
    await browsing.get("/sign-in")
    browsing.invite_svc.failing = 503

    page = await browsing.press("/sign-in", address=ADDRESS, password=PASSWORD)

    assert (page.status_code, page.headers["retry-after"]) == (503, "30")
    assert "That is not possible right now." in page.text
    assert fields_of(page, "/sign-in")["address"] == ADDRESS


async def test_whoever_is_signed_in_is_led_on(signed_in):
    browsing = await signed_in()

    page = await browsing.get("/sign-in?next=/devices%3Fa%3Db")

    assert page.request.url.path == "/devices"
    assert page.request.url.query == b"a=b"


async def test_signing_out_ends_the_session_there_and_here(signed_in):
    browsing = await signed_in()

    page = await browsing.press("/sign-out")
    again = await browsing.get("/devices")

    assert page.request.url.path == "/sign-in"
    assert browsing.invite_svc.own.changes == ["sign in", "sign out"]
    assert again.request.url.path == "/sign-in"


async def test_signing_out_works_while_nobody_can_end_the_session(signed_in):
    browsing = await signed_in()
    browsing.invite_svc.failing = 503

    await browsing.press("/sign-out")

    assert (await browsing.get("/devices")).request.url.path == "/sign-in"


async def test_a_look_signs_nobody_out(signed_in):
    browsing = await signed_in()

    page = await browsing.get("/sign-out")

    assert page.request.url.path == "/devices"
    assert "Ada Adler" in page.text


async def test_signing_in_again_ends_the_session_before(signed_in):
    browsing = await signed_in()
    fields = fields_of(browsing.page, "/sign-out")

    await browsing.post("/sign-in", fields | {"address": ADDRESS, "password": PASSWORD})

    assert browsing.invite_svc.own.changes == ["sign in", "sign in", "sign out"]


async def test_a_session_is_renewed_before_its_token_runs_out(signed_in):
    clock = FakeClock(SINCE)
    browsing = await signed_in(clock=clock)
    before = browsing.client.cookies[COOKIE]

    clock.advance(timedelta(minutes=9))
    await browsing.get("/devices")
    unchanged = browsing.client.cookies[COOKIE]
    clock.advance(timedelta(seconds=31))
    browsing.invite_svc.own.me["name"] = "Ada Brown"
    page = await browsing.get("/devices")

    assert unchanged == before
    assert browsing.client.cookies[COOKIE] != before
    assert browsing.invite_svc.own.renewals == 1
    assert browsing.device_svc.own.tokens == ["access-1", "access-1", "access-2"]
    assert "Ada Brown" in page.text


async def test_a_token_that_is_refused_is_renewed_once(signed_in):
    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(refused={"access-1"})))

    page = await browsing.get("/devices")

    assert "Rack 1" in page.text
    assert browsing.invite_svc.own.renewals == 1
    assert browsing.device_svc.own.tokens[-1] == "access-2"


async def test_a_session_that_has_ended_leads_to_sign_in_and_back(signed_in):
    browsing = await signed_in()
    browsing.device_svc.own.refused = {"access-1"}
    browsing.invite_svc.own.ended = True

    page = await browsing.get("/devices?site=x")
    back = await browsing.press("/sign-in", address=ADDRESS, password=PASSWORD)

    assert page.request.url.path == "/sign-in"
    assert str(back.request.url).endswith("/devices?site=x")


async def test_a_token_that_every_service_refuses_is_a_session_that_has_ended(signed_in):
    browsing = await signed_in()
    browsing.device_svc.own.refused = {f"access-{number}" for number in range(9)}

    page = await browsing.get("/devices")

    assert page.request.url.path == "/sign-in"


async def test_while_nobody_can_renew_a_token_it_is_used_to_its_end(signed_in):
    clock = FakeClock(SINCE)
    browsing = await signed_in(clock=clock)
    browsing.invite_svc.failing = 503

    clock.advance(timedelta(seconds=9 * 60 + 45))
    before_its_end = await browsing.get("/devices")
    clock.advance(timedelta(seconds=16))
    after = await browsing.get("/devices")
    browsing.invite_svc.failing = None
    then = await browsing.get("/devices")

    assert "Rack 1" in before_its_end.text
    assert "Ada Adler" in after.text
    assert "cannot be shown at the moment" in after.text
    assert "Rack 1" in then.text


async def test_two_tabs_at_once_keep_the_session(signed_in):
    clock = FakeClock(SINCE)
    browsing = await signed_in(clock=clock)
    clock.advance(timedelta(minutes=11))

    pages = await asyncio.gather(*(browsing.get("/devices") for _ in range(2)))

    assert all("Rack 1" in page.text for page in pages)


async def test_a_page_says_what_is_missing_and_shows_the_rest(signed_in):
    browsing = await signed_in()
    browsing.device_svc.own.failing = 503

    page = await browsing.get("/devices")

    assert page.status_code == 200
    assert "cannot be shown at the moment" in page.text
    assert "Ada Adler" in page.text
    assert "Sign out" in page.text


async def test_all_devices_are_listed_however_many_pages_they_are(signed_in):
    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(page_size=1)))

    page = await browsing.get("/devices")

    assert "Rack 1" in page.text
    assert "Rack 2" in page.text


@pytest.mark.parametrize("path", ["/", "/devices/d-1/events"])
async def test_where_mails_and_people_begin_leads_to_sign_in_and_then_there(browse, path):
    browsing = await browse()

    asked = await browsing.get(path)
    page = await browsing.press("/sign-in", address=ADDRESS, password=PASSWORD)

    assert asked.request.url.path == "/sign-in"
    assert page.status_code == 200
    assert page.request.url.path.startswith("/devices")


async def test_logs_have_no_token_no_cookie_and_no_address(browse, capsys):
    configure(LogSettings(level="debug"), "portal")
    try:
        browsing = await browse()
        await browsing.sign_in(password="wrong-and-secret")
        await browsing.sign_in()
        cookie = browsing.client.cookies[COOKIE]
        browsing.device_svc.own.failing = 500
        await browsing.get("/devices?next=secret-query")
        browsing.invite_svc.failing = 500
        await browsing.press("/sign-out")
        said = capsys.readouterr().err
    finally:
        logging.getLogger().handlers = []

    assert '"page": "/sign-in"' in said
    assert '"event": "backend.failed"' in said
    for secret in ("access-1", "refresh-1", cookie, ADDRESS, PASSWORD, "wrong-and-secret", "secret-query", "Ada"):
        assert secret not in said

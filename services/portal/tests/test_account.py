"""One's own account, seen and changed."""

import re

import pytest

from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_sessions import ADDRESS, PASSWORD, FakeSessions

NEW = "seven green bottles fall"


@pytest.fixture
async def at_account(signed_in):
    browsing = await signed_in()
    await browsing.get("/account")
    return browsing


async def test_the_page_shows_what_is_so(at_account):
    page = at_account.page

    assert ADDRESS in page.text
    assert fields_of(page, "/account")["name"] == "Ada Adler"
    assert '<option value="Europe/Berlin" selected>' in page.text
    assert '<time datetime="2026-11-19T13:15:00+00:00" title="13:15:00 UTC">Thu 19 Nov 2026, 14:15:00 (UTC+01:00)' in (
        page.text
    )


async def test_a_new_name_and_zone_are_seen_at_once(at_account):
    page = await at_account.press("/account", name="Ada Brown", zone="America/New_York", language="en")

    assert "Saved." in page.text
    assert '<span class="person"><bdi>Ada Brown</bdi>' in page.text
    assert "08:15:00 (UTC−05:00)" in page.text
    assert at_account.invite_svc.own.changes == ["sign in", "edit"]


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({"name": " "}, "Enter your name"),
        ({"name": "\u200b"}, "Enter your name"),
        ({"zone": "Nowhere", "name": "Ada <b>Brown</b>"}, "There is no such time zone."),
    ],
)
async def test_what_is_not_taken_is_said_beside_its_field_and_nothing_typed_is_lost(at_account, entered, words):
    page = await at_account.press("/account", **({"zone": "UTC", "language": "en"} | entered))

    assert page.status_code == 422
    assert words in page.text
    assert 'aria-invalid="true"' in page.text
    assert fields_of(page, "/account")["name"] == entered["name"]
    assert at_account.invite_svc.own.changes == ["sign in"]


async def test_another_password_ends_all_other_sessions_and_goes_on_with_a_new_one(at_account):
    before = at_account.client.cookies["__Host-ridethrough"]
    old_form = fields_of(at_account.page, "/account")

    page = await at_account.press("/account/password", current=PASSWORD, new=NEW, again=NEW)
    stale = await at_account.client.post("/account", data=old_form)

    assert "Your password is changed." in page.text
    assert at_account.client.cookies["__Host-ridethrough"] != before
    assert at_account.invite_svc.own.password == NEW
    assert stale.status_code == 403
    assert NEW not in page.text


async def test_what_was_changed_is_never_said_not_to_be(at_account):
    own = at_account.invite_svc.own
    change, edit = own._change_password, own._edit

    def then_away(call):
        def called(body):
            at_account.invite_svc.failing = 503
            return call(body)

        return called

    own._change_password, own._edit = then_away(change), then_away(edit)
    name = await at_account.press("/account", name="Ada Brown", zone="UTC", language="en")
    at_account.invite_svc.failing = None
    await at_account.get("/account")
    password = await at_account.press("/account/password", current=PASSWORD, new=NEW, again=NEW)

    assert "Saved." in name.text
    assert "Your password is changed." in password.text
    assert own.changes == ["sign in", "edit", "change password"]


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({"current": "", "new": NEW, "again": NEW}, "Enter your password."),
        ({"current": "wrong", "new": NEW, "again": NEW}, "That is not your password."),
        ({"current": PASSWORD, "new": NEW, "again": "x"}, "The two were not the same."),
        ({"current": PASSWORD, "new": "short", "again": "short"}, "Choose a password of 10 characters or more."),
    ],
)
async def test_a_password_that_is_not_taken_changes_nothing_and_comes_back_in_no_field(at_account, entered, words):
    page = await at_account.press("/account/password", **entered)

    assert page.status_code == 422
    assert words in page.text
    assert not {NEW, PASSWORD, "wrong"} & set(fields_of(page, "/account/password").values())
    assert at_account.invite_svc.own.changes == ["sign in"]


async def test_one_session_is_ended(at_account):
    before = at_account.page.text
    page = await at_account.press("/account/sessions/s-2/end")

    assert "That session has ended." in page.text
    assert at_account.invite_svc.own.changes == ["sign in", "end s-2"]
    assert before.count("End it") == 1


async def test_the_session_that_one_looks_by_is_marked_and_ends_by_signing_out(at_account):
    (marked,) = re.findall(
        r'<li class="with-buttons">\s*<p id="session-\d">(.*?)</li>', at_account.page.text, re.DOTALL
    )[:1]

    assert marked.startswith("<strong>This one</strong>")
    assert 'datetime="2026-11-19T13:15:00+00:00"' in marked
    assert "/account/sessions/s-1/end" not in at_account.page.text


async def test_a_session_that_is_not_ones_own_is_not_found(at_account):
    token = fields_of(at_account.page, "/sign-out")["token"]

    page = await at_account.post("/account/sessions/s-9/end", {"token": token})

    assert page.status_code == 404


async def test_signing_out_everywhere_is_signing_out_here(at_account):
    page = await at_account.press("/account/sign-out-everywhere")

    assert page.request.url.path == "/sign-in"
    assert at_account.invite_svc.own.changes == ["sign in", "end all"]
    assert (await at_account.get("/account")).request.url.path == "/sign-in"


async def test_what_is_kept_is_taken_along_as_a_file(at_account):
    answer = await at_account.get("/account/export")

    assert answer.headers["content-disposition"] == 'attachment; filename="account.json"'
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["account"]["address"] == ADDRESS
    assert answer.headers["cache-control"] == "no-store"


async def test_an_account_is_erased_with_its_password(at_account):
    wrong = await at_account.press("/account/erase", password="wrong")
    page = await at_account.press("/account/erase", password=PASSWORD)

    assert "That is not your password." in wrong.text
    assert "Your account is erased" in page.text
    assert at_account.invite_svc.own.changes == ["sign in", "erase"]
    assert (await at_account.get("/account")).request.url.path == "/sign-in"


async def test_the_last_admin_is_told_what_to_do_first(signed_in):
    browsing = await signed_in(None, FakeInviteSvc(own=FakeSessions(last_admin=True)))
    await browsing.get("/account")

    page = await browsing.press("/account/erase", password=PASSWORD)

    assert "Name another admin first." in page.text


async def test_while_invite_svc_is_away_the_page_says_what_is_missing(at_account):
    at_account.invite_svc.failing = 503

    page = await at_account.get("/account")

    assert page.status_code == 200
    assert "Your account cannot be shown at the moment." in page.text
    assert "Your sessions cannot be shown at the moment." in page.text


@pytest.mark.parametrize(
    "path", ["/account/password", "/account/sessions/s-1/end", "/account/sign-out-everywhere", "/account/erase"]
)
async def test_looking_at_where_a_form_goes_leads_to_it_and_changes_nothing(at_account, path):
    answer = await at_account.get(path)

    assert answer.request.url.path == "/account"
    assert at_account.invite_svc.own.changes == ["sign in"]

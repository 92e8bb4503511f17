"""To register, and to ask for a link to choose a password."""

import httpx
import pytest

from ups_portal.testing.browsing import fields_of
from ups_portal.testing.fake_invite_svc import FakeInviteSvc

PASSWORD = "seven green bottles fall"
ENTERED = {
    "address": "kim@acme.example",
    "name": "Kim Park",
    "company_name": "Acme",
    "zone": "Europe/Berlin",
    "password": PASSWORD,
    "again": PASSWORD,
}


async def test_who_registers_is_told_to_look_into_the_inbox(browse):
    browsing = await browse()
    await browsing.get("/register")

    page = await browsing.press("/register", **ENTERED)

    assert page.request.url.path == "/inbox"
    assert "Open the link in it to go on." in page.text
    assert browsing.invite_svc.changes == ["register Kim Park of Acme in Europe/Berlin"]
    assert browsing.invite_svc.visitors[-1]


@pytest.mark.parametrize(
    ("entered", "words"),
    [
        ({"address": ""}, "Enter an e-mail address."),
        ({"address": "kim"}, "That is not a valid e-mail address. Check it and enter it again."),
        ({"company_name": " "}, "Enter what your company is called."),
        ({"company_name": "\u200b"}, "Enter what your company is called."),
        ({"name": ""}, "Enter your name"),
        ({"password": "", "again": ""}, "Enter your password."),
        ({"again": "x"}, "The two were not the same."),
        ({"password": "short", "again": "short"}, "Choose a password of 10 characters or more."),
    ],
)
async def test_what_is_not_taken_is_said_beside_its_field_and_only_passwords_are_entered_again(browse, entered, words):
    browsing = await browse()
    await browsing.get("/register")

    page = await browsing.press("/register", **(ENTERED | entered))

    assert page.status_code == 422
    assert words in page.text
    assert page.text.count('aria-invalid="true"') == 1
    kept = fields_of(page, "/register")
    assert {name: kept[name] for name in ("address", "name", "company_name")} == {
        name: (ENTERED | entered)[name] for name in ("address", "name", "company_name")
    }
    assert PASSWORD not in page.text
    assert '<option value="Europe/Berlin" selected>' in page.text
    assert browsing.invite_svc.changes == []


@pytest.mark.parametrize("address", ["ada@example.com", "nobody@example.com"])
async def test_a_link_is_asked_for_alike_by_everybody(browse, address):
    browsing = await browse()
    await browsing.get("/reset-password")

    page = await browsing.press("/reset-password", address=address)

    assert page.request.url.path == "/inbox"
    assert "If there is an account with this address" in page.text
    assert address not in page.text
    assert browsing.invite_svc.changes == [f"mail reset to {address}"]


@pytest.mark.parametrize(("path", "entered"), [("/register", ENTERED), ("/reset-password", {"address": "a@b.example"})])
async def test_who_asks_too_often_is_told_for_how_long_to_wait(browse, path, entered):
    browsing = await browse(None, FakeInviteSvc(too_often_s=3600))
    await browsing.get(path)

    page = await browsing.press(path, **entered)

    assert (page.status_code, page.headers["retry-after"]) == (429, "3600")
    assert "Try it again in an hour." in page.text


@pytest.mark.parametrize(("path", "entered"), [("/register", ENTERED), ("/reset-password", {"address": "a@b.example"})])
async def test_a_form_that_was_shown_to_another_browser_is_shown_again_and_does_nothing(browse, path, entered):
    browsing, other = await browse(), await browse()
    theirs = fields_of(await other.get(path), path)
    await browsing.get(path)

    page = await browsing.post(path, theirs | entered)

    assert page.status_code == 403
    assert fields_of(page, path)["address"] == entered["address"]
    assert PASSWORD not in page.text
    assert browsing.invite_svc.changes == []


async def test_without_an_answer_nobody_is_told_that_a_mail_comes(browse):
    browsing = await browse()
    await browsing.get("/reset-password")
    browsing.invite_svc.failing = 503

    page = await browsing.press("/reset-password", address="a@b.example")

    assert page.status_code == 503
    assert "We cannot say whether that worked" in page.text


@pytest.mark.parametrize(("path", "entered"), [("/register", ENTERED), ("/reset-password", {"address": "a@b.example"})])
async def test_what_was_entered_waits_while_nobody_can_be_asked(browse, path, entered):
    async def refuse(scope, receive, send):
        raise httpx.ConnectError("nobody there")

    browsing = await browse(None, type("Away", (FakeInviteSvc,), {"app": lambda _self: refuse})())
    await browsing.get(path)

    page = await browsing.press(path, **entered)

    assert (page.status_code, page.headers["retry-after"]) == (503, "30")
    asked_again = {name: "" for name in ("password", "again") if name in entered}
    assert fields_of(page, path) == entered | asked_again | {"token": fields_of(page, path)["token"]}


async def test_who_cannot_sign_in_finds_the_way(browse):
    page = await (await browse()).get("/sign-in")

    assert 'href="/register"' in page.text
    assert 'href="/reset-password"' in page.text

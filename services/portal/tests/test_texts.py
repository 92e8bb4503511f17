"""No text of ours is hard-wired: in a language that nobody speaks, nothing of a page stays English."""

import re

import pytest

from ups_portal.domain.account_link import AccountLinkKind
from ups_portal.domain.help import ENTRIES
from ups_portal.domain.text import Text, isolated
from ups_portal.testing.browsing import Browsing
from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.framed_gallery import cookie_of, framed_gallery
from ups_portal.testing.gallery import gallery, path_of
from ups_portal.testing.pseudo import Pseudo

# What comes from outside, or is said alike in every language.
DATA = re.compile(
    r"<(\w+)[^>]* translate=\"no\".*?</\1>|<bdi>.*?</bdi>|<!DOCTYPE html>|Ridethrough|support@example\.com|UTC"
    r"|\u2068.*?\u2069|<[^>]*>",
    re.DOTALL,
)
SPOKEN = re.compile(r'(?:aria-label|alt|placeholder|title)="([^"]*)"')


def untranslated(page):
    """What of a page is said in English, in words that are seen or read aloud."""
    seen = re.findall(r"[A-Za-z]{2,}", re.sub(r"&[a-z]+;", "", DATA.sub(" ", page)))
    return [
        *seen,
        *(text for text in SPOKEN.findall(page) if "⟦" not in text and re.search("[A-Za-z]", DATA.sub("", text))),
    ]


@pytest.fixture
async def strange(browse):
    """Gives browsers of somebody who reads a language that nobody speaks."""

    async def begin(exhibit) -> Browsing:
        exhibit.invite_svc.own.me["language"] = "xx"
        browsing = await browse(exhibit.device_svc, exhibit.invite_svc, catalogues={"en": Pseudo(), "xx": Pseudo()})
        if exhibit.signed_in:
            cookie, value = cookie_of(exhibit, "https://ups.example")
            browsing.client.cookies.set(cookie, value, domain="ups.example")
        return browsing

    return begin


EXHIBITS = {**gallery(), **framed_gallery()}


@pytest.mark.parametrize("name", EXHIBITS)
async def test_every_text_of_a_page_is_in_the_catalogue(strange, name):
    exhibit = EXHIBITS[name]
    browsing = await strange(exhibit)

    page = (await browsing.get(exhibit.path)).text

    assert "⟦" in page
    assert untranslated(page) == []
    assert 'lang="xx"' in page or not exhibit.signed_in


SETTINGS = "/devices/d-1/notification-settings"
# An exhibit, what happens to its services, and what is entered where on its page.
ANSWERS = {
    "wrong password": ("sign-in", {}, "/sign-in", {"address": "ada@example.com", "password": "x"}),
    "too often": ("sign-in", {"too_often_s": 90}, "/sign-in", {"address": "kim@example.com", "password": "x"}),
    "nobody signs in": ("sign-in", {"failing": 503}, "/sign-in", {"address": "ada@example.com", "password": "x"}),
    "form of another": ("sign-in", {}, "/sign-in", {"token": "x"}),
    "no registration": ("register", {}, "/register", {"address": "kim", "company_name": "ⓐ", "name": "ⓑ"}),
    "no address": ("reset-password", {}, "/reset-password", {"address": ""}),
    "no zone": ("account", {}, "/account", {"zone": "Nowhere", "language": "xx"}),
    "wrong present password": ("account", {}, "/account/password", {"current": "x", "new": "y", "again": "y"}),
    "two passwords": ("account", {}, "/account/password", {"current": "x", "new": "y", "again": "z"}),
    "not erased": ("account", {}, "/account/erase", {"password": "x"}),
    "no such session": ("account", {}, "/account/sessions/s-2/end", {"token": "x"}),
    "invitation of nobody": ("invite", {}, "/invite", {"address": " "}),
    "invitation that there is not": ("invite-pending", {}, "/invite/i-1/resend", {"token": "x"}),
    "no name of a company": ("company", {}, "/company", {"name": " "}),
    "the last admin": ("company", {}, "/company/members/u-1/role", {}),
    "no such choice": ("notifications", {}, "/notifications", {"wider": "x"}),
    "changed elsewhere": ("preference", {}, "/notifications/d-1", {"mails": "off", "version": "v0"}),
    "settings changed elsewhere": ("settings", {}, SETTINGS, {"version": "v0"}),
    "no number": ("settings", {}, SETTINGS, {"limit": "ⓐ"}),
    "out of bounds": ("settings", {}, SETTINGS, {"limit": "61"}),
    "not by this plan": ("settings-resting", {}, SETTINGS, {"limit": "4"}),
    "not sent": ("account", {"failing": 503}, "/account", {"name": "ⓐ", "zone": "ⓑ", "language": "ⓒ"}),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_text_of_an_answer_is_in_the_catalogue(strange, name):
    shown, happens, action, entered = ANSWERS[name]
    exhibit = framed_gallery()[shown]
    browsing = await strange(exhibit)
    await browsing.get(exhibit.path)
    for what, value in happens.items():
        setattr(exhibit.invite_svc, what, value)

    page = await browsing.press(action, **entered)

    assert page.status_code >= 400
    assert "⟦" in page.text
    assert untranslated(page.text) == []


# A kind of link, what its service says, and what is entered on its page.
LINK_ANSWERS = {
    "nothing": ("unsubscribe", {}, {}),
    "not enabled": ("enable", {"obstacle": "other_ownership"}, {"action": "enable"}),
    "not undone": ("resubscribe", {"device": None, "undoes": "device"}, {"action": "resubscribe", "scope": "device"}),
    "only read": ("why", {}, {"action": "x"}),
    "not verified": ("verify", {}, {"action": "verify", "password": "x"}),
    "verified without a password": ("verify", {}, {"action": "verify"}),
    "nobody joins": ("invitation", {}, {"action": "join", "name": " "}),
    "a long name joins": ("invitation", {}, {"action": "join", "name": "ⓐ" * 301}),
    "joins without a password": ("invitation", {}, {"action": "join", "name": "ⓐ"}),
    "joins by another password": ("invitation", {"account": "free"}, {"action": "sign_in", "password": "x"}),
    "two new passwords": ("reset", {}, {"action": "reset", "password": "x", "again": "y"}),
    "too short": ("reset", {}, {"action": "reset", "password": "x", "again": "x"}),
    "too often": ("reset", {"too_often_s": 540}, {"action": "reset", "password": "x", "again": "x"}),
}


@pytest.mark.parametrize("name", LINK_ANSWERS)
async def test_every_text_of_an_answer_to_a_link_is_in_the_catalogue(browse, name):
    kind, says, entered = LINK_ANSWERS[name]
    if kind in set(AccountLinkKind):
        fakes = FakeDeviceSvc(), FakeInviteSvc(**says)
    else:
        fakes = FakeDeviceSvc(**says), FakeInviteSvc()
    browsing = await browse(*fakes, catalogues={"en": Pseudo()})

    page = await browsing.post(path_of(kind), entered)

    assert page.status_code >= 400
    assert "⟦" in page.text
    assert untranslated(page.text) == []


@pytest.mark.parametrize("mail", [*ENTRIES, "postcard"])
async def test_why_a_mail_came_is_in_the_catalogue(browse, mail):
    browsing = await browse(FakeDeviceSvc(mail=mail), catalogues={"en": Pseudo()})

    assert untranslated((await browsing.get(path_of("why"))).text) == []


async def test_every_page_has_an_exhibit(browse):
    """Which the rules for all pages, in other tests and in a browser, go through."""
    shown = [exhibit.path.partition("?")[0] for exhibit in EXHIBITS.values()]
    signed_in = framed_gallery()["devices"]
    browsing = await browse(signed_in.device_svc, signed_in.invite_svc)
    cookie, value = cookie_of(signed_in, "https://ups.example")
    browsing.client.cookies.set(cookie, value, domain="ups.example")
    app = browsing.client._transport.app
    hidden = [
        route.path
        for route in app.routes
        if "GET" in route.methods and route.path != "/live" and not any(map(route.path_regex.match, shown))
    ]

    answers = {path: await browsing.client.get(re.sub(r"\{\w+\}", "d-1", path)) for path in hidden}

    found = {path: answer for path, answer in answers.items() if answer.status_code == 200}
    assert "/account/export" in found
    assert [path for path, answer in found.items() if answer.headers["content-type"].startswith("text/html")] == []


async def test_a_name_from_right_to_left_leaves_the_sentence_round_it_in_order(browse):
    browsing = await browse(FakeDeviceSvc(device={"device_id": "d-1", "name": "خادم", "site": "القاهرة"}))

    page = (await browsing.get(path_of("unsubscribe"))).text

    assert "\u2068خادم\u2069, \u2068القاهرة\u2069" in page
    assert "event mails \u2068a…\u2060@example.com\u2069 shall not" in page
    assert "<bdi>خادم</bdi>" in (await browsing.get(path_of("why"))).text


async def test_no_code_of_a_condition_breaks_a_page(browse):
    odd = [{"code": "{name}<b>{0}", "at": SINCE.isoformat()}]
    browsing = await browse(FakeDeviceSvc(tripped_by=odd))

    page = await browsing.get(path_of("enable"))

    assert page.status_code == 200
    assert "\u2068{name}&lt;b&gt;{0}\u2069" in page.text


@pytest.mark.parametrize(("number", "said"), [(1, "⟦ôńê"), (2, "⟦2 ţŵô"), (5, "⟦5 ţŵô")])
def test_a_number_is_said_in_the_forms_of_its_language(number, said):
    text = Text("{who} has {count}", who="Ada", count=Text("one", "{number} two", number=number))
    pseudo = Pseudo()

    told = text.said(pseudo.gettext, pseudo.ngettext)

    assert said in told
    assert ("✻" in told) is (number == 5)


def test_a_text_is_said_with_what_stands_in_it_and_no_more():
    text = Text("Signed in as {name}, for {wait}.", name=isolated("{x} Ada"), wait=Text("{n} days", n=3))

    assert text.said(str) == "Signed in as \u2068{x} Ada\u2069, for 3 days."
    assert "für 3 days" in text.said(lambda words: words.replace("for", "für"))

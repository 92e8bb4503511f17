"""No text of ours is hard-wired: in a language that nobody speaks, nothing of a page stays English."""

import re

import pytest

from ups_portal.domain.text import Text, isolated
from ups_portal.testing.browsing import Browsing
from ups_portal.testing.framed_gallery import cookie_of, framed_gallery
from ups_portal.testing.pseudo import Pseudo

# What comes from outside, or is said alike in every language.
DATA = re.compile(
    r"<time.*?</time>|<(\w+)[^>]* translate=\"no\".*?</\1>|<bdi>.*?</bdi>|<title>.*?· Ridethrough</title>"
    r"|<!DOCTYPE html>|Ridethrough|support@example\.com|\u2068.*?\u2069|<[^>]*>",
    re.DOTALL,
)
SPOKEN = re.compile(r'(?:aria-label|alt|placeholder|title)="([^"]*)"')


def untranslated(page):
    """What of a page is said in English, in words that are seen or read aloud."""
    seen = re.findall(r"[A-Za-z]{2,}", re.sub(r"&[a-z]+;", "", DATA.sub(" ", page)))
    spoken = [text for text in SPOKEN.findall(re.sub(r"<time[^>]*>", "", page)) if text]
    return [*seen, *(text for text in spoken if "⟦" not in text)]


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


@pytest.mark.parametrize("name", framed_gallery())
async def test_every_text_of_a_page_is_in_the_catalogue(strange, name):
    exhibit = framed_gallery()[name]
    browsing = await strange(exhibit)

    page = (await browsing.get(exhibit.path)).text

    assert "⟦" in page
    assert untranslated(page) == []
    assert 'lang="xx"' in page or not exhibit.signed_in


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
    "no such session": ("account", {}, "/account/sessions/s-1/end", {"token": "x"}),
    "invitation of nobody": ("invite", {}, "/invite", {"address": " "}),
    "invitation that there is not": ("invite-pending", {}, "/invite/i-1/resend", {"token": "x"}),
    "no such choice": ("notifications", {}, "/notifications", {"wider": "x"}),
    "changed elsewhere": ("preference", {}, "/notifications/d-1", {"mails": "off", "version": "v0"}),
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


def test_a_text_is_said_with_what_stands_in_it_and_no_more():
    text = Text("Signed in as {name}, for {wait}.", name=isolated("{x} Ada"), wait=Text("{n} days", n=3))

    assert text.said(str) == "Signed in as \u2068{x} Ada\u2069, for 3 days."
    assert "für 3 days" in text.said(lambda words: words.replace("for", "für"))

"""No text of ours is hard-wired: in a language that nobody speaks, nothing of a page stays English."""

import re
from gettext import NullTranslations

import pytest

from ups_portal.domain.text import Text, isolated
from ups_portal.testing.browsing import Browsing
from ups_portal.testing.framed_gallery import cookie_of, framed_gallery

STRANGE = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "ÂƁĈĎÊƑĜĤÎĴĶĹḾŃÔƤɊŔŜŢÛṼŴẊÝŽâƀĉďêƒĝĥîĵķĺḿńôƥɋŕŝţûṽŵẋýž"
)


class Pseudo(NullTranslations):
    """Every letter strange, and everything longer by half; places stay."""

    def gettext(self, message):
        strange = "".join(
            part if part.startswith("{") else part.translate(STRANGE) for part in re.split(r"(\{\w+\})", message)
        )
        return f"⟦{strange}{'·' * (len(message) // 2)}⟧"


# What comes from outside, or is said alike in every language.
DATA = re.compile(
    r"<time.*?</time>|<(\w+)[^>]* translate=\"no\".*?</\1>|<bdi>.*?</bdi>|<title>.*?· Ridethrough</title>"
    r"|<!DOCTYPE html>|Ridethrough|support@example\.com|\u2068.*?\u2069|<[^>]*>",
    re.DOTALL,
)
SPOKEN = re.compile(r'(?:aria-label|alt|placeholder|title)="([^"]*)"')


@pytest.mark.parametrize("name", framed_gallery())
async def test_every_text_of_a_page_is_in_the_catalogue(browse, name):
    exhibit = framed_gallery()[name]
    exhibit.invite_svc.own.me["language"] = "xx"
    browsing: Browsing = await browse(
        exhibit.device_svc, exhibit.invite_svc, catalogues={"en": Pseudo(), "xx": Pseudo()}
    )
    if exhibit.signed_in:
        cookie, value = cookie_of(exhibit, "https://ups.example")
        browsing.client.cookies.set(cookie, value, domain="ups.example")

    page = (await browsing.get(exhibit.path)).text

    assert "⟦" in page
    assert re.findall(r"[A-Za-z]{2,}", re.sub(r"&[a-z]+;", "", DATA.sub(" ", page))) == []
    spoken = [text for text in SPOKEN.findall(re.sub(r"<time[^>]*>", "", page)) if text]
    assert [text for text in spoken if "⟦" not in text] == []
    assert 'lang="xx"' in page or not exhibit.signed_in


def test_a_text_is_said_with_what_stands_in_it_and_no_more():
    text = Text("Signed in as {name}, for {wait}.", name=isolated("{x} Ada"), wait=Text("{n} days", n=3))

    assert text.said(str) == "Signed in as \u2068{x} Ada\u2069, for 3 days."
    assert "für 3 days" in text.said(lambda words: words.replace("for", "für"))

import re
import struct
from importlib.resources import files
from pathlib import Path

from ups_devstack.pictures import PAGES, mails_page, pages_page
from ups_notifier.preview import all_samples, letter_of
from ups_schemas.mail import MailKind

DOCS = Path(__file__).parents[3] / "docs"
PICTURES = [*(DOCS / "mails").iterdir(), *(DOCS / "pages").iterdir()]

PALETTE = 3


def head_of(picture):
    """Width, height and colour type of a PNG (its first chunk, RFC 2083 section 4.1.1)."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, _, colours = struct.unpack(">IIBB", picture[16:26])
    return width, height, colours


def test_there_is_a_picture_of_every_mail_and_of_the_pages_and_of_nothing_else():
    assert {each.stem for each in (DOCS / "mails").iterdir()} == all_samples().keys()
    assert {each.stem for each in (DOCS / "pages").iterdir()} == set(PAGES)
    assert (DOCS / "mails.md").read_text(encoding="utf-8") == mails_page()
    assert (DOCS / "pages.md").read_text(encoding="utf-8") == pages_page()


def test_every_kind_of_mail_is_among_them():
    shown = {letter_of(sample).kind for sample in all_samples().values()}

    assert shown == set(MailKind)


def test_pictures_are_small():
    assert {each.name for each in PICTURES if head_of(each.read_bytes())[2] != PALETTE} == set()
    assert sum(each.stat().st_size for each in PICTURES) < 3_000_000


def test_mails_and_pages_have_the_same_colours():
    def colours(package, *path):
        return set(re.findall(r"#[0-9a-f]{6}\b", files(package).joinpath(*path).read_text(encoding="utf-8")))

    mails = colours("ups_notifier", "templates", "mail.css") | colours("ups_notifier", "templates", "mail-adapts.css")
    # no mail has anything to hover over or to fill in
    buttons_hovered, fields = {"#1254a6", "#3a80e0"}, {"#7c8a9a"}

    assert colours("ups_portal", "static", "portal.css") - mails == buttons_hovered | fields
    assert colours("ups_portal", "static", "icon.svg") <= mails

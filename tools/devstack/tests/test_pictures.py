import shutil
import struct
from pathlib import Path

import pytest

from ups_devstack.pictures import BROWSERS, PHONE, WIDE, draw, page
from ups_notifier.preview import all_samples, letter_of
from ups_notifier.testing.account_samples import AccountSample, request
from ups_schemas.mail import MailKind

DOCS = Path(__file__).parents[3] / "docs"

# Without words of their own so far: the generic mail stands for them.
GENERIC = {MailKind.PLAN_NOTICE}

PALETTE = 3


def head_of(picture):
    """Width, height and colour type of a PNG (its first chunk, RFC 2083 section 4.1.1)."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, _, colours = struct.unpack(">IIBB", picture[16:26])
    return width, height, colours


def test_there_is_a_picture_of_every_mail_and_of_nothing_else():
    assert {each.stem for each in (DOCS / "mails").iterdir()} == all_samples().keys()
    assert (DOCS / "mails.md").read_text(encoding="utf-8") == page()


def test_every_kind_of_mail_is_among_them():
    shown = {letter_of(sample).kind for sample in all_samples().values()}

    assert shown | GENERIC == set(MailKind)


@pytest.mark.parametrize("kind", sorted(GENERIC))
def test_a_kind_with_words_of_its_own_has_a_picture_of_its_own(kind):
    assert letter_of(AccountSample(request(kind))).title == letter_of(all_samples()["account"]).title


@pytest.mark.parametrize("name", all_samples())
def test_pictures_are_small(name):
    picture = (DOCS / "mails" / f"{name}.png").read_bytes()

    assert head_of(picture)[2] == PALETTE
    assert len(picture) < 160_000


@pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="needs Chromium, Debian's package chromium")
@pytest.mark.timeout(180)
def test_the_command_draws_a_whole_mail():
    width, height, colours = head_of(draw(all_samples()["raise"]))

    assert (width, colours) == (WIDE + PHONE + 16, PALETTE)
    assert 700 < height < 1_500

"""Mails in a real browser, and beside the pages: read by everybody, of one brand."""

import io
import re

import pytest
import pytest_asyncio
from PIL import Image, ImageChops

from ups_devstack.pictures import NARROW, WIDE, easel
from ups_notifier.preview import all_samples, render
from ups_portal.testing.browser import MISSING, PHONE, WCAG, complaints

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def drawing():
    async with easel() as drawing:
        yield drawing


async def test_a_whole_mail_is_drawn(drawing):
    drawn = Image.open(io.BytesIO(await drawing.mail("raise")))

    assert (drawn.format, drawn.mode, drawn.width) == ("PNG", "P", WIDE + NARROW)
    assert 700 < drawn.height < 1_500


async def test_mails_and_pages_bear_the_same_mark(drawing):
    marks = []
    for picture, name, where in (drawing.mail, "raise", ".mark"), (drawing.page, "enable", ".brand img"):
        await picture(name)
        marks.append(Image.open(io.BytesIO(await drawing.light.locator(where).screenshot())).convert("L"))

    mail, page = marks
    assert mail.size == page.size == (28, 28)
    # round corners are smoothed a little differently
    assert sum(ImageChops.difference(mail, page).histogram()[64:]) <= 12
    assert sum(mail.histogram()[240:]) > 80


@pytest.mark.parametrize("name", all_samples())
async def test_a_mail_can_be_read_by_everybody_on_everything(drawing, name):
    light, dark = drawing.light, drawing.dark
    await dark.set_viewport_size({"width": PHONE, "height": 700})
    await drawing.show_mail(name)

    # landmarks, of which axe's other rules speak, belong to the mail program
    assert await complaints(light, *WCAG) == []
    assert await complaints(dark, "color-contrast", "target-size") == []
    assert await dark.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_a_phone_that_drops_the_styles_of_the_head_parts_no_word(drawing):
    bare = re.sub(r"<style.*?</style>", "", render(all_samples()["digest-mixed"])[0].html, flags=re.DOTALL)
    await drawing.dark.set_viewport_size({"width": PHONE, "height": 700})
    await drawing.dark.set_content(bare)

    lines = "each => each.map(figure => figure.getClientRects().length)"
    assert await drawing.dark.locator(".figure-value").evaluate_all(lines) == [1, 1, 1, 1]
    assert await drawing.dark.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

"""Pictures of every mail and of the pages: `python -m ups_devstack.pictures docs` writes them, and what shows them."""

import asyncio
import io
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import chain
from pathlib import Path

import httpx
from PIL import Image
from playwright.async_api import Page, Route

from ups_devstack.errors import UnavailableError
from ups_notifier.preview import all_samples, letter_of, render
from ups_portal.testing.browser import MISSING, browser, picture, tab
from ups_portal.testing.fake_device_svc import SINCE
from ups_portal.testing.framed_gallery import cookie_of, framed_gallery
from ups_portal.testing.gallery import gallery
from ups_portal.testing.site import site
from ups_runtime.testing import FakeClock

WIDE, NARROW = 640, 390
# Of a page for who signs in, what is seen without much scrolling: all of it would be thousands high.
FIRST = 1_000
# Of all pages: of those behind links, the others differ from these by a sentence.
PAGES = (
    "enable",
    "enable-done",
    "enable-handed-over",
    "unsubscribe",
    "unsubscribed-company-last",
    "resubscribe",
    "why-event",
    "verify",
    "invitation",
    "invitation-account",
    "invitation-revoked",
    "reset",
    "forged",
    "away",
    "sign-in",
    "register",
    "devices",
    "device-disabled",
    "timeline",
    "log",
    "notifications",
    "invite-pending",
    "help",
)
_EXACT, _OTHERS = 64, 40
_BLANK = "about:blank"
_ORIGIN = "http://portal.test"

_MAILS = """# Every mail as a picture

Left as in a light mail program, right as on a phone in the dark. `make pictures` draws them anew, in a headless
Chromium; a test compares this page with the mails that there are. Nothing in a mail is fetched: without images they
look the same. Their text parts are in [the notifier's golden files](../services/notifier/tests/golden).
The pages that their links open are [pictured too](pages.md).
"""

_PAGES = """# Pages as pictures

Left as in a window in the light, right as on a phone in the dark: the pages that the links in [mails](mails.md) open,
and, as far as they are seen first, those for who signs in. `make pictures` draws them anew. These are some:
`ups_portal.testing.gallery` and `framed_gallery` have all, and the portal's browser tests leave pictures of all in
`artefacts/portal`.
"""


class Easel:
    """Two windows of a browser, one wide and light, one narrow and dark, which are pictured side by side."""

    def __init__(self, light: Page, dark: Page) -> None:
        self.light = light
        self.dark = dark
        self._windows = (light, dark)

    async def show_mail(self, name: str) -> None:
        """Show the mail of this name in both windows."""
        for window in self._windows:
            if window.url != _BLANK:
                # or the rules of the page before, against styles in a document, stay in force
                await window.goto(_BLANK)
            await window.set_content(render(all_samples()[name])[0].html)

    async def mail(self, name: str) -> bytes:
        """A PNG of the mail of this name."""
        await self.show_mail(name)
        return await self._picture()

    async def page(self, name: str) -> bytes:
        """A PNG of the page of this name."""
        exhibit = {**gallery(), **framed_gallery()}[name]
        clock = FakeClock(SINCE + timedelta(hours=1))
        cookies = "=".join(cookie_of(exhibit, _ORIGIN)) if exhibit.signed_in else ""
        async with (
            site(exhibit.device_svc.app(), exhibit.invite_svc.app(), clock, origin=_ORIGIN) as (app, _),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url=_ORIGIN, headers={"Cookie": cookies}
            ) as portal,
        ):

            async def answer(route: Route) -> None:
                served = await portal.get(route.request.url)
                await route.fulfill(status=served.status_code, headers=dict(served.headers), body=served.content)

            for window in self._windows:
                await window.route("**/*", answer)
                await window.goto(_ORIGIN + exhibit.path)
            drawn = await self._picture(FIRST if exhibit.signed_in else None)
            for window in self._windows:
                await window.unroute("**/*")
        return drawn

    async def _picture(self, highest: int | None = None) -> bytes:
        taken = [await picture(window) for window in self._windows]
        shots = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in taken]
        return _side_by_side(
            [shot.crop((0, 0, shot.width, min(shot.height, highest or shot.height))) for shot in shots]
        )


@asynccontextmanager
async def easel() -> AsyncIterator[Easel]:
    """A browser to draw with.

    Raises:
        UnavailableError: no Chromium is installed.
    """
    if MISSING:
        raise UnavailableError(f"drawing needs a browser: {MISSING}")
    async with (
        browser() as running,
        tab(running, width=WIDE, scheme="light") as light,
        tab(running, width=NARROW, scheme="dark") as dark,
    ):
        # a page is as high as the window at least: low windows make low pictures
        for window, width in ((light, WIDE), (dark, NARROW)):
            await window.set_viewport_size({"width": width, "height": 100})
        yield Easel(light, dark)


def mails_page() -> str:
    """The page that shows the mails."""
    return _MAILS + "".join(
        f"\n## {name}\n\n`{letter_of(sample).subject.replace('`', ' ')}`\n\n![{name}](mails/{name}.png)\n"
        for name, sample in all_samples().items()
    )


def pages_page() -> str:
    """The page that shows the pages."""
    return _PAGES + "".join(f"\n## {name}\n\n![{name}](pages/{name}.png)\n" for name in PAGES)


def _side_by_side(shots: list[Image.Image]) -> bytes:
    whole = Image.new("RGB", (sum(shot.width for shot in shots), max(shot.height for shot in shots)))
    left = 0
    for shot in shots:
        # the lower one goes on as it ends
        last_line = shot.crop((0, shot.height - 1, shot.width, shot.height))
        whole.paste(last_line.resize((shot.width, whole.height)), (left, 0))
        whole.paste(shot, (left, 0))
        left += shot.width
    written = io.BytesIO()
    whole.quantize(palette=_palette(whole), dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


def _palette(shot: Image.Image) -> Image.Image:
    """The most frequent colours as they are, and some for all others together, of which a small dot is one."""
    parts = shot.tobytes()
    frequent = Counter(zip(parts[::3], parts[1::3], parts[2::3], strict=True)).most_common()
    # Pillow looks a colour up by its cell: of two in one cell it may take the wrong one
    by_cell: dict[tuple[int, ...], tuple[int, ...]] = {}
    for colour, _ in frequent:
        by_cell.setdefault(tuple(part // 8 for part in colour), colour)
    colours = list(by_cell.values())
    rare = Image.new("RGB", (max(len(colours) - _EXACT, 1), 1))
    rare.putdata(colours[_EXACT:])
    others = rare.quantize(_OTHERS, Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*chain.from_iterable(colours[:_EXACT]), *others])
    return palette


async def draw(folder: Path, mails: Iterable[str], pages: Iterable[str]) -> None:
    """Write these mails and pages as pictures below a folder, in place of those that were there."""
    async with easel() as drawing:
        for below, names, picture in (("mails", mails, drawing.mail), ("pages", pages, drawing.page)):
            shutil.rmtree(folder / below, ignore_errors=True)
            (folder / below).mkdir(parents=True)
            for name in names:
                (folder / below / f"{name}.png").write_bytes(await picture(name))
                print(folder / below / f"{name}.png")


def main() -> None:
    """Draw all below the folder named on the command line."""
    folder = Path(sys.argv[1])
    asyncio.run(draw(folder, all_samples(), PAGES))
    (folder / "mails.md").write_text(mails_page(), encoding="utf-8")
    (folder / "pages.md").write_text(pages_page(), encoding="utf-8")


if __name__ == "__main__":
    main()

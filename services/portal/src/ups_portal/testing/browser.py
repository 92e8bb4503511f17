"""A real browser for stories: Debian's Chromium, headless, driven by Playwright's library, which downloads none."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Error, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "" if CHROMIUM else "no Chromium here; on Debian: apt-get install chromium"

# As wide as a phone, and as a window on a desk.
PHONE, DESK = 360, 1000

_PICTURE_TRIES = 5


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A browser that knows nobody."""
    async with async_playwright() as playwright:
        # as root, as CI is, its sandbox cannot be set up; the only pages that it sees are ours
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield running
        finally:
            await running.close()


@asynccontextmanager
async def tab(
    running: Browser, *, width: int = DESK, scheme: Literal["light", "dark"] = "light", javascript: bool = True
) -> AsyncIterator[Page]:
    """A tab in a profile of its own."""
    context = await running.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 700}, java_script_enabled=javascript
    )
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def sign_in(page: Page, address: str, password: str) -> None:
    """Sign in at the page that asks for it."""
    await page.get_by_label("E-mail address").fill(address)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Sign out", exact=True).wait_for()


async def picture(page: Page, path: Path | None = None, *, full_page: bool = True) -> bytes:
    """A PNG of the page, kept at `path`. Chromium refuses one now and then, and takes it when asked again."""
    for attempt in range(1, _PICTURE_TRIES + 1):
        try:
            return await page.screenshot(path=path, full_page=full_page)
        except Error as error:
            if attempt == _PICTURE_TRIES or "Unable to capture screenshot" not in error.message:
                raise
    raise AssertionError("unreachable")


# What WCAG 2.2 at AA asks for, by axe-core's tags.
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


async def complaints(page: Page, *rules: str) -> list[str]:
    """What axe-core finds wrong on this page, or cannot judge: by these rules or tags of rules, else by all."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found: list[str] = await page.evaluate(_AXE, list(rules))
    return found


# What words in a drawing stand on axe cannot judge.
_AXE = """rules => axe.run({exclude: ['svg text']}, rules.length ? {runOnly: rules} : {}).then(done =>
  [...done.violations, ...done.incomplete].flatMap(rule =>
    rule.nodes.map(node => `${rule.id}: ${node.html.slice(0, 120)}`)))"""

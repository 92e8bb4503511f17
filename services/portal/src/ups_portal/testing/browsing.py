"""A browser as far as HTTP goes: keeps the cookie, follows redirects, and presses buttons of the page that it has."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import httpx

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_invite_svc import FakeInviteSvc


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.by_action: dict[str, dict[str, str]] = {}
        self._form: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._form = self.by_action.setdefault(given.get("action") or "", {})
        elif tag == "input" and given.get("name"):
            self._form.setdefault(given["name"] or "", given.get("value") or "")


def fields_of(page: httpx.Response, action: str) -> dict[str, str]:
    """The fields of the form on a page that goes to `action`, as they are filled in."""
    parser = _Fields()
    parser.feed(page.text)
    return dict(parser.by_action[action])


class Browsing:
    """One browser on one portal, whose services and clock a test can change."""

    def __init__(self, client: httpx.AsyncClient, device_svc: FakeDeviceSvc, invite_svc: FakeInviteSvc) -> None:
        self.client = client
        self.device_svc = device_svc
        self.invite_svc = invite_svc
        self.page: httpx.Response | None = None

    async def get(self, path: str) -> httpx.Response:
        """The page at `path`, or where it leads."""
        self.page = await self.client.get(path, follow_redirects=True)
        return self.page

    async def press(self, action: str, /, **entered: str) -> httpx.Response:
        """Fill in the form of the page that goes to `action`, and press its button."""
        if self.page is None:
            raise AssertionError("there is no page to press anything on")
        return await self.post(action, fields_of(self.page, action) | entered)

    async def post(self, action: str, fields: Mapping[str, str], **options: Any) -> httpx.Response:  # Any: httpx's
        """Send these fields, and see where that leads."""
        self.page = await self.client.post(action, data=dict(fields), follow_redirects=True, **options)
        return self.page

    async def sign_in(self, **entered: str) -> httpx.Response:
        """Sign in as the person of the fake, unless otherwise entered."""
        await self.get("/sign-in")
        own = self.invite_svc.own
        return await self.press("/sign-in", **({"address": own.address, "password": own.password} | entered))

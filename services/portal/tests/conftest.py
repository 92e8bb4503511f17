"""The portal over ASGI, on services in memory."""

from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest

from ups_portal.testing.browsing import Browsing
from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.site import ORIGIN, site
from ups_runtime.testing import FakeClock


class Visit:
    """A visitor who keeps no cookie and follows no redirect by themselves."""

    def __init__(self, fake: FakeDeviceSvc, people: FakeInviteSvc, client: httpx.AsyncClient, metrics) -> None:
        self.fake, self.people, self.client, self.metrics = fake, people, client, metrics

    async def get(self, path: str, **options) -> httpx.Response:
        return await self.client.get(path, **options)

    async def press(self, path: str, **fields: str) -> httpx.Response:
        """Press a button, and see the page that it leads to."""
        answer = await self.client.post(path, data=fields)
        return await self.get(answer.headers["location"]) if answer.status_code == 303 else answer


@pytest.fixture
async def visit():
    async with AsyncExitStack() as stack:

        async def begin(fake: FakeDeviceSvc | None = None, people: FakeInviteSvc | None = None, **options) -> Visit:
            fake, people = fake or FakeDeviceSvc(), people or FakeInviteSvc()
            app, metrics = await stack.enter_async_context(
                site(fake.app(), people.app(), FakeClock(SINCE + timedelta(hours=1)), **options)
            )
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url="https://ups.example")
            return Visit(fake, people, await stack.enter_async_context(client), metrics)

        yield begin


@pytest.fixture
async def browse():
    """Gives browsers, each on a portal of its own unless it is given another's."""
    async with AsyncExitStack() as stack:

        async def begin(fake: FakeDeviceSvc | None = None, people: FakeInviteSvc | None = None, **options) -> Browsing:
            fake, people = fake or FakeDeviceSvc(), people or FakeInviteSvc()
            clock = options.pop("clock", None) or FakeClock(SINCE + timedelta(hours=1))
            app, _ = await stack.enter_async_context(site(fake.app(), people.app(), clock, **options))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url=options.get("origin", ORIGIN))
            return Browsing(await stack.enter_async_context(client), fake, people)

        yield begin


@pytest.fixture
async def signed_in(browse):
    """Gives browsers that somebody is signed in with."""

    async def begin(*fakes, **options) -> Browsing:
        browsing = await browse(*fakes, **options)
        await browsing.sign_in()
        return browsing

    return begin

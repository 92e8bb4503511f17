"""The portal as a process, as far as a proxy in front of it matters."""

import httpx
import pytest

from ups_portal.app import start
from ups_portal.settings import BackendSettings, OwnPortalSettings, Settings
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.gallery import path_of
from ups_portal.testing.site import SESSION_KEY
from ups_runtime.clock import SystemClock
from ups_runtime.lifecycle import Life, running
from ups_runtime.settings import HttpSettings, LogSettings


@pytest.mark.parametrize(
    ("trusted", "visitor"), [("127.0.0.1", "192.0.2.7"), ("192.0.2.0/24", "127.0.0.1"), ("", "127.0.0.1")]
)
async def test_a_visitor_is_who_a_trusted_proxy_says_and_else_who_connects(trusted, visitor):
    people, behind = FakeInviteSvc(), Life("fake", SystemClock())
    try:
        url = f"http://127.0.0.1:{await behind.serve(people.app(), '127.0.0.1', 0)}"
        settings = Settings(
            HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
            LogSettings(),
            OwnPortalSettings(trusted_proxies=trusted, session_keys=SESSION_KEY),
            BackendSettings(device_url=url, invite_url=url),
        )
        async with running("portal", settings, start) as life, httpx.AsyncClient() as client:
            path = f"http://127.0.0.1:{life.ports[0]}{path_of('invitation')}"
            answer = await client.get(path, headers={"X-Forwarded-For": "192.0.2.7"})
    finally:
        await behind.tear_down()
        behind.failure.cancel()

    assert answer.status_code == 200
    assert people.visitors == [visitor]

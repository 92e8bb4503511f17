"""A portal process with as many open pages as it takes: what memory each holds, and what a large page adds to it."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx

from bench.process import usage
from ups_devstack.services import ServiceChild
from ups_portal.adapters.backend import MAX_FOLLOWERS
from ups_portal.adapters.session_cookie import SessionCookie
from ups_portal.domain.session import Person, Session, Tokens
from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_log import FakeLog, a_row
from ups_runtime.clock import SystemClock
from ups_runtime.lifecycle import Life
from ups_runtime.testing import eventually
from ups_schemas.topics import Service

BASE_URL = "http://127.0.0.1"
# Tabs of one person: as many as may follow.
TABS = 10
PAGES = 20


@dataclass(frozen=True)
class Crowd:
    """The most that the process held: before anybody came, per open stream, and more for pages of all UPSes.

    `refused` is what who comes after the last seat is answered.
    """

    start_kib: float
    streams: int
    stream_kib: float
    refused: int
    pages: int
    pages_kib: float


async def crowd(folder: Path, devices: int) -> Crowd:
    """Fill a portal whose device-svc is a fake with so many UPSes."""
    clock = SystemClock()
    life = Life("fake", clock)
    fake = FakeDeviceSvc(own=FakeDevices([a_device(each) for each in range(devices)], log=FakeLog(held=True)))
    port = await life.serve(fake.app(), "127.0.0.1", 0)
    key = secrets.token_urlsafe(32)
    portal = ServiceChild(Service.PORTAL, _environ(f"http://127.0.0.1:{port}", key), folder, folder)
    try:
        await asyncio.to_thread(portal.start)
        return await _fill(portal, fake, _Cookies(key, clock))
    finally:
        await asyncio.to_thread(portal.stop)
        await life.tear_down()
        life.failure.cancel()


async def _fill(portal: ServiceChild, fake: FakeDeviceSvc, cookies: "_Cookies") -> Crowd:
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=portal.url, limits=limits, timeout=60, trust_env=False) as client,
        AsyncExitStack() as open_,
    ):
        # templates are made, and a connection
        (await client.get("/devices/new", headers=cookies.of(0))).raise_for_status()
        start = _peak(portal)
        for person in range(MAX_FOLLOWERS // TABS):
            asked = client.build_request("GET", "/live", headers=cookies.of(person))
            for stream in await asyncio.gather(*(client.send(asked, stream=True) for _ in range(TABS))):
                open_.push_async_callback(stream.aclose)
                if stream.status_code != HTTPStatus.OK:
                    raise RuntimeError(f"a stream of person {person} was answered with {stream.status_code}")
            # a stream that says nothing for 30 s is given up
            fake.own.log.tell(a_row(person))
        await eventually(lambda: fake.own.log.followers == MAX_FOLLOWERS, within_s=60)
        full = _peak(portal)
        refused = (await client.get("/live", headers=cookies.of(MAX_FOLLOWERS))).status_code
        for _ in range(PAGES):
            (await client.get("/devices", headers=cookies.of(0))).raise_for_status()
        return Crowd(start, MAX_FOLLOWERS, (full - start) / MAX_FOLLOWERS, refused, PAGES, _peak(portal) - full)


class _Cookies:
    def __init__(self, key: str, clock: SystemClock) -> None:
        self._cookie = SessionCookie((key,), BASE_URL)
        self._good_until = clock.now() + timedelta(days=1)

    def of(self, number: int) -> Mapping[str, str]:
        person = Person(f"u-{number}", "Ada Adler", "Bench", "Europe/Berlin", "en")
        session = Session("a mark", Tokens("a session", "access", "refresh", self._good_until), person)
        return {"Cookie": f"{self._cookie.name}={self._cookie.sealed(session)}"}


def _peak(portal: ServiceChild) -> float:
    assert portal.pid is not None
    return usage(portal.pid).peak_bytes / 1024


def _environ(service: str, key: str) -> Mapping[str, str]:
    return {
        "UPS_HTTP_HOST": "127.0.0.1",
        "UPS_HTTP_PORT": "0",
        "UPS_HTTP_SIDE_HOST": "127.0.0.1",
        "UPS_HTTP_SIDE_PORT": "0",
        "UPS_LOG_LEVEL": "warning",
        "UPS_BACKEND_DEVICE_URL": service,
        "UPS_BACKEND_INVITE_URL": service,
        "UPS_PORTAL_BASE_URL": BASE_URL,
        "UPS_PORTAL_SESSION_KEYS": key,
    }

"""A company on real services, and the portal in this process, signed in, with an eye on what it asks of them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from fastapi import FastAPI
from rich.progress import Progress

from bench.log.rows import APART, Whose, fill
from bench.process import usage
from ups_device.adapters.migrations import DATABASE
from ups_devstack.fleet import Device, Operator
from ups_devstack.founding import Founding, Person
from ups_devstack.services import Installation, Services
from ups_devstack.stack import Backing
from ups_portal.adapters.backend import ANSWER_WITHIN_S, Backend
from ups_portal.adapters.device_svc import DeviceSvc
from ups_portal.adapters.gate import Gate, Parts
from ups_portal.adapters.http import build
from ups_portal.adapters.invite_svc import InviteSvc
from ups_portal.adapters.jinja import Portal, Renderer
from ups_portal.adapters.pages import all_pages
from ups_portal.adapters.session_client import SessionClient
from ups_portal.adapters.visit import Answer, FramedPage, Shown, Visit
from ups_portal.domain.text import Text
from ups_portal.handlers.accounts import AccountPages
from ups_portal.handlers.links import LinkPages
from ups_portal.metrics import PortalMetrics
from ups_portal.testing.browsing import fields_of
from ups_runtime import mongo
from ups_runtime.clock import SystemClock
from ups_runtime.metrics import Metrics
from ups_runtime.settings import MongoSettings
from ups_schemas.topics import Service

PREFIX = "benchpages"
ORIGIN = "http://portal.bench"
EMPTY = "/empty"
SITES = 10
ALARMED = 20
AT_ONCE = 4
READINGS = {"battery_charge_percent": 100, "battery_runtime_s": 2_400, "load_percent": 34}


@dataclass
class Calls:
    """The calls to services since `forget`: a round is what is asked before anything of it is answered."""

    total: int = 0
    rounds: int = 0
    _answered: bool = True

    def forget(self) -> None:
        """Count from here."""
        self.total = self.rounds = 0
        self._answered = True

    def asked(self) -> None:
        """A call begins."""
        self.total += 1
        if self._answered:
            self.rounds += 1
            self._answered = False

    def answered(self) -> None:
        """A call is answered: what is asked from now on may depend on it."""
        self._answered = True


class _Watched(httpx.AsyncHTTPTransport):
    def __init__(self, calls: Calls) -> None:
        super().__init__()
        self._calls = calls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._calls.asked()
        try:
            return await super().handle_async_request(request)
        finally:
            self._calls.answered()


@dataclass(frozen=True)
class Site:
    """The portal as one is signed in to it; `devices` are the company's."""

    client: httpx.AsyncClient
    calls: Calls
    devices: Sequence[str]
    device_svc_cpu_s: Callable[[], float]


@asynccontextmanager
async def site(backing: Backing, folder: Path, devices: int, rows: int, progress: Progress) -> AsyncIterator[Site]:
    """A company with so many UPSes and rows of its Event Log, while the block runs."""
    services = Services(backing, Installation(prefix=PREFIX, environ={"UPS_LOG_LEVEL": "warning"}), folder, folder)
    try:
        await asyncio.to_thread(services.start)
        async with Operator(services) as operator, AsyncExitStack() as stack:
            ada = Person("Ada Adler", "ada@bench.example", "Europe/Berlin", operator.beside())
            await Founding(lambda _person, _what: None).found(ada, "Bench")
            fleet = await _register(ada, devices, progress)
            await _fill(backing, services, ada, fleet, rows, progress)
            calls = Calls()
            clients = [
                await stack.enter_async_context(
                    httpx.AsyncClient(base_url=services[each].url, transport=_Watched(calls), timeout=60)
                )
                for each in (Service.DEVICE_SVC, Service.INVITE_SVC)
            ]
            transport = httpx.ASGITransport(_portal(*clients))
            client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=ORIGIN))
            await _sign_in(client, ada)

            def device_svc_cpu_s() -> float:
                pid = services[Service.DEVICE_SVC].pid
                assert pid is not None
                return usage(pid).cpu_s

            yield Site(client, calls, [each.device_id for each in fleet], device_svc_cpu_s)
    finally:
        await asyncio.to_thread(services.stop)


def _portal(device_svc: httpx.AsyncClient, invite_svc: httpx.AsyncClient) -> FastAPI:
    metrics = PortalMetrics(Metrics("portal"))
    devices = Backend("device-svc", device_svc, metrics.device_svc, ANSWER_WITHIN_S)
    people = Backend("invite-svc", invite_svc, metrics.invite_svc, ANSWER_WITHIN_S)
    renderer, now = Renderer(Portal("Ridethrough", "support@bench.example", "")), SystemClock().now
    keys = (secrets.token_urlsafe(32),)
    sessions = SessionClient(people, now)
    sleep = asyncio.sleep
    parts = Parts(
        sessions, devices, people, renderer, keys, ORIGIN, ORIGIN, now, sleep, lambda: secrets.token_urlsafe(16)
    )
    gate = Gate(parts, (*all_pages(parts), FramedPage(EMPTY, None, _empty)))
    links = LinkPages(DeviceSvc(devices), now, sleep)
    return build(links, AccountPages(InviteSvc(people)), gate, renderer, metrics, "0.0.0", "")


@dataclass(frozen=True, slots=True)
class _EmptyView:
    title: Text


async def _empty(_visit: Visit) -> Answer:
    return Shown("shell.html.j2", _EmptyView(Text("Empty")))


async def _sign_in(client: httpx.AsyncClient, person: Person) -> None:
    entered = {"address": person.address, "password": person.password}
    page = await client.get("/sign-in")
    answer = await client.post("/sign-in", data=fields_of(page, "/sign-in") | entered)
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise RuntimeError(f"signing in was answered with {answer.status_code}")


async def _register(person: Person, number: int, progress: Progress) -> Sequence[Device]:
    """Register UPSes over the API; all tell their readings, and some that they are on battery."""
    turns, task = asyncio.Semaphore(AT_ONCE), progress.add_task("register", total=number)

    async def register(place: int) -> Device:
        async with turns:
            named = {"name": f"Rack {place:03}", "site": f"Site {place % SITES}", "model": "Smart-UPS 1500"}
            device = await person.caller.register_device("/v1/devices", named)
            await device.send("STATUS", attributes=READINGS)
            if place < ALARMED:
                await device.send("ON_BATTERY", attributes=READINGS)
            progress.advance(task)
            return device

    fleet = await asyncio.gather(*map(register, range(number)))
    progress.remove_task(task)
    return fleet


async def _fill(
    backing: Backing, services: Services, person: Person, fleet: Sequence[Device], rows: int, progress: Progress
) -> None:
    me = await person.caller.call(Service.INVITE_SVC, "GET", "/v1/me")
    whose = Whose(me["company"]["company_id"], tuple(each.device_id for each in fleet))
    settings = MongoSettings(uri=backing.mongo_uri, database_prefix=f"{services.installation.prefix}_")
    async with mongo.client(settings) as client:
        await fill(mongo.database(client, settings, DATABASE), rows, progress, whose, datetime.now(UTC) - rows * APART)

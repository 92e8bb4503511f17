"""The portal in one piece on any services: over ASGI for tests of pages, on a port for a browser."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from gettext import NullTranslations

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from ups_portal.adapters.backend import Backend
from ups_portal.adapters.device_svc import DeviceSvc
from ups_portal.adapters.gate import Parts
from ups_portal.adapters.http import build
from ups_portal.adapters.invite_svc import InviteSvc
from ups_portal.adapters.jinja import CATALOGUES, Portal, Renderer
from ups_portal.adapters.pages import gate
from ups_portal.adapters.session_client import SessionClient
from ups_portal.handlers.accounts import AccountPages
from ups_portal.handlers.confirming import Sleep
from ups_portal.handlers.links import LinkPages
from ups_portal.metrics import PortalMetrics
from ups_runtime.clock import Clock
from ups_runtime.metrics import Metrics

ORIGIN = "https://ups.example"
SESSION_KEY = "s" * 32
EVENTS = "https://events.example"
RESELLER = "Power Shop, +49 30 1234567"
SHOP = "https://shop.example/plans?ups={device_id}"


async def _at_once(_seconds: float) -> None:
    """Nobody waits in a test: what is asked again is asked again at once."""


@asynccontextmanager
async def site(
    device_svc: ASGIApp,
    invite_svc: ASGIApp,
    clock: Clock,
    *,
    prefix: str = "",
    origin: str = ORIGIN,
    keys: tuple[str, ...] = (SESSION_KEY,),
    catalogues: Mapping[str, NullTranslations] = CATALOGUES,
    answer_within_s: float = 5,
    sleep: Sleep = _at_once,
) -> AsyncIterator[tuple[FastAPI, Metrics]]:
    """The portal's application, and its metrics, on these services."""
    metrics = Metrics("portal")
    counted = PortalMetrics(metrics)
    async with _client(device_svc) as devices, _client(invite_svc) as people:
        behind_links = Backend("device-svc", devices, counted.device_svc, answer_within_s)
        behind_accounts = Backend("invite-svc", people, counted.invite_svc, answer_within_s)
        renderer = Renderer(Portal("Ridethrough", "support@example.com", prefix, SHOP, RESELLER), catalogues)
        parts = Parts(
            SessionClient(behind_accounts, clock.now),
            behind_links,
            behind_accounts,
            renderer,
            keys,
            origin + prefix,
            EVENTS,
            clock.now,
            sleep,
            lambda: secrets.token_urlsafe(16),
        )
        links = LinkPages(DeviceSvc(behind_links), clock.now, sleep)
        accounts = AccountPages(InviteSvc(behind_accounts))
        yield build(links, accounts, gate(parts), renderer, counted, "0.0.0", prefix), metrics


def _client(service: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://service")

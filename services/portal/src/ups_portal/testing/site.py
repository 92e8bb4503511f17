"""The portal in one piece on any services: over ASGI for tests of pages, on a port for a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from ups_portal.adapters.device_svc import DeviceSvc
from ups_portal.adapters.http import build
from ups_portal.adapters.invite_svc import InviteSvc
from ups_portal.adapters.jinja import Portal, Renderer
from ups_portal.handlers.accounts import AccountPages
from ups_portal.handlers.links import LinkPages
from ups_portal.metrics import PortalMetrics
from ups_runtime.clock import Clock
from ups_runtime.metrics import Metrics


async def _at_once(_seconds: float) -> None:
    """Nobody waits in a test: what is asked again is asked again at once."""


@asynccontextmanager
async def site(
    device_svc: ASGIApp, invite_svc: ASGIApp, clock: Clock, *, prefix: str = "", answer_within_s: float = 5
) -> AsyncIterator[tuple[FastAPI, Metrics]]:
    """The portal's application, and its metrics, on these services."""
    metrics = Metrics("portal")
    counted = PortalMetrics(metrics)
    async with _client(device_svc) as devices, _client(invite_svc) as people:
        links = LinkPages(DeviceSvc(devices, counted, answer_within_s=answer_within_s), clock.now, _at_once)
        accounts = AccountPages(InviteSvc(people, counted, answer_within_s=answer_within_s))
        renderer = Renderer(Portal("Ridethrough", "support@example.com", prefix))
        yield build(links, accounts, renderer, counted, "0.0.0", prefix), metrics


def _client(service: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(service), base_url="http://service")

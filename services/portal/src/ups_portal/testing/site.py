"""The portal in one piece on any device-svc: over ASGI for tests of pages, on a port for a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp

from ups_portal.adapters.device_svc import DeviceSvc
from ups_portal.adapters.http import build
from ups_portal.adapters.jinja import Portal, Renderer
from ups_portal.handlers import LinkPages
from ups_portal.metrics import PortalMetrics
from ups_runtime.clock import Clock
from ups_runtime.metrics import Metrics


async def _at_once(_seconds: float) -> None:
    """Nobody waits in a test: what is asked again is asked again at once."""


@asynccontextmanager
async def site(
    device_svc: ASGIApp, clock: Clock, *, prefix: str = "", answer_within_s: float = 5
) -> AsyncIterator[tuple[FastAPI, Metrics]]:
    """The portal's application, and its metrics, on this device-svc."""
    metrics = Metrics("portal")
    transport = httpx.ASGITransport(device_svc)
    async with httpx.AsyncClient(transport=transport, base_url="http://device-svc") as client:
        counted = PortalMetrics(metrics)
        links = DeviceSvc(client, counted, answer_within_s=answer_within_s)
        renderer = Renderer(Portal("Ridethrough", "support@example.com", prefix))
        yield build(LinkPages(links, clock.now, _at_once), renderer, counted, "0.0.0", prefix), metrics

"""Wires the process: the clients of services, the pages, HTTP."""

import secrets
from importlib.metadata import version

from ups_portal.adapters.backend import connected
from ups_portal.adapters.device_svc import DeviceSvc
from ups_portal.adapters.gate import Parts
from ups_portal.adapters.http import build
from ups_portal.adapters.invite_svc import InviteSvc
from ups_portal.adapters.jinja import Portal, Renderer
from ups_portal.adapters.pages import gate
from ups_portal.adapters.session_client import SessionClient
from ups_portal.handlers.accounts import AccountPages
from ups_portal.handlers.links import LinkPages
from ups_portal.metrics import PortalMetrics
from ups_portal.settings import Settings
from ups_runtime.lifecycle import Life, run
from ups_schemas.topics import Service

NAME = Service.PORTAL


async def start(life: Life, settings: Settings) -> None:
    """Start serving. Services may be away: pages say so, and readiness does not depend on them."""
    metrics = PortalMetrics(life.metrics)
    backend = settings.backend
    devices = await life.enter("device-svc", connected("device-svc", backend.device_url, metrics.device_svc))
    people = await life.enter("invite-svc", connected("invite-svc", backend.invite_url, metrics.invite_svc))
    portal = settings.portal
    prefix = (portal.base_url.path or "").rstrip("/")
    renderer = Renderer(Portal(portal.name, portal.support_address, prefix, portal.purchase_url, portal.reseller_text))
    now = life.clock.now
    parts = Parts(
        SessionClient(people, now),
        devices,
        people,
        renderer,
        portal.ring(),
        str(portal.base_url),
        str(portal.events_url),
        now,
        life.clock.sleep,
        _new_mark,
        life.stopping,
    )
    app = build(
        LinkPages(DeviceSvc(devices), now, life.clock.sleep),
        AccountPages(InviteSvc(people)),
        gate(parts),
        renderer,
        metrics,
        version("ups-portal"),
        prefix,
    )
    await life.serve(app, settings.http.host, settings.http.port, trusted_proxies=settings.portal.trusted_proxies)


def _new_mark() -> str:
    return secrets.token_urlsafe(16)


def main() -> None:
    """Be the process."""
    run(NAME, Settings, start)


if __name__ == "__main__":
    main()

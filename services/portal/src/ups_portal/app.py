"""Wires the process: the clients of services, the pages, HTTP."""

from importlib.metadata import version

from ups_portal.adapters import device_svc, invite_svc
from ups_portal.adapters.http import build
from ups_portal.adapters.jinja import Portal, Renderer
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
    links = await life.enter("device-svc", device_svc.connected(settings.backend.device_url, metrics))
    accounts = await life.enter("invite-svc", invite_svc.connected(settings.backend.invite_url, metrics))
    prefix = (settings.portal.base_url.path or "").rstrip("/")
    renderer = Renderer(Portal(settings.portal.name, settings.portal.support_address, prefix))
    app = build(
        LinkPages(links, life.clock.now, life.clock.sleep),
        AccountPages(accounts),
        renderer,
        metrics,
        version("ups-portal"),
        prefix,
    )
    await life.serve(app, settings.http.host, settings.http.port, trusted_proxies=settings.portal.trusted_proxies)


def main() -> None:
    """Be the process."""
    run(NAME, Settings, start)


if __name__ == "__main__":
    main()

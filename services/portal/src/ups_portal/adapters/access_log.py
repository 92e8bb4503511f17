"""Who was answered what, without the tokens that addresses hold."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ups_portal.domain.account_link import AccountLinkKind
from ups_portal.domain.link import LinkKind
from ups_portal.metrics import PortalMetrics
from ups_runtime.logging import get_logger

log = get_logger("access")


class AccessLog:
    """Logs and counts each answer by the page's address as the routes have it: what a visitor typed never shows."""

    def __init__(self, app: ASGIApp, metrics: PortalMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and note what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            page, took_s = _page(scope), time.perf_counter() - began
            method = scope["method"] if scope["method"] in {"GET", "HEAD", "POST"} else "other"
            self._metrics.pages.labels(page, method, str(status)).inc()
            self._metrics.page_seconds.labels(page).observe(took_s)
            log.info("page.served", page=page, method=method, status=status, took_ms=round(took_s * 1000, 1))


def _page(scope: Scope) -> str:
    path = getattr(scope.get("route"), "path", "unknown")
    kind = scope.get("path_params", {}).get("kind")
    return path.replace("{kind}", kind) if kind in {*LinkKind, *AccountLinkKind} else path

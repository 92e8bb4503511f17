"""Pages and link pages: looking changes nothing, pressing a button does, and every answer is a page of ours."""

import re
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPMethod, HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ups_portal.adapters.access_log import AccessLog
from ups_portal.adapters.jinja import Renderer, assets
from ups_portal.domain.account_link import AccountLinkKind, Done, Entry
from ups_portal.domain.link import LinkKind, Result, Scope
from ups_portal.domain.page import Page
from ups_portal.domain.plain_pages import (
    ACCOUNTS_AWAY,
    AWAY,
    BROKEN,
    DEVICES,
    DOUBTFUL,
    EVENT_LOG,
    FORGED,
    FRONT,
    INCOMPLETE,
    NOT_ALLOWED,
    TOO_LARGE,
    UNKNOWN,
)
from ups_portal.domain.subscription_page import one_click_text
from ups_portal.handlers.accounts import AccountPages
from ups_portal.handlers.failures import AwayError, DoubtfulError, ForgedError
from ups_portal.handlers.links import LinkPages, Seen, Wish
from ups_portal.metrics import PortalMetrics
from ups_runtime.errors import Retryable
from ups_runtime.http import create_app
from ups_runtime.logging import get_logger

log = get_logger("http")

# The longest form is some 60 bytes, as multipart some 300.
MAX_BODY_BYTES = 4096
# Two passwords of 1,000 characters and a name of 300, of 4 bytes each, url-encoded, are some 28 kB.
MAX_ENTRY_BYTES = 32 * 1024
# Four claims of the longest ids and a signature take some 250 characters.
_TOKEN = re.compile(r"[A-Za-z0-9_.=-]{1,1024}")
_READ = ["GET", "HEAD"]

# Nothing but our own style sheet and icon is loaded, nothing runs, nobody frames, and forms come back to us.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "interest-cohort=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
_KEPT_FOR_A_YEAR = {"Cache-Control": "public, max-age=31536000, immutable"}

_PAGE_BY_FAILURE: Mapping[type[Exception], Page] = {ForgedError: FORGED, DoubtfulError: DOUBTFUL, AwayError: AWAY}
_PAGE_BY_STATUS: Mapping[int, Page] = {400: INCOMPLETE, 405: NOT_ALLOWED, 413: TOO_LARGE}

E = TypeVar("E", bound=StrEnum)


def build(
    pages: LinkPages, accounts: AccountPages, renderer: Renderer, metrics: PortalMetrics, version: str, prefix: str
) -> FastAPI:
    """The application. `prefix` is the path of the base URL, which a proxy takes away before it hands on."""
    entries = {f"/l/{kind}/": MAX_ENTRY_BYTES for kind in AccountLinkKind}
    app = create_app("Ridethrough portal", version, max_body_bytes=MAX_BODY_BYTES, max_body_bytes_below=entries)
    site = _Site(pages, accounts, renderer, prefix)
    app.add_api_route("/l/{kind}/{token}", site.link, methods=[*_READ, "POST"], include_in_schema=False)
    app.add_api_route("/devices/{device_id}/events", site.event_log, methods=_READ, include_in_schema=False)
    app.add_api_route("/devices", site.devices, methods=_READ, include_in_schema=False)
    app.add_api_route("/static/{name}", site.static, methods=_READ, include_in_schema=False)
    app.add_api_route("/", site.front, methods=_READ, include_in_schema=False)
    # instead of problems; and a crash is logged without the path, which may have a token
    for failure in (*_PAGE_BY_FAILURE, ClientDisconnect, HTTPException, Exception):
        app.add_exception_handler(failure, site.failed)
    app.add_middleware(AccessLog, metrics=metrics)
    return app


class _Site:
    def __init__(self, pages: LinkPages, accounts: AccountPages, renderer: Renderer, prefix: str) -> None:
        self._pages = pages
        self._accounts = accounts
        self._renderer = renderer
        self._prefix = prefix
        self._assets = assets()

    async def link(self, request: Request, kind: str, token: str) -> Response:
        if not _TOKEN.fullmatch(token):
            return self._answer(FORGED)
        if account := _member(AccountLinkKind, kind):
            return await self._account_link(request, account, token)
        if known := _member(LinkKind, kind):
            return await self._mail_link(request, known, token)
        return self._answer(UNKNOWN)

    async def _mail_link(self, request: Request, known: LinkKind, token: str) -> Response:
        path = self._own_path(request)
        if request.method != HTTPMethod.POST:
            return self._answer(await self._pages.show(known, token, _seen(request)), path)
        fields = await _fields(request)
        if known is LinkKind.UNSUBSCRIBE and fields.get("List-Unsubscribe") == "One-Click":
            return await self._one_click(token)
        done = await self._pages.act(known, token, Wish(fields.get("action", ""), fields.get("scope", "")))
        if isinstance(done, Page):
            return self._answer(done, path)
        # to a page that only shows: reloading it, and coming back to it, does nothing once more
        return RedirectResponse(f"{path}?{_query(done)}", HTTPStatus.SEE_OTHER, _HEADERS)

    async def _account_link(self, request: Request, kind: AccountLinkKind, token: str) -> Response:
        path = self._own_path(request)
        visitor = request.client.host if request.client else ""
        if request.method != HTTPMethod.POST:
            done = _member(Done, request.query_params.get("did", ""))
            return self._answer(await self._accounts.show(kind, token, visitor, done), path)
        fields = await _fields(request)
        entry = Entry(**{name: fields.get(name, "") for name in ("action", "name", "password", "again")})
        outcome = await self._accounts.act(kind, token, visitor, entry)
        if isinstance(outcome, Page):
            return self._answer(outcome, path)
        return RedirectResponse(f"{path}?{urlencode({'did': outcome})}", HTTPStatus.SEE_OTHER, _HEADERS)

    async def front(self) -> Response:
        return self._answer(FRONT)

    async def event_log(self, device_id: str) -> Response:  # noqa: ARG002 - the same for all
        return self._answer(EVENT_LOG)

    async def devices(self) -> Response:
        return self._answer(DEVICES)

    async def static(self, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            return self._answer(UNKNOWN)
        return Response(asset.content, headers=_HEADERS | _KEPT_FOR_A_YEAR, media_type=asset.media_type)

    async def failed(self, request: Request, error: Exception) -> Response:
        page = _PAGE_BY_FAILURE.get(type(error))
        if isinstance(error, HTTPException):
            page = _PAGE_BY_STATUS.get(error.status_code, UNKNOWN)
        elif isinstance(error, ClientDisconnect):
            page = INCOMPLETE
        elif page is None:
            log.error("page.crashed", exc_info=error)
            page = BROKEN
        if page is AWAY and request.path_params.get("kind") in set(AccountLinkKind):
            page = ACCOUNTS_AWAY
        answer = self._answer(page, self._own_path(request))
        if isinstance(error, HTTPException) and (allowed := (error.headers or {}).get("Allow")):
            answer.headers["Allow"] = ", ".join(sorted(allowed.split(", ")))
        return answer

    async def _one_click(self, token: str) -> Response:
        try:
            await self._pages.one_click(token)
        except ForgedError:
            return PlainTextResponse("This installation did not make this link.\n", HTTPStatus.NOT_FOUND, _HEADERS)
        except Retryable:
            retry = _HEADERS | {"Retry-After": str(AWAY.retry_after_s)}
            return PlainTextResponse("Not possible right now.\n", HTTPStatus.SERVICE_UNAVAILABLE, retry)
        return PlainTextResponse(one_click_text(), headers=_HEADERS)

    def _answer(self, page: Page, path: str = "") -> Response:
        headers = dict(_HEADERS)
        if page.retry_after_s is not None:
            headers["Retry-After"] = str(page.retry_after_s)
        return HTMLResponse(self._renderer.render(page, path), page.status, headers)

    def _own_path(self, request: Request) -> str:
        """The path of a link page, without what a query says was done; empty for any other page."""
        given = request.path_params
        return f"{self._prefix}/l/{given['kind']}/{quote(given['token'])}" if "token" in given else ""


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form; mail programs send RFC 8058's as multipart, url-encoded, or without saying which."""
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        form = await request.form(max_files=0, max_fields=10)
        return {name: value for name, value in form.items() if isinstance(value, str)}
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body.strip(), max_num_fields=10))
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None


def _member(kind: type[E], text: str) -> E | None:
    return next((each for each in kind if each == text), None)


def _seen(request: Request) -> Seen | None:
    result = _member(Result, request.query_params.get("did", ""))
    return Seen(result, _member(Scope, request.query_params.get("scope", ""))) if result else None


def _query(seen: Seen) -> str:
    return urlencode({"did": seen.result} | ({"scope": seen.scope} if seen.scope else {}))

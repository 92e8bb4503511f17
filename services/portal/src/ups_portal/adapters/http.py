"""Pages and link pages: looking changes nothing, pressing a button does, and every answer is a page of ours."""

import re
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPMethod, HTTPStatus
from typing import TypeVar
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ups_portal.adapters.access_log import AccessLog
from ups_portal.adapters.forms import read_form
from ups_portal.adapters.gate import Gate
from ups_portal.adapters.headers import KEPT_FOR_A_YEAR, LINK_PAGE
from ups_portal.adapters.jinja import Renderer, assets
from ups_portal.domain.account_link import AccountLinkKind, Done, Entry
from ups_portal.domain.link import LinkKind, Result, Scope
from ups_portal.domain.page import Page
from ups_portal.domain.plain_pages import (
    ACCOUNTS_AWAY,
    AWAY,
    BROKEN,
    DOUBTFUL,
    FORGED,
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
_MAX_FIELDS = 10
# Four claims of the longest ids and a signature take some 250 characters.
_TOKEN = re.compile(r"[A-Za-z0-9_.=-]{1,1024}")
_READ = ["GET", "HEAD"]

_PAGE_BY_FAILURE: Mapping[type[Exception], Page] = {ForgedError: FORGED, DoubtfulError: DOUBTFUL, AwayError: AWAY}
_PAGE_BY_STATUS: Mapping[int, Page] = {400: INCOMPLETE, 405: NOT_ALLOWED, 413: TOO_LARGE}

E = TypeVar("E", bound=StrEnum)


def build(
    pages: LinkPages,
    accounts: AccountPages,
    gate: Gate,
    renderer: Renderer,
    metrics: PortalMetrics,
    version: str,
    prefix: str,
) -> FastAPI:
    """The application. `prefix` is the path of the base URL, which a proxy takes away before it hands on."""
    entries = {**{f"/l/{kind}/": MAX_ENTRY_BYTES for kind in AccountLinkKind}, **gate.max_body_bytes_below()}
    app = create_app("Ridethrough portal", version, max_body_bytes=MAX_BODY_BYTES, max_body_bytes_below=entries)
    site = _Site(pages, accounts, renderer, prefix)
    app.add_api_route("/l/{kind}/{token}", site.link, methods=[*_READ, "POST"], include_in_schema=False)
    app.add_api_route("/static/{name}", site.static, methods=_READ, include_in_schema=False)
    gate.serve(app)
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
        return RedirectResponse(f"{path}?{_query(done)}", HTTPStatus.SEE_OTHER, LINK_PAGE)

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
        return RedirectResponse(f"{path}?{urlencode({'did': outcome})}", HTTPStatus.SEE_OTHER, LINK_PAGE)

    async def static(self, name: str) -> Response:
        asset = self._assets.get(name)
        if asset is None:
            return self._answer(UNKNOWN)
        return Response(asset.content, headers=LINK_PAGE | KEPT_FOR_A_YEAR, media_type=asset.media_type)

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
            return PlainTextResponse("This installation did not make this link.\n", HTTPStatus.NOT_FOUND, LINK_PAGE)
        except Retryable:
            retry = LINK_PAGE | {"Retry-After": str(AWAY.retry_after_s)}
            return PlainTextResponse("Not possible right now.\n", HTTPStatus.SERVICE_UNAVAILABLE, retry)
        return PlainTextResponse(one_click_text(), headers=LINK_PAGE)

    def _answer(self, page: Page, path: str = "") -> Response:
        headers = dict(LINK_PAGE)
        if page.retry_after_s is not None:
            headers["Retry-After"] = str(page.retry_after_s)
        return HTMLResponse(self._renderer.render(page, path), page.status, headers)

    def _own_path(self, request: Request) -> str:
        """The path of a link page, without what a query says was done; empty for any other page."""
        given = request.path_params
        return f"{self._prefix}/l/{given['kind']}/{quote(given['token'])}" if "token" in given else ""


async def _fields(request: Request) -> dict[str, str]:
    return dict((await read_form(request, _MAX_FIELDS, keep_blank=False)).pairs)


def _member(kind: type[E], text: str) -> E | None:
    return next((each for each in kind if each == text), None)


def _seen(request: Request) -> Seen | None:
    result = _member(Result, request.query_params.get("did", ""))
    return Seen(result, _member(Scope, request.query_params.get("scope", ""))) if result else None


def _query(seen: Seen) -> str:
    return urlencode({"did": seen.result} | ({"scope": seen.scope} if seen.scope else {}))

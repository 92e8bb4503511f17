"""Lets people in: whose browser asks, whether a form is ours, and where to go when nobody is signed in."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto
from http import HTTPMethod, HTTPStatus
from urllib.parse import quote, urlencode, urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ups_portal.adapters.backend import Backend
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.carried import TOKEN, Carrier, what_was_entered
from ups_portal.adapters.forms import Fields, read_form
from ups_portal.adapters.headers import FRAMED_PAGE
from ups_portal.adapters.jinja import Renderer
from ups_portal.adapters.seal import Purpose, Seal
from ups_portal.adapters.session_cookie import SessionCookie
from ups_portal.adapters.visit import RETRY_AFTER_S, Answer, FramedPage, GuestPage, GuestVisit, SeeOther, Shown, Visit
from ups_portal.domain.company_view import no_company_view
from ups_portal.domain.plain_views import AWAY, DOUBTFUL, FORBIDDEN, FOREIGN, NOT_FOUND, PlainView
from ups_portal.domain.resumed import not_sent_view, resumed_view
from ups_portal.domain.session import Guest, Session
from ups_portal.domain.shell import Section, Shell
from ups_portal.domain.sign_in_view import sign_in_view
from ups_portal.domain.way_back import HOME, SIGN_IN, own_path, sign_in_path
from ups_portal.handlers.confirming import Sleep
from ups_portal.handlers.failures import (
    AwayError,
    DoubtfulError,
    ForbiddenError,
    NoCompanyError,
    NotFoundError,
    SignedOutError,
)
from ups_portal.handlers.sessions import Sessions, Ticket

# Two passwords of 1,000 characters and a name of 300, of 4 bytes each, url-encoded, are some 28 kB.
MAX_FORM_BYTES = 32 * 1024
# As much, sealed, beside an address and a password.
MAX_CARRIED_BYTES = 3 * MAX_FORM_BYTES

_READ = ["GET", "HEAD"]

_FAILURES: dict[type[Exception], tuple[PlainView, HTTPStatus]] = {
    NotFoundError: (NOT_FOUND, HTTPStatus.NOT_FOUND),
    ForbiddenError: (FORBIDDEN, HTTPStatus.FORBIDDEN),
    AwayError: (AWAY, HTTPStatus.SERVICE_UNAVAILABLE),
    DoubtfulError: (DOUBTFUL, HTTPStatus.SERVICE_UNAVAILABLE),
}


class Whence(Enum):
    """Where a browser says that a form was."""

    OURS = auto()
    UNKNOWN = auto()
    FOREIGN = auto()


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gate stands on. `keys` seal what browsers keep; `base_url` is where they know the portal to be.

    `events_url` is where devices send events. When the process is `stopping`, answers that go on end.
    """

    sessions: Sessions
    device_svc: Backend
    invite_svc: Backend
    renderer: Renderer
    keys: tuple[str, ...]
    base_url: str
    events_url: str
    now: Callable[[], datetime]
    sleep: Sleep
    new_mark: Callable[[], str]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


class Gate:
    """Serves pages in the portal's frame. Sections whose page is not there are in no navigation."""

    def __init__(self, parts: Parts, pages: Sequence[FramedPage | GuestPage]) -> None:
        self._parts = parts
        self._pages = pages
        self._cookie = SessionCookie(parts.keys, parts.base_url)
        self._forms = Seal(parts.keys, Purpose.FORM)
        self._carrier = Carrier(parts.keys)
        base = urlsplit(parts.base_url)
        self._origin = f"{base.scheme}://{base.netloc}"
        self._prefix = base.path.rstrip("/")
        self._sections = tuple(section for section in Section if section in {page.path for page in pages})

    def max_body_bytes_below(self) -> Mapping[str, int]:
        """How large a body may be, by the beginning of its path."""
        return {
            page.path.partition("{")[0]: MAX_CARRIED_BYTES if page.path == SIGN_IN else MAX_FORM_BYTES
            for page in self._pages
            if page.act
        }

    def serve(self, app: FastAPI) -> None:
        """Add all pages to the application."""
        for page in self._pages:
            methods = [*(_READ if page.show else []), *(["POST"] if page.act else [])]
            app.add_api_route(page.path, self._endpoint(page), methods=methods, include_in_schema=False)
            if not page.show:
                app.add_api_route(page.path, self._to_form(page.path), methods=_READ, include_in_schema=False)

    def _endpoint(self, page: FramedPage | GuestPage) -> Callable[[Request], object]:
        async def framed(request: Request) -> Response:
            return await (self._guest(page, request) if isinstance(page, GuestPage) else self._framed(page, request))

        return framed

    def _to_form(self, path: str) -> Callable[[Request], object]:
        """Whoever opens where only a form goes, as after a refusal from the address bar, is led to the nearest page."""
        shown, parts = {page.path for page in self._pages if page.show}, path.split("/")
        depth = max(depth for depth in range(len(parts)) if "/".join(parts[:depth]) in shown)

        async def led(request: Request) -> Response:
            nearest = "/".join(_path(request).split("/")[:depth])
            return self._response(SeeOther(nearest), Guest(self._parts.new_mark()), None)

        return led

    async def _framed(self, page: FramedPage, request: Request) -> Response:
        holder = self._cookie.read(request)
        if request.method == HTTPMethod.POST:
            whence = self._whence(request)
            fields = await read_form(request)
            if whence is Whence.FOREIGN or (whence is Whence.UNKNOWN and not self._shown_to(holder, fields)):
                return self._foreign(page, request, holder)
            if not isinstance(holder, Session):
                return self._carried(page, request, fields)
            if not self._shown_to(holder, fields):
                # to who was signed in with this browser before
                found = what_was_entered(_path(request), fields)
                resumed = Shown("resumed.html.j2", resumed_view(found, holder.person))
                return self._response(resumed, holder, page.section)
        elif not isinstance(holder, Session):
            return self._to_sign_in(page, request)
        else:
            fields = Fields()
        return await self._visited(page, request, holder, fields)

    async def _visited(self, page: FramedPage, request: Request, holder: Session, fields: Fields) -> Response:
        parts = self._parts
        ticket = Ticket(holder, parts.sessions, parts.now)
        visitor = request.client.host if request.client else ""
        visit = Visit(
            request,
            ticket,
            fields,
            device_svc=Bearer(parts.device_svc, ticket, visitor),
            invite_svc=Bearer(parts.invite_svc, ticket, visitor),
        )
        do = page.act if request.method == HTTPMethod.POST else page.show
        assert do  # noqa: S101 - the route has the methods that there are
        try:
            answer = await _done(do, visit)
        except SignedOutError:
            is_post = request.method == HTTPMethod.POST
            return self._carried(page, request, fields) if is_post else self._to_sign_in(page, request)
        except tuple(_FAILURES) as failure:
            answer = self._failed(failure, page, request, fields)
        if ticket.ended:
            return self._response(answer, Guest(parts.new_mark()), page.section, changed=True)
        return self._response(answer, ticket.session, page.section, changed=ticket.session is not holder)

    async def _guest(self, page: GuestPage, request: Request) -> Response:
        known = self._cookie.read(request)
        before = known or Guest(self._parts.new_mark())
        visit = GuestVisit(request, before, Fields())
        do = page.show
        if request.method == HTTPMethod.POST and page.act:
            whence = self._whence(request)
            if whence is Whence.FOREIGN:
                return self._foreign(page, request, before)
            visit.fields = await read_form(request)
            # tabs that are opened at once, as when a browser starts, give each other's forms another guest
            ours = whence is Whence.OURS and isinstance(known, Guest)
            visit.stale = not ours and not self._shown_to(known, visit.fields)
            do = page.show if visit.stale else page.act
        try:
            answer = await do(visit)
        except tuple(_FAILURES) as failure:
            answer = self._failed(failure, page, request, visit.fields)
        return self._response(answer, visit.holder, page.section, changed=visit.holder is not known)

    def _whence(self, request: Request) -> Whence:
        """What the browser says: a page cannot make it say otherwise (Fetch, "forbidden request-header")."""
        match request.headers.get("sec-fetch-site"), request.headers.get("origin"):
            case ("same-origin", _):
                return Whence.OURS
            case (None, None) | ("none", _):
                return Whence.UNKNOWN
            case (None, origin) if origin == self._origin:
                return Whence.OURS
            case _:
                return Whence.FOREIGN

    def _shown_to(self, holder: Session | Guest | None, fields: Fields) -> bool:
        mark = self._forms.open(fields.get(TOKEN))
        return holder is not None and mark is not None and hmac.compare_digest(mark, holder.mark.encode())

    def _to_sign_in(self, page: FramedPage, request: Request) -> Response:
        guest = Guest(self._parts.new_mark())
        return self._response(SeeOther(sign_in_path(_back(page, request))), guest, None, changed=True)

    def _carried(self, page: FramedPage, request: Request, fields: Fields) -> Response:
        """The sign-in page, with what was entered."""
        view = sign_in_view(_back(page, request), carried=self._carrier.pack(_path(request), fields))
        shown = Shown("sign_in.html.j2", view, HTTPStatus.UNAUTHORIZED)
        return self._response(shown, Guest(self._parts.new_mark()), None, changed=True)

    def _foreign(self, page: FramedPage | GuestPage, request: Request, holder: Session | Guest | None) -> Response:
        shown = Shown("plain.html.j2", replace(FOREIGN, path=_back(page, request)), HTTPStatus.FORBIDDEN)
        return self._response(shown, holder or Guest(self._parts.new_mark()), None)

    def _failed(self, failure: Exception, page: FramedPage | GuestPage, request: Request, fields: Fields) -> Shown:
        view, status = _FAILURES[type(failure)]
        wait_s = RETRY_AFTER_S if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        if isinstance(failure, AwayError) and request.method == HTTPMethod.POST:
            return Shown("resumed.html.j2", not_sent_view(what_was_entered(_path(request), fields)), status, wait_s)
        return Shown("plain.html.j2", replace(view, path=_back(page, request)), status, wait_s)

    def _response(
        self, answer: Answer, holder: Session | Guest, section: Section | None, *, changed: bool = False
    ) -> Response:
        match answer:
            case Shown(template, view, status, retry_after_s):
                signed_in = isinstance(holder, Session)
                token = self._forms.seal(holder.mark.encode())
                person = holder.person if isinstance(holder, Session) else None
                shell = Shell(self._sections if signed_in else (), section, person, token)
                response: Response = HTMLResponse(self._parts.renderer.framed(template, view, shell), status)
                if retry_after_s is not None:
                    response.headers["Retry-After"] = str(retry_after_s)
            case SeeOther(path, did):
                query = f"{'&' if '?' in path else '?'}{urlencode({'did': did})}" if did else ""
                response = RedirectResponse(f"{self._prefix}{path}{query}", HTTPStatus.SEE_OTHER)
            case _:
                response = answer
        for name, value in FRAMED_PAGE.items():
            response.headers.setdefault(name, value)
        if changed:
            self._cookie.write(response, holder)
        return response


async def _done(do: Callable[[Visit], Awaitable[Answer]], visit: Visit) -> Answer:
    try:
        return await do(visit)
    except NoCompanyError:
        # the frame of the page, too, says in which company one is
        await visit.ticket.look_again()
        return Shown("no_company.html.j2", no_company_view(), HTTPStatus.FORBIDDEN)


def _back(page: FramedPage | GuestPage, request: Request) -> str:
    """Where to come back to: the page itself, or that of the form where it has none of its own."""
    if page.show is None:
        return page.section or HOME
    query = f"?{request.url.query}" if request.method != HTTPMethod.POST and request.url.query else ""
    return own_path(_path(request) + query)


def _path(request: Request) -> str:
    return quote(str(request.scope["path"]))

"""What a page in the portal's frame is made of: a path, what shows it, what its form does, and what they are given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.forms import Fields
from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.session import Guest, Person, Session
from ups_portal.domain.shell import Section, View
from ups_portal.handlers.sessions import Ticket

E = TypeVar("E", bound=StrEnum)

# While a part of the installation is away.
RETRY_AFTER_S = 30


@dataclass(frozen=True, slots=True)
class Shown:
    """A template, and what it shows."""

    template: str
    view: View
    status: HTTPStatus = HTTPStatus.OK
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class SeeOther:
    """Another page of ours: after a change, the one that shows it. `did` says there what was done."""

    path: str
    did: str = ""


Answer = Shown | SeeOther | Response


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is signed in. `fields` are those of a POST."""

    request: Request
    ticket: Ticket
    fields: Fields
    device_svc: Bearer
    invite_svc: Bearer

    @property
    def person(self) -> Person:
        """Whoever is signed in."""
        return self.ticket.session.person

    @property
    def visitor(self) -> str:
        """The network address that asks."""
        return _visitor(self.request)

    def did(self, kind: type[E]) -> E | None:
        """What `SeeOther` said was done, if it is one of these."""
        return _did(self.request, kind)


@dataclass(slots=True)
class GuestVisit:
    """A request of anybody. `holder` is who has the browser: who signs in replaces it."""

    request: Request
    holder: Session | Guest
    fields: Fields
    stale: bool = False  # the form was shown to another session: nothing is done, and it is shown once more

    @property
    def visitor(self) -> str:
        """The network address that asks."""
        return _visitor(self.request)

    def did(self, kind: type[E]) -> E | None:
        """What `SeeOther` said was done, if it is one of these."""
        return _did(self.request, kind)


@dataclass(frozen=True, slots=True)
class FramedPage:
    """A page for who is signed in. GET shows it and changes nothing; POST is what its form does."""

    path: str
    section: Section | None
    show: Callable[[Visit], Awaitable[Answer]] | None = None
    act: Callable[[Visit], Awaitable[Answer]] | None = None


@dataclass(frozen=True, slots=True)
class GuestPage:
    """A page for everybody."""

    path: str
    show: Callable[[GuestVisit], Awaitable[Answer]]
    act: Callable[[GuestVisit], Awaitable[Answer]] | None = None
    section: Section | None = None


def refused(template: str, view: View, against: Refusal | TooOften) -> Shown:
    """The form once more, with what stands against it."""
    if isinstance(against, TooOften):
        return Shown(template, view, HTTPStatus.TOO_MANY_REQUESTS, against.wait_s)
    return Shown(template, view, HTTPStatus.UNPROCESSABLE_ENTITY)


def _visitor(request: Request) -> str:
    return request.client.host if request.client else ""


def _did(request: Request, kind: type[E]) -> E | None:
    said = request.query_params.get("did", "")
    return next((each for each in kind if each == said), None)

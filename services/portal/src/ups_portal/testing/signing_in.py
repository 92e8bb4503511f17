"""Somebody who signs in at an invite-svc, real or not, and asks services as the portal does for them."""

from ups_portal.adapters.backend import Backend
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.session_client import SessionClient
from ups_portal.domain.session import Session
from ups_portal.handlers.sessions import SigningIn, Ticket
from ups_runtime.clock import SystemClock

VISITOR = "192.0.2.7"


async def ticket_of(invite_svc: Backend, address: str, password: str) -> Ticket:
    """The session of who has just signed in."""
    now = SystemClock().now
    sessions = SessionClient(invite_svc, now)
    session = await SigningIn(sessions, lambda: "a mark").begin(address, password, VISITOR, None)
    assert isinstance(session, Session)
    return Ticket(session, sessions, now)


def asked_by(ticket: Ticket, service: Backend) -> Bearer:
    """The service, as it is asked on their behalf."""
    return Bearer(service, ticket, VISITOR)

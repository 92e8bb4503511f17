"""Routes to register, and to ask for a link to choose a password."""

from collections.abc import Sequence
from http import HTTPStatus
from zoneinfo import available_timezones

from ups_portal.adapters.visit import Answer, GuestPage, GuestVisit, SeeOther, Shown, refused
from ups_portal.domain.entrance_view import Application, Asked, inbox_view, register_view, reset_view
from ups_portal.domain.sign_in_view import STALE
from ups_portal.handlers import entrance
from ups_portal.handlers.entrance import Entrance


def entrance_pages(doors: Entrance) -> Sequence[GuestPage]:
    """Both forms, and where they lead, whoever asks."""
    zones = tuple(available_timezones())

    async def show_register(visit: GuestVisit) -> Answer:
        view = register_view(_application(visit), zones, notice=STALE if visit.stale else None)
        return Shown("register.html.j2", view, _status(stale=visit.stale))

    async def register(visit: GuestVisit) -> Answer:
        application = _application(visit)
        password, again = visit.fields.get("password"), visit.fields.get("again")
        against = await entrance.register(doors, application, password, again, visit.visitor)
        if against is None:
            return SeeOther("/inbox", Asked.REGISTRATION)
        return refused("register.html.j2", register_view(application, zones, against), against)

    async def show_reset(visit: GuestVisit) -> Answer:
        view = reset_view(visit.fields.get("address"), notice=STALE if visit.stale else None)
        return Shown("reset_password.html.j2", view, _status(stale=visit.stale))

    async def mail_reset(visit: GuestVisit) -> Answer:
        address = visit.fields.get("address")
        against = await entrance.mail_reset(doors, address, visit.visitor)
        if against is None:
            return SeeOther("/inbox", Asked.RESET)
        return refused("reset_password.html.j2", reset_view(address, against), against)

    return (
        GuestPage("/register", show_register, register),
        GuestPage("/reset-password", show_reset, mail_reset),
        GuestPage("/inbox", _show_inbox),
    )


async def _show_inbox(visit: GuestVisit) -> Answer:
    return Shown("inbox.html.j2", inbox_view(visit.did(Asked) or Asked.RESET))


def _application(visit: GuestVisit) -> Application:
    fields = visit.fields
    zone = fields.get("zone") or "UTC"
    return Application(fields.get("address"), fields.get("company_name"), fields.get("name"), zone)


def _status(*, stale: bool) -> HTTPStatus:
    return HTTPStatus.FORBIDDEN if stale else HTTPStatus.OK

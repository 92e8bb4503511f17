"""Routes of the help pages: one for everybody, one for who is signed in."""

from collections.abc import Sequence

from ups_portal.adapters.devices_client import DevicesClient
from ups_portal.adapters.no_mail_client import NoMailClient
from ups_portal.adapters.visit import Answer, FramedPage, GuestPage, GuestVisit, Shown, Visit
from ups_portal.domain.help_view import help_view
from ups_portal.domain.shell import Section
from ups_portal.handlers.no_mail import no_mail


def help_pages() -> Sequence[FramedPage | GuestPage]:
    """Help, and *I get no e-mail* for one's own UPSes."""
    return (
        GuestPage(Section.HELP, _show, section=Section.HELP),
        FramedPage("/help/no-mail", Section.HELP, _no_mail),
    )


async def _show(_visit: GuestVisit) -> Answer:
    return Shown("help.html.j2", help_view())


async def _no_mail(visit: Visit) -> Answer:
    asked = visit.request.query_params.get("device", "")
    view = await no_mail(DevicesClient(visit.device_svc), NoMailClient(visit.device_svc), asked)
    return Shown("no_mail.html.j2", view)

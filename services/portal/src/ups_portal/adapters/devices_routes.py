"""Routes of the overview."""

from collections.abc import Sequence

from ups_portal.adapters.devices_client import DevicesClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit
from ups_portal.domain.shell import Section
from ups_portal.domain.way_back import HOME
from ups_portal.handlers.devices import overview


def devices_pages() -> Sequence[FramedPage]:
    """The overview, and where the portal's own address and mails lead to it."""
    return (
        FramedPage(HOME, Section.DEVICES, _show),
        FramedPage("/", Section.DEVICES, _home),
        FramedPage("/devices/{device_id}/events", Section.DEVICES, _home),
    )


async def _show(visit: Visit) -> Answer:
    return Shown("devices.html.j2", await overview(DevicesClient(visit.device_svc)))


async def _home(_visit: Visit) -> Answer:
    return SeeOther(HOME)

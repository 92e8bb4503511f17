"""Routes of the overview."""

from collections.abc import Callable, Sequence
from datetime import datetime

from ups_portal.adapters.devices_client import DevicesClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit
from ups_portal.domain.devices_view import Done, Only, Search
from ups_portal.domain.shell import Section
from ups_portal.domain.way_back import HOME
from ups_portal.domain.wording import clean
from ups_portal.handlers.devices import overview


def devices_pages(now: Callable[[], datetime]) -> Sequence[FramedPage]:
    """The overview, and where the portal's own address leads to it."""

    async def show(visit: Visit) -> Answer:
        asked = visit.request.query_params
        words, site, only = (clean(asked.get(name, "")) for name in ("q", "site", "only"))
        search = Search(words, site, next((each for each in Only if each == only), Only.ALL))
        return Shown("devices.html.j2", await overview(DevicesClient(visit.device_svc), search, now(), visit.did(Done)))

    return (
        FramedPage(HOME, Section.DEVICES, show),
        FramedPage("/", Section.DEVICES, _home),
    )


async def _home(_visit: Visit) -> Answer:
    return SeeOther(HOME)

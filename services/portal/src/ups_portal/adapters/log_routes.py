"""Routes of the Event Log."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPMethod, HTTPStatus

from ups_portal.adapters.backend import MAX_DOWNLOADS, path_to
from ups_portal.adapters.devices_client import DevicesClient
from ups_portal.adapters.handed_on import hand_on
from ups_portal.adapters.headers import head_only
from ups_portal.adapters.log_client import LogClient, log_of, narrowed
from ups_portal.adapters.people_client import PeopleClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit
from ups_portal.domain.account_link import TooOften
from ups_portal.domain.log_filter import Filter, entered
from ups_portal.domain.log_view import Reader
from ups_portal.domain.plain_views import TOO_MANY_DOWNLOADS
from ups_portal.domain.shell import Section
from ups_portal.handlers import log
from ups_runtime.streaming import Seats
from ups_schemas.wording import zone_of

_TEMPLATE = "log.html.j2"
_CSV = "text/csv"
_TABLE = f"{_CSV}; charset=utf-8"
# What one person downloads at once; device-svc says the same.
_EACH = 3


def log_pages(now: Callable[[], datetime]) -> Sequence[FramedPage]:
    """The company's log and that of one UPS, and both as a table."""
    pages, section = _LogPages(now), Section.EVENT_LOG
    return (
        FramedPage(section, section, pages.of_company),
        FramedPage(f"{section}.csv", section, pages.table_of_company),
        FramedPage("/devices/{device_id}/events", section, pages.of_device),
        FramedPage("/devices/{device_id}/events.csv", section, pages.table_of_device),
    )


class _LogPages:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._seats = Seats(_EACH, MAX_DOWNLOADS)

    async def of_company(self, visit: Visit) -> Answer:
        filter_ = _entered(visit)
        if filter_.device:
            return SeeOther(_page_of(filter_.device) + filter_.query())
        devices = DevicesClient(visit.device_svc)
        return Shown(_TEMPLATE, await log.of_company(self._asked(visit, filter_), devices, Section.EVENT_LOG))

    async def of_device(self, visit: Visit) -> Answer:
        device_id = _device_of(visit)
        view = await log.of_device(self._asked(visit, _entered(visit)), device_id, _page_of(device_id))
        return Shown(_TEMPLATE, view)

    async def table_of_company(self, visit: Visit) -> Answer:
        return await self._table(visit, "/v1/events", Section.EVENT_LOG)

    async def table_of_device(self, visit: Visit) -> Answer:
        device_id = _device_of(visit)
        return await self._table(visit, log_of(device_id), _page_of(device_id))

    async def _table(self, visit: Visit, path: str, page: str) -> Answer:
        filter_ = _entered(visit)
        if not filter_.good:
            return SeeOther(page + filter_.query())
        query = narrowed(filter_, filter_.period(zone_of(visit.person.zone)))
        if visit.request.method == HTTPMethod.HEAD:
            await visit.device_svc.read("look at log", path, query | {"limit": "1"})
            return head_only({"content-type": _TABLE})
        answer = await hand_on(visit, self._seats, "download log", path, query, _CSV)
        if isinstance(answer, TooOften):
            return Shown("plain.html.j2", TOO_MANY_DOWNLOADS, HTTPStatus.TOO_MANY_REQUESTS, answer.wait_s)
        answer.headers["content-type"] = _TABLE
        answer.headers.setdefault("content-disposition", "attachment")
        return answer

    def _asked(self, visit: Visit, filter_: Filter) -> log.Asked:
        reader = Reader(visit.person.user_id, self._now())
        asked, people = LogClient(visit.device_svc), PeopleClient(visit.invite_svc)
        return log.Asked(asked, people, filter_, reader, zone_of(visit.person.zone))


def _entered(visit: Visit) -> Filter:
    return entered(visit.request.query_params)


def _device_of(visit: Visit) -> str:
    return str(visit.request.path_params["device_id"])


def _page_of(device_id: str) -> str:
    return path_to("devices", device_id, "events")

"""Routes of one UPS."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus

from ups_portal.adapters.backend import path_to
from ups_portal.adapters.device_client import DeviceClient
from ups_portal.adapters.device_passing_routes import passing_device
from ups_portal.adapters.people_client import PeopleClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit
from ups_portal.domain.account_link import TooOften
from ups_portal.domain.device_view import Done, Wrong
from ups_portal.domain.shell import Section
from ups_portal.handlers import device
from ups_portal.handlers.confirming import Sleep

_TEMPLATE = "device.html.j2"


def device_pages(now: Callable[[], datetime], sleep: Sleep) -> Sequence[FramedPage]:
    """The page, *Enable Notifications*, and claiming."""
    pages = _DevicePages(now, sleep)
    return (
        FramedPage("/devices/{device_id}", Section.DEVICES, pages.show),
        FramedPage("/devices/{device_id}/enable", Section.DEVICES, act=pages.enable),
        FramedPage("/devices/{device_id}/claim", Section.DEVICES, act=pages.claim),
    )


class _DevicePages:
    def __init__(self, now: Callable[[], datetime], sleep: Sleep) -> None:
        self._now = now
        self._sleep = sleep

    async def show(self, visit: Visit, against: Wrong | None = None) -> Answer:
        asked, people = asked_about(visit), PeopleClient(visit.invite_svc)
        view = await device.shown(asked, people, visit.person.user_id, self._now(), visit.did(Done), against)
        match against:
            case None:
                return Shown(_TEMPLATE, view)
            case TooOften(wait_s):
                return Shown(_TEMPLATE, view, HTTPStatus.TOO_MANY_REQUESTS, wait_s)
            case _:
                return Shown(_TEMPLATE, view, HTTPStatus.CONFLICT)

    async def enable(self, visit: Visit) -> Answer:
        outcome = await device.enabled(asked_about(visit), self._sleep)
        if isinstance(outcome, Done):
            return SeeOther(page_of(visit), outcome)
        return await self.show(visit, outcome)

    async def claim(self, visit: Visit) -> Answer:
        outcome = await passing_device(visit).claim()
        if isinstance(outcome, Done):
            return SeeOther(page_of(visit), outcome)
        return await self.show(visit, outcome)


def asked_about(visit: Visit) -> DeviceClient:
    """The UPS that the page is about."""
    return DeviceClient(visit.device_svc, visit.request.path_params["device_id"])


def page_of(visit: Visit) -> str:
    """Where it is shown."""
    return path_to("devices", visit.request.path_params["device_id"])

"""Routes to hand a UPS over, and to remove it."""

from collections.abc import Sequence
from http import HTTPStatus

from ups_portal.adapters.backend import path_to
from ups_portal.adapters.device_passing_client import PassingDeviceClient
from ups_portal.adapters.people_client import PeopleClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit
from ups_portal.domain.account_link import TooOften
from ups_portal.domain.device_passing import Wrong, removal_view
from ups_portal.domain.device_view import Done
from ups_portal.domain.devices_view import Done as GoneDone
from ups_portal.domain.shell import Section, View
from ups_portal.domain.way_back import HOME
from ups_portal.handlers import device_passing as passing
from ups_portal.handlers.device_forms import owned


def device_passing_pages() -> Sequence[FramedPage]:
    """The pages; claiming is a button of the UPS's own page."""
    return (
        FramedPage("/devices/{device_id}/hand-over", Section.DEVICES, _choose, _hand_over),
        FramedPage("/devices/{device_id}/remove", Section.DEVICES, _ask, _remove),
    )


def passing_device(visit: Visit) -> PassingDeviceClient:
    """The UPS that the page is about."""
    return PassingDeviceClient(visit.device_svc, visit.request.path_params["device_id"])


async def _choose(visit: Visit, to: str = "", wrong: Wrong | None = None) -> Answer:
    people = PeopleClient(visit.invite_svc)
    view = await passing.choice(passing_device(visit), people, visit.person.user_id, to, wrong)
    return _shown("device_hand_over.html.j2", view, wrong)


async def _hand_over(visit: Visit) -> Answer:
    to = visit.fields.get("to")
    outcome = await passing.hand_over(passing_device(visit), to)
    if isinstance(outcome, Done):
        return SeeOther(path_to("devices", visit.request.path_params["device_id"]), outcome)
    return await _choose(visit, to, outcome)


async def _ask(visit: Visit, wrong: Wrong | None = None) -> Answer:
    known = await owned(passing_device(visit), visit.person.user_id)
    return _shown("device_remove.html.j2", removal_view(known.device_id, known.name, wrong), wrong)


async def _remove(visit: Visit) -> Answer:
    wrong = await passing_device(visit).remove()
    return SeeOther(HOME, GoneDone.REMOVED) if wrong is None else await _ask(visit, wrong)


def _shown(template: str, view: View, wrong: Wrong | None) -> Answer:
    match wrong:
        case None:
            return Shown(template, view)
        case TooOften(wait_s):
            return Shown(template, view, HTTPStatus.TOO_MANY_REQUESTS, wait_s)
        case _:
            return Shown(template, view, HTTPStatus.UNPROCESSABLE_ENTITY)

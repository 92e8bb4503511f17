"""Routes of **Notifications**."""

from collections.abc import Sequence

from ups_portal.adapters.backend import path_to
from ups_portal.adapters.preferences_client import PreferencesClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit, refused
from ups_portal.domain.account_link import Refusal
from ups_portal.domain.notifications_view import Done, Mails, Wanted, Wider
from ups_portal.domain.shell import Section
from ups_portal.handlers import notifications

_TEMPLATE, _ONE = "notifications.html.j2", "preference.html.j2"


def notifications_pages() -> Sequence[FramedPage]:
    """The page, and that of one's preference for one UPS."""
    section = Section.NOTIFICATIONS
    return (
        FramedPage("/notifications", section, _show, _save_wider),
        FramedPage("/notifications/{device_id}", section, _show_one, _save),
    )


async def _show(visit: Visit) -> Answer:
    view = await notifications.shown(PreferencesClient(visit.device_svc), visit.person.company, visit.did(Done))
    return Shown(_TEMPLATE, view)


async def _save_wider(visit: Visit) -> Answer:
    asked, chosen = PreferencesClient(visit.device_svc), visit.fields.get("wider")
    if chosen in set(Wider):
        against = await asked.save_wider(visit.fields.get("version"), Wider(chosen))
    else:
        against = _nothing_chosen()
    if against is None:
        return SeeOther(Section.NOTIFICATIONS, Done.SAVED)
    view = await notifications.shown(asked, visit.person.company, wanted=Wanted(against, chosen))
    return refused(_TEMPLATE, view, against)


async def _show_one(visit: Visit) -> Answer:
    asked = PreferencesClient(visit.device_svc)
    return Shown(_ONE, await notifications.shown_one(asked, _device_id(visit), visit.did(Done)))


async def _save(visit: Visit) -> Answer:
    asked, device_id, chosen = PreferencesClient(visit.device_svc), _device_id(visit), visit.fields.get("mails")
    if chosen in set(Mails):
        version, codes = visit.fields.get("version"), visit.fields.all("code")
        against = await asked.save(device_id, version, Mails(chosen), codes)
    else:
        against = _nothing_chosen()
    if against is None:
        return SeeOther(path_to("notifications", device_id), Done.SAVED)
    view = await notifications.shown_one(asked, device_id, wanted=Wanted(against, chosen))
    return refused(_ONE, view, against)


def _nothing_chosen() -> notifications.Against:
    return Refusal("", "", "nothing-chosen")


def _device_id(visit: Visit) -> str:
    return str(visit.request.path_params["device_id"])

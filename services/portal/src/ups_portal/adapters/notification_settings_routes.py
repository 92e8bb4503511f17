"""Routes to the notification settings of a UPS."""

from collections.abc import Sequence

from ups_portal.adapters.backend import path_to
from ups_portal.adapters.device_client import DeviceClient
from ups_portal.adapters.notification_settings_client import NotificationSettingsClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit, refused
from ups_portal.domain.notification_settings import Entered
from ups_portal.domain.notification_settings_view import Done
from ups_portal.domain.shell import Section
from ups_portal.handlers import notification_settings

_TEMPLATE = "notification_settings.html.j2"


def notification_settings_pages() -> Sequence[FramedPage]:
    """The page of one UPS."""
    return (FramedPage("/devices/{device_id}/notification-settings", Section.DEVICES, _show, _save),)


async def _show(visit: Visit) -> Answer:
    settings, device = _asked(visit)
    view = await notification_settings.shown(settings, device, visit.person.user_id, visit.did(Done))
    return Shown(_TEMPLATE, view)


async def _save(visit: Visit) -> Answer:
    settings, device = _asked(visit)
    entered = _entered(visit)
    against = await notification_settings.save(settings, visit.fields.get("version"), entered)
    if against is None:
        return SeeOther(path_to("devices", _device_id(visit), "notification-settings"), Done.SAVED)
    user_id = visit.person.user_id
    view = await notification_settings.shown(settings, device, user_id, entered=entered, against=against)
    return refused(_TEMPLATE, view, against)


def _entered(visit: Visit) -> Entered:
    get, every = visit.fields.get, visit.fields.all
    return Entered(
        get("limit"),
        get("window"),
        get("window_unit"),
        get("period"),
        get("period_unit"),
        every("severity"),
        every("passing"),
    )


def _device_id(visit: Visit) -> str:
    return str(visit.request.path_params["device_id"])


def _asked(visit: Visit) -> tuple[NotificationSettingsClient, DeviceClient]:
    device_id = _device_id(visit)
    return NotificationSettingsClient(visit.device_svc, device_id), DeviceClient(visit.device_svc, device_id)

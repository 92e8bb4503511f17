"""Routes to register a UPS, to call it something else, and to its keys."""

import hashlib
from collections.abc import Sequence
from http import HTTPStatus

from ups_portal.adapters.backend import path_to
from ups_portal.adapters.carried import TOKEN
from ups_portal.adapters.device_forms_client import OwnedDeviceClient, RegistryClient
from ups_portal.adapters.visit import Answer, FramedPage, SeeOther, Shown, Visit
from ups_portal.domain.account_link import TooOften
from ups_portal.domain.device_forms import (
    Grace,
    Issued,
    KeysDone,
    Names,
    Wrong,
    issued_view,
    keys_view,
    registration_view,
    renaming_view,
)
from ups_portal.domain.device_view import Done
from ups_portal.domain.shell import Section, View
from ups_portal.handlers import device_forms as forms

_NAMES, _KEY, _KEYS = "device_names.html.j2", "device_key.html.j2", "device_keys.html.j2"


def device_forms_pages(events_url: str) -> Sequence[FramedPage]:
    """The pages; `events_url` is where devices send events. They come before those of one UPS."""
    pages, section = _Forms(events_url), Section.DEVICES
    return (
        FramedPage("/devices/new", section, pages.show_registration, pages.register),
        FramedPage("/devices/{device_id}/names", section, pages.show_names, pages.rename),
        FramedPage("/devices/{device_id}/keys", section, pages.show_keys, pages.new_key),
        FramedPage("/devices/{device_id}/keys/{key_id}/revoke", section, act=pages.revoke),
    )


class _Forms:
    def __init__(self, events_url: str) -> None:
        self._events_url = events_url

    async def show_registration(self, _visit: Visit) -> Answer:
        return Shown(_NAMES, registration_view())

    async def register(self, visit: Visit) -> Answer:
        names = _entered(visit)
        # each form that is shown has a token of its own; who goes back to it and enters another UPS registers that one
        entered = (visit.fields.get(TOKEN), names.name, names.model, names.serial, names.site)
        once = hashlib.sha256("\0".join(entered).encode()).hexdigest()
        outcome = await forms.register(RegistryClient(visit.device_svc), names, once)
        if not isinstance(outcome, Issued):
            return _refused(_NAMES, registration_view(names, outcome), outcome)
        return Shown(_KEY, issued_view(outcome, names.name, self._events_url, first=True))

    async def show_names(self, visit: Visit) -> Answer:
        known = await forms.owned(_asked(visit), visit.person.user_id)
        return Shown(_NAMES, renaming_view(known.device_id, Names(known.name, known.model, known.serial, known.site)))

    async def rename(self, visit: Visit) -> Answer:
        names = _entered(visit)
        wrong = await forms.rename(_asked(visit), names)
        if wrong is not None:
            return _refused(_NAMES, renaming_view(_device_id(visit), names, wrong), wrong)
        return SeeOther(path_to("devices", _device_id(visit)), Done.RENAMED)

    async def show_keys(self, visit: Visit, wrong: Wrong | None = None) -> Answer:
        known = await forms.with_keys(_asked(visit))
        device = known.device
        view = keys_view(device.device_id, device.name, known.keys, visit.did(KeysDone), wrong)
        return Shown(_KEYS, view) if wrong is None else _refused(_KEYS, view, wrong)

    async def new_key(self, visit: Visit) -> Answer:
        asked, wanted = _asked(visit), visit.fields.get("grace")
        known = await forms.with_keys(asked)
        grace_s = int(next((each for each in Grace if each == wanted), Grace.DAY))
        outcome = await forms.new_key(asked, known, visit.fields.get("version"), grace_s)
        if not isinstance(outcome, Issued):
            return await self.show_keys(visit, outcome)
        return Shown(_KEY, issued_view(outcome, known.device.name, self._events_url, first=False))

    async def revoke(self, visit: Visit) -> Answer:
        wrong = await _asked(visit).revoke(visit.request.path_params["key_id"])
        if wrong is not None:
            return await self.show_keys(visit, wrong)
        return SeeOther(path_to("devices", _device_id(visit), "keys"), KeysDone.REVOKED)


def _device_id(visit: Visit) -> str:
    device_id: str = visit.request.path_params["device_id"]
    return device_id


def _asked(visit: Visit) -> OwnedDeviceClient:
    return OwnedDeviceClient(visit.device_svc, _device_id(visit))


def _entered(visit: Visit) -> Names:
    get = visit.fields.get
    return Names(get("name"), get("model"), get("serial"), get("site"))


def _refused(template: str, view: View, wrong: Wrong) -> Answer:
    if isinstance(wrong, TooOften):
        return Shown(template, view, HTTPStatus.TOO_MANY_REQUESTS, wrong.wait_s)
    return Shown(template, view, HTTPStatus.UNPROCESSABLE_ENTITY)

"""One's own e-mail preferences at device-svc: implements `Preferences`."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, StringConstraints

from ups_portal.adapters.backend import Answer, Reply, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.domain.notifications_view import Mails, OwnMails, Wider, WiderChoice
from ups_portal.domain.preference_view import Preference
from ups_portal.domain.wording import clean
from ups_portal.handlers.notifications import Against
from ups_schemas.catalogue import Severity

Text = Annotated[str, StringConstraints(max_length=2000)]

# As many as device-svc gives at once; a company has some 500.
_LIMIT = 500
_MAX_PAGES = 20


class _Wider(Answer):
    version: Text
    all_off: bool
    company_off: bool


class _Choice(Answer):
    on: bool
    in_force: bool
    min_severity: Severity

    @property
    def mails(self) -> Mails:
        return Mails(self.min_severity) if self.on else Mails.NONE


class _OwnChoice(_Choice):
    version: Text
    codes: tuple[Text, ...] | None = None
    listeners: Annotated[int, Field(ge=0)]


class _Named(Answer):
    device_id: Text
    name: Text
    site: Text | None = None


class _Device(_Named):
    own_subscription: _Choice


class _Devices(Answer):
    devices: tuple[_Device, ...]
    cursor: Text | None = None


class PreferencesClient:
    """Asks for one request."""

    def __init__(self, device_svc: Bearer) -> None:
        self._device_svc = device_svc

    async def wider(self) -> WiderChoice:
        """Off for all hides off for the company, which ends with it."""
        told = await self._device_svc.get("look at preferences", "/v1/subscriptions", _Wider)
        company = Wider.COMPANY if told.company_off else Wider.NOTHING
        return WiderChoice(told.version, Wider.ALL if told.all_off else company)

    async def devices(self) -> Sequence[OwnMails]:
        """All of them, one page after the other."""
        found: list[OwnMails] = []
        query = {"limit": str(_LIMIT)}
        for _ in range(_MAX_PAGES):
            page = await self._device_svc.get("list devices", "/v1/devices", _Devices, query)
            found += [_own_mails(each) for each in page.devices]
            if page.cursor is None:
                break
            query["cursor"] = page.cursor
        return found

    async def of(self, device_id: str) -> Preference:
        """What one chose."""
        told = await self._device_svc.get("look at subscription", _path(device_id), _OwnChoice)
        return Preference(told.version, told.mails, told.in_force, told.codes, told.listeners)

    async def name(self, device_id: str) -> str:
        """What it is called."""
        return clean((await self._device_svc.get("look at device", path_to("v1", "devices", device_id), _Named)).name)

    async def save_wider(self, version: str, wider: Wider) -> Against:
        """One of the two, or neither."""
        body = {"version": version, "all_off": wider is Wider.ALL, "company_off": wider is Wider.COMPANY}
        return _against(await self._device_svc.change("save preferences", "PUT", "/v1/subscriptions", body))

    async def save(self, device_id: str, version: str, mails: Mails, codes: tuple[str, ...]) -> Against:
        """Choose it. Off says no severity."""
        on = mails is not Mails.NONE
        body = {"version": version, "on": on, "codes": list(codes) or None} | ({"min_severity": mails} if on else {})
        return _against(await self._device_svc.change("save subscription", "PUT", _path(device_id), body))


def _path(device_id: str) -> str:
    return path_to("v1", "devices", device_id, "subscription")


def _own_mails(device: _Device) -> OwnMails:
    own = device.own_subscription
    return OwnMails(device.device_id, clean(device.name), clean(device.site or ""), own.mails, own.in_force)


def _against(outcome: Reply | Against) -> Against:
    return None if isinstance(outcome, Reply) else outcome

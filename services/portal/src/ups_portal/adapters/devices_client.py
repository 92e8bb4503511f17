"""The company's UPSes at device-svc: implements `Devices`."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import StringConstraints

from ups_portal.adapters.backend import Answer
from ups_portal.adapters.bearer import Bearer
from ups_portal.domain.devices_view import OwnDevice
from ups_portal.domain.wording import clean

Text = Annotated[str, StringConstraints(max_length=2000)]

# As many as device-svc gives at once; a company has some 500.
_LIMIT = 500
_MAX_PAGES = 20


class _Device(Answer):
    device_id: Text
    name: Text
    model: Text | None = None
    site: Text | None = None


class _DevicePage(Answer):
    devices: tuple[_Device, ...]
    cursor: Text | None = None


class DevicesClient:
    """Asks for one request."""

    def __init__(self, device_svc: Bearer) -> None:
        self._device_svc = device_svc

    async def all(self) -> Sequence[OwnDevice]:
        """All of them, one page after the other."""
        found: list[OwnDevice] = []
        query = {"limit": str(_LIMIT)}
        for _ in range(_MAX_PAGES):
            page = await self._device_svc.get("list devices", "/v1/devices", _DevicePage, query)
            found += [_of(device) for device in page.devices]
            if page.cursor is None:
                break
            query["cursor"] = page.cursor
        return found


def _of(device: _Device) -> OwnDevice:
    return OwnDevice(device.device_id, clean(device.name), clean(device.model or ""), clean(device.site or ""))

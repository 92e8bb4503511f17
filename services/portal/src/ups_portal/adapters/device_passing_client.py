"""UPSes that pass on at device-svc: implements `PassingDevice`."""

from typing import Literal

from pydantic import ValidationError

from ups_portal.adapters.backend import Answer, Reply, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.devices_client import DeviceAnswer
from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.device_passing import Wrong
from ups_portal.domain.device_view import Done
from ups_portal.domain.own_device import OwnDevice
from ups_portal.handlers.failures import DoubtfulError

_DONE = {
    "handed_over": Done.HANDED_OVER,
    "already_theirs": Done.HANDED_OVER,
    "claimed": Done.CLAIMED,
    "already_yours": Done.CLAIMED,
}


class _Passed(Answer):
    result: Literal["handed_over", "already_theirs", "claimed", "already_yours"]


class PassingDeviceClient:
    """Asks about one UPS for one request."""

    def __init__(self, device_svc: Bearer, device_id: str) -> None:
        self._device_svc = device_svc
        self._device_id = device_id

    async def get(self) -> OwnDevice:
        """It."""
        return (await self._device_svc.get("look at device", self._path(), DeviceAnswer)).device()

    async def hand_over(self, to: str) -> Done | Wrong:
        """Give it to them."""
        call = "hand over device"
        return _passed(call, await self._device_svc.change(call, "POST", self._path("hand-over"), {"to": to}))

    async def claim(self) -> Done | Wrong:
        """Become its owner."""
        call = "claim device"
        return _passed(call, await self._device_svc.change(call, "POST", self._path("claim")))

    async def remove(self) -> Wrong | None:
        """Remove it."""
        outcome = await self._device_svc.change("remove device", "DELETE", self._path())
        return None if isinstance(outcome, Reply) else outcome

    def _path(self, *parts: str) -> str:
        return path_to("v1", "devices", self._device_id, *parts)


def _passed(call: str, outcome: Reply | Refusal | TooOften) -> Done | Wrong:
    if not isinstance(outcome, Reply):
        return outcome
    try:
        return _DONE[_Passed.model_validate_json(outcome.content).result]
    except ValidationError:
        raise DoubtfulError(call) from None

"""Names and keys of UPSes at device-svc: implements `Registry` and `OwnedDevice`."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field, ValidationError

from ups_portal.adapters.backend import Answer, Reply, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.adapters.devices_client import DeviceAnswer, Text
from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.device_forms import Issued, Names, OwnKey, Wrong
from ups_portal.domain.own_device import OwnDevice
from ups_portal.handlers.failures import DoubtfulError


class _Issued(Answer):
    device_id: Text
    key: Text | None = Field(None, repr=False)


class _Key(Answer):
    key_id: Text
    works: bool
    revoked: bool
    expires_at: datetime | None = None
    changed_at: datetime


class _Keys(Answer):
    keys: tuple[_Key, ...]


class RegistryClient:
    """Registers for one request."""

    def __init__(self, device_svc: Bearer) -> None:
        self._device_svc = device_svc

    async def register(self, names: Names, once: str) -> Issued | Wrong:
        """Register one."""
        call, headers = "register device", {"Idempotency-Key": once}
        given = {name: value for name, value in _body(names).items() if value is not None}
        return _issued(call, await self._device_svc.change(call, "POST", "/v1/devices", given, headers))


class OwnedDeviceClient:
    """Asks about one UPS for one request."""

    def __init__(self, device_svc: Bearer, device_id: str) -> None:
        self._device_svc = device_svc
        self._device_id = device_id

    async def get(self) -> OwnDevice:
        """It."""
        return (await self._device_svc.get("look at device", self._path(), DeviceAnswer)).device()

    async def rename(self, names: Names) -> Wrong | None:
        """Call it that."""
        return _against(await self._device_svc.change("rename device", "PATCH", self._path(), _body(names)))

    async def keys(self) -> Sequence[OwnKey]:
        """Its keys."""
        told = await self._device_svc.get("list keys", self._path("keys"), _Keys)
        return [OwnKey(each.key_id, each.works, each.revoked, each.expires_at, each.changed_at) for each in told.keys]

    async def new_key(self, grace_s: int, once: str) -> Issued | Wrong:
        """Make one."""
        call, headers = "make key", {"Idempotency-Key": once}
        return _issued(
            call, await self._device_svc.change(call, "POST", self._path("keys"), {"grace_s": grace_s}, headers)
        )

    async def revoke(self, key_id: str) -> Wrong | None:
        """End one."""
        return _against(await self._device_svc.change("revoke key", "DELETE", self._path("keys", key_id)))

    def _path(self, *parts: str) -> str:
        return path_to("v1", "devices", self._device_id, *parts)


def _body(names: Names) -> dict[str, str | None]:
    entered = {"name": names.name, "model": names.model, "serial": names.serial, "site": names.site}
    return {field: value.strip() or None for field, value in entered.items()}


def _issued(call: str, outcome: Reply | Refusal | TooOften) -> Issued | Wrong:
    if not isinstance(outcome, Reply):
        return outcome
    try:
        given = _Issued.model_validate_json(outcome.content)
    except ValidationError:
        raise DoubtfulError(call) from None
    return Issued(given.device_id, given.key)


def _against(outcome: Reply | Refusal | TooOften) -> Wrong | None:
    return None if isinstance(outcome, Reply) else outcome

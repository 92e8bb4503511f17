"""The company's UPSes at device-svc: implements `Devices`."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints

from ups_portal.adapters.backend import Answer
from ups_portal.adapters.bearer import Bearer
from ups_portal.domain.link import Notifications
from ups_portal.domain.own_device import Named, OpenCondition, OwnDevice, Plan, Readings
from ups_portal.domain.wording import clean
from ups_schemas.catalogue import Severity

Text = Annotated[str, StringConstraints(max_length=2000)]

# As many as device-svc gives at once; a company has some 500.
_LIMIT = 500
_MAX_PAGES = 20
# More is no time that a battery lasts, and no number to count with.
_MAX_RUNTIME_S = 10_000_000


class _Plan(Answer):
    name: Text
    until: datetime | None = None
    in_force: Text


class _Notifications(Answer):
    state: Notifications
    since: datetime | None = None
    until: datetime | None = None


class _Condition(Answer):
    code: Text
    text: Text | None = None
    severity: Severity
    since: datetime


class _Readings(Answer):
    battery_charge_percent: float | None = None
    battery_runtime_s: float | None = None
    load_percent: float | None = None
    input_voltage_v: float | None = None
    temperature_c: float | None = None


class _Subscription(Answer):
    in_force: bool


class DeviceAnswer(Answer):
    """A UPS, as device-svc tells it at a glance."""

    device_id: Text
    name: Text
    model: Text | None = None
    serial: Text | None = None
    site: Text | None = None
    owner: Text | None = None
    plan: _Plan
    notifications: _Notifications
    open_conditions: tuple[_Condition, ...]
    last_seen: datetime | None = None
    last_read_at: datetime | None = None
    last_readings: _Readings | None = None
    own_subscription: _Subscription
    listeners: Annotated[int, Field(ge=0)]

    def device(self) -> OwnDevice:
        """It, as pages know it."""
        told = self.notifications
        return OwnDevice(
            self.device_id,
            clean(self.name),
            clean(self.model or ""),
            clean(self.serial or ""),
            clean(self.site or ""),
            self.owner,
            Plan(self.plan.name, self.plan.until, self.plan.in_force),
            told.state,
            told.since,
            told.until,
            tuple(
                OpenCondition(each.code, clean(each.text or ""), each.severity, each.since)
                for each in self.open_conditions
            ),
            self.last_seen,
            self._readings(),
            self.own_subscription.in_force,
            self.listeners,
        )

    def _readings(self) -> Readings | None:
        read, at = self.last_readings, self.last_read_at
        if read is None or at is None:
            return None
        runtime_s = read.battery_runtime_s
        return Readings(
            at,
            read.battery_charge_percent,
            None if runtime_s is None else timedelta(seconds=min(runtime_s, _MAX_RUNTIME_S)),
            read.load_percent,
            read.input_voltage_v,
            read.temperature_c,
        )


class _Page(Answer):
    cursor: Text | None = None


class _DevicePage(_Page):
    devices: tuple[DeviceAnswer, ...]


class _Named(Answer):
    device_id: Text
    name: Text
    site: Text | None = None

    def named(self) -> Named:
        return Named(self.device_id, clean(self.name), clean(self.site or ""))


class _NamesPage(_Page):
    devices: tuple[_Named, ...]


P = TypeVar("P", bound=_Page)


class DevicesClient:
    """Asks for one request."""

    def __init__(self, device_svc: Bearer) -> None:
        self._device_svc = device_svc

    async def all(self) -> Sequence[OwnDevice]:
        """All of them."""
        pages = self._pages("list devices", "/v1/devices", _DevicePage)
        return [device.device() async for page in pages for device in page.devices]

    async def names(self) -> Sequence[Named]:
        """What all of them are called."""
        pages = self._pages("list names", "/v1/devices/names", _NamesPage)
        return [device.named() async for page in pages for device in page.devices]

    async def _pages(self, call: str, path: str, shape: type[P]) -> AsyncIterator[P]:
        query = {"limit": str(_LIMIT)}
        for _ in range(_MAX_PAGES):
            page = await self._device_svc.get(call, path, shape, query)
            yield page
            if page.cursor is None:
                return
            query["cursor"] = page.cursor

"""Routes of owners and co-workers: their company's devices, and what each of them wants to hear."""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from ups_device.adapters.device_routes import (
    ChoiceBody,
    DevicePage,
    DeviceView,
    IssuedView,
    RotationBody,
    SeenDeviceView,
)
from ups_device.domain import subscription
from ups_device.domain.device import Device, Edit, Registration
from ups_device.domain.subscription import Preferences
from ups_device.handlers.devices import Place, Registry
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.members import Members
from ups_device.handlers.refusals import unknown_device
from ups_device.handlers.subscriptions import Subscriptions
from ups_runtime.http import IdempotencyKey, RequestBody, decode_cursor
from ups_runtime.once import Once
from ups_schemas.catalogue import Severity
from ups_schemas.device import Name
from ups_schemas.event import Code
from ups_schemas.ids import CompanyId, DeviceId, UserId

# A dependency that gives who is signed in.
SignedIn = Callable[..., Awaitable[UserId]]


class OwnDeviceBody(RequestBody):
    """A device to register as one's own."""

    name: Name
    model: Name | None = None
    serial: Name | None = None
    site: Name | None = None


class DeviceEditBody(RequestBody):
    """What is to be another way; what is left out stays, and null empties it."""

    name: Name = ""
    model: Name | None = None
    serial: Name | None = None
    site: Name | None = None

    def edit(self) -> Edit:
        """What was given."""
        return cast(Edit, self.model_dump(exclude_unset=True))


class OwnDeviceList(RequestBody):
    """Which page of the company's devices."""

    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=400)


class OwnChoiceView(BaseModel):
    """What one gets from the device. `in_force` is false, too, where a wider choice silences it."""

    on: bool
    in_force: bool
    min_severity: Severity
    codes: tuple[Code, ...] | None

    @classmethod
    def of(cls, device: Device, user_id: UserId) -> "OwnChoiceView":
        """The person's choice; off for whoever never made one."""
        choice = device.choice(user_id)
        in_force = any(each.on for each in device.snapshot.subscriptions if each.user_id == user_id)
        if choice is None:
            return cls(on=False, in_force=in_force, min_severity=Severity.WARNING, codes=None)
        return cls(on=choice.on, in_force=in_force, min_severity=choice.min_severity, codes=choice.codes)


class OwnPreferences(RequestBody):
    """Whether one wants nothing of the company's devices, or nothing at all. It lies over the choices for each."""

    all_off: bool = False
    company_off: bool = False

    @classmethod
    def of(cls, preferences: Preferences, company_id: CompanyId) -> "OwnPreferences":
        """The person's wider choices, as far as they concern the company."""
        return cls(all_off=preferences.all_off, company_off=company_id in preferences.companies_off)

    def over(self, preferences: Preferences, company_id: CompanyId) -> Preferences | None:
        """The next version, in which those for other companies stay; None if all is that way already."""
        others = preferences.companies_off - {company_id}
        companies_off = others | {company_id} if self.company_off else others
        return subscription.choose(preferences, all_off=self.all_off, companies_off=companies_off)


def member_router(
    registry: Registry, log: EventLog, subscriptions: Subscriptions, members: Members, caller: SignedIn
) -> APIRouter:
    """Devices: the company reads, the owner writes."""
    router = APIRouter(prefix="/v1/devices", tags=["own devices"])
    # FastAPI reads it from the annotation
    who = Annotated[UserId, Depends(caller)]

    @router.post("", status_code=201)
    async def register(user_id: who, body: OwnDeviceBody, idempotency_key: IdempotencyKey = None) -> IssuedView:
        """Register a device as your own. Its key is in this answer and nowhere else."""
        company_id = await members.company(user_id)
        registration = Registration(company_id=company_id, owner=user_id, **body.model_dump())
        issued = await registry.register(registration, Once.of(idempotency_key, body), by=user_id)
        if issued.device.snapshot.company_id != company_id:
            raise unknown_device()
        return IssuedView.issued(issued)

    @router.get("")
    async def list_devices(user_id: who, query: Annotated[OwnDeviceList, Query()]) -> DevicePage:
        """List the company's devices, oldest first."""
        company_id = await members.company(user_id)
        after = Place(*decode_cursor(query.cursor)) if query.cursor else None
        return DevicePage.of(await registry.page(company_id, after, query.limit), query.limit)

    @router.get("/{device_id}")
    async def get(user_id: who, device_id: DeviceId) -> SeenDeviceView:
        """Look at one device."""
        await members.require_reader(user_id, device_id)
        device = await registry.get(device_id)
        listeners = await subscriptions.listeners(device.snapshot)
        return SeenDeviceView.with_presence(device, await log.presence(device), len(listeners))

    @router.patch("/{device_id}")
    async def edit(user_id: who, device_id: DeviceId, body: DeviceEditBody) -> DeviceView:
        """Change what is given, as the owner."""
        await members.require_owner(user_id, device_id)
        return DeviceView.of(await registry.edit(device_id, body.edit()))

    @router.delete("/{device_id}", status_code=204, response_class=Response)
    async def remove(user_id: who, device_id: DeviceId) -> None:
        """Remove the device, as the owner: its keys end at once."""
        await members.require_owner(user_id, device_id)
        await registry.remove(device_id)

    @router.post("/{device_id}/keys", status_code=201)
    async def rotate(user_id: who, device_id: DeviceId, body: RotationBody | None = None) -> IssuedView:
        """Make a new key, as the owner; the older ones go on for the grace time (24 hours unless said otherwise)."""
        await members.require_owner(user_id, device_id)
        return IssuedView.issued(await registry.rotate(device_id, (body or RotationBody()).grace))

    @router.get("/{device_id}/subscription")
    async def choice(user_id: who, device_id: DeviceId) -> OwnChoiceView:
        """Look at what you get from the device."""
        await members.require_reader(user_id, device_id)
        return OwnChoiceView.of(await registry.get(device_id), user_id)

    @router.put("/{device_id}/subscription")
    async def choose(user_id: who, device_id: DeviceId, body: ChoiceBody) -> OwnChoiceView:
        """Set what you get from the device."""
        await members.require_reader(user_id, device_id)
        return OwnChoiceView.of(await subscriptions.subscribe(device_id, body.subscription(user_id)), user_id)

    return router


def preference_router(subscriptions: Subscriptions, members: Members, caller: SignedIn) -> APIRouter:
    """What one wants nothing of."""
    router = APIRouter(prefix="/v1/subscriptions", tags=["own subscriptions"])
    who = Annotated[UserId, Depends(caller)]

    @router.get("")
    async def get(user_id: who) -> OwnPreferences:
        """Look at whether you want nothing of the company's devices, or nothing at all."""
        company_id = await members.company(user_id)
        return OwnPreferences.of(await subscriptions.preferences(user_id), company_id)

    @router.put("")
    async def put(user_id: who, body: OwnPreferences) -> OwnPreferences:
        """Set whether you want nothing of the company's devices, or nothing at all, and bring it to each device."""
        company_id = await members.company(user_id)
        await subscriptions.prefer(user_id, lambda now: body.over(now, company_id))
        return OwnPreferences.of(await subscriptions.preferences(user_id), company_id)

    return router

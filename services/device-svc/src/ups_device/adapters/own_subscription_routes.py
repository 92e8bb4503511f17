"""Routes by which people choose what they hear: of one device, of their company's, or of none at all."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from ups_device.adapters.device_routes import ChoiceBody
from ups_device.adapters.member_routes import SignedIn
from ups_device.domain.device import Device
from ups_device.domain.subscription import Preferences, version_of, wider_version_of
from ups_device.handlers.devices import Registry
from ups_device.handlers.members import Members
from ups_device.handlers.subscriptions import Subscriptions
from ups_runtime.http import RequestBody
from ups_schemas.catalogue import Severity
from ups_schemas.device import Subscription
from ups_schemas.event import Code
from ups_schemas.ids import CompanyId, DeviceId, UserId

# What was looked at: `version` as the last look, or save, gave it.
Seen = Annotated[str, Field(min_length=1, max_length=100)]


class OwnChoiceBody(ChoiceBody):
    """What one wants from the device, in place of what one has seen."""

    version: Seen


class OwnChoiceView(BaseModel):
    """What one gets from the device. `in_force` is false, too, where a wider choice silences it."""

    version: str = Field(description="of this choice alone: saving takes it, and is refused once it is another")
    on: bool
    in_force: bool
    min_severity: Severity
    codes: tuple[Code, ...] | None
    listeners: int = Field(description="how many people hear of the device; 0: the last one has gone")

    @classmethod
    def of(cls, device: Device, user_id: UserId, listeners: int) -> "OwnChoiceView":
        """The person's choice; off for whoever never made one."""
        choice = device.choice(user_id)
        shown = choice or Subscription(user_id=user_id, on=False)
        return cls(
            version=version_of(choice),
            on=shown.on,
            in_force=any(each.on for each in device.snapshot.subscriptions if each.user_id == user_id),
            min_severity=shown.min_severity,
            codes=shown.codes,
            listeners=listeners,
        )


class OwnPreferencesBody(RequestBody):
    """Whether one wants nothing of the company's devices, or nothing at all, in place of what one has seen."""

    version: Seen
    all_off: bool = False
    company_off: bool = False


class OwnPreferencesView(BaseModel):
    """Whether one wants nothing of the company's devices, or nothing at all. It lies over the choices for each."""

    version: str = Field(description="of these two: saving takes it, and is refused once it is another")
    all_off: bool
    company_off: bool

    @classmethod
    def of(cls, preferences: Preferences, company_id: CompanyId) -> "OwnPreferencesView":
        """The person's wider choices, as far as they concern the company."""
        return cls(
            version=wider_version_of(preferences, company_id),
            all_off=preferences.all_off,
            company_off=company_id in preferences.companies_off,
        )


def own_choice_router(
    registry: Registry, subscriptions: Subscriptions, members: Members, caller: SignedIn
) -> APIRouter:
    """What one hears of a device."""
    router = APIRouter(prefix="/v1/devices/{device_id}/subscription", tags=["own subscriptions"])
    # FastAPI reads it from the annotation
    who = Annotated[UserId, Depends(caller)]

    async def view(device: Device, user_id: UserId) -> OwnChoiceView:
        return OwnChoiceView.of(device, user_id, len(await subscriptions.listeners(device.snapshot)))

    @router.get("")
    async def get(user_id: who, device_id: DeviceId) -> OwnChoiceView:
        """Look at what you get from the device, and at how many people hear of it."""
        await members.require_reader(user_id, device_id)
        return await view(await registry.get(device_id), user_id)

    @router.put("")
    async def put(user_id: who, device_id: DeviceId, body: OwnChoiceBody) -> OwnChoiceView:
        """Set what you get from the device, unless it has changed since you looked."""
        await members.require_reader(user_id, device_id)
        return await view(await subscriptions.save(device_id, body.subscription(user_id), body.version), user_id)

    return router


def preference_router(subscriptions: Subscriptions, members: Members, caller: SignedIn) -> APIRouter:
    """What one wants nothing of."""
    router = APIRouter(prefix="/v1/subscriptions", tags=["own subscriptions"])
    who = Annotated[UserId, Depends(caller)]

    @router.get("")
    async def get(user_id: who) -> OwnPreferencesView:
        """Look at whether you want nothing of the company's devices, or nothing at all."""
        company_id = await members.company(user_id)
        return OwnPreferencesView.of(await subscriptions.preferences(user_id), company_id)

    @router.put("")
    async def put(user_id: who, body: OwnPreferencesBody) -> OwnPreferencesView:
        """Set that, unless it has changed since you looked, and bring it to each device."""
        company_id = await members.company(user_id)
        saved = await subscriptions.save_preferences(
            user_id, company_id, body.version, all_off=body.all_off, company_off=body.company_off
        )
        return OwnPreferencesView.of(saved, company_id)

    return router

"""The operator's routes for subscriptions: a person's choice for one device, and those for a company's, or all."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ups_device.adapters.device_routes import ChoiceBody, DeviceView
from ups_device.domain.subscription import Preferences
from ups_device.handlers.subscriptions import Subscriptions
from ups_runtime.http import RequestBody
from ups_schemas.ids import CompanyId, DeviceId, UserId


class PreferencesBody(RequestBody):
    """What a person wants nothing of: of these companies' devices, or of none at all. Left out: no such choice."""

    all_off: bool = False
    companies_off: tuple[CompanyId, ...] = Field((), max_length=100)


class PreferencesView(BaseModel):
    """A person's wider choices. They lie over those for each device, which stay as they are."""

    user_id: UserId
    version: int
    all_off: bool
    companies_off: tuple[CompanyId, ...]

    @classmethod
    def of(cls, preferences: Preferences) -> "PreferencesView":
        """The choices as callers see them."""
        return cls(
            user_id=preferences.user_id,
            version=preferences.version,
            all_off=preferences.all_off,
            companies_off=tuple(sorted(preferences.companies_off)),
        )


def subscription_router(subscriptions: Subscriptions) -> APIRouter:
    """Who is told of what."""
    router = APIRouter(prefix="/v1/operator", tags=["subscriptions"])

    @router.put("/devices/{device_id}/subscriptions/{user_id}")
    async def subscribe(device_id: DeviceId, user_id: UserId, body: ChoiceBody) -> DeviceView:
        """Set what one person gets from the device."""
        return DeviceView.of(await subscriptions.subscribe(device_id, body.subscription(user_id)))

    @router.get("/users/{user_id}/subscriptions")
    async def get(user_id: UserId) -> PreferencesView:
        """Look at what a person wants nothing of."""
        return PreferencesView.of(await subscriptions.preferences(user_id))

    @router.put("/users/{user_id}/subscriptions")
    async def put(user_id: UserId, body: PreferencesBody) -> PreferencesView:
        """Set what a person wants nothing of, and bring it to every device. It outlives leaving and coming back."""
        companies_off = frozenset(body.companies_off)
        return PreferencesView.of(await subscriptions.set(user_id, all_off=body.all_off, companies_off=companies_off))

    return router

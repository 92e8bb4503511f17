"""Routes for what an owner sets about a device's notifications: people's, and the operator's."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from ups_device.adapters.device_routes import PolicyBody
from ups_device.adapters.member_routes import SignedIn
from ups_device.adapters.own_subscription_routes import Seen
from ups_device.domain.device import Device
from ups_device.domain.notification_settings import NotificationSettings
from ups_device.domain.policy import Override
from ups_device.handlers.devices import Registry
from ups_device.handlers.members import Members
from ups_device.handlers.notification_settings import OwnerSettings
from ups_runtime.http import RequestBody
from ups_schemas.catalogue import Severity
from ups_schemas.device import Policy
from ups_schemas.event import Code
from ups_schemas.ids import DeviceId, UserId


class SettingsBody(RequestBody):
    """All that an owner sets; what is left out is as without it."""

    policy: PolicyBody = PolicyBody()
    severity_overrides: dict[Code, Severity] = Field(default_factory=dict, max_length=100)
    pass_while_disabled: tuple[Code, ...] = Field((), max_length=100)

    def settings(self) -> NotificationSettings:
        """The settings, in one order and each code once: the same settings are the same, however they are said."""
        return NotificationSettings(
            Override(self.policy.limit, self.policy.window_s, self.policy.period_s),
            dict(sorted(self.severity_overrides.items())),
            tuple(sorted(set(self.pass_while_disabled))),
        )


class OwnSettingsBody(SettingsBody):
    """All that an owner sets, in place of what they have seen."""

    version: Seen


class AnySettingsBody(SettingsBody):
    """The same in place of whatever is set, unless `version` says what was seen."""

    version: Seen | None = None


class Bound(BaseModel):
    """Between which values something can be set."""

    at_least: int
    at_most: int


# what `Policy` itself says: there is one place where a bound can be changed
_BOUNDS = {
    name: Bound(at_least=field["minimum"], at_most=field["maximum"])
    for name, field in Policy.model_json_schema()["properties"].items()
}


class OverrideView(BaseModel):
    """The owner's policy, kept whether it is in force or not; none is the company's."""

    limit: int | None
    window_s: int | None
    period_s: int | None


class SettingsView(BaseModel):
    """What the owner set, and what is in force."""

    version: str = Field(description="of these settings alone: saving takes it, and is refused once it is another")
    policy: OverrideView
    severity_overrides: Mapping[Code, Severity]
    pass_while_disabled: tuple[Code, ...]
    in_force: Policy = Field(description="the policy by which the device is judged; a running period keeps its own")
    default: Policy = Field(description="the company's, which holds where the owner set nothing")
    bounds: Mapping[str, Bound]
    may_override: bool = Field(description="whether the plan in force gives the right to set a policy")
    why_not: str | None

    @classmethod
    def of(cls, device: Device, why_not: str | None) -> "SettingsView":
        """The settings as callers see them."""
        settings = device.settings
        override = settings.override
        return cls(
            version=settings.version,
            policy=OverrideView(limit=override.limit, window_s=override.window_s, period_s=override.period_s),
            severity_overrides=settings.severity_overrides,
            pass_while_disabled=settings.pass_while_disabled,
            in_force=device.snapshot.policy,
            default=device.base,
            bounds=_BOUNDS,
            may_override=why_not is None,
            why_not=why_not,
        )


def own_settings_router(registry: Registry, settings: OwnerSettings, members: Members, caller: SignedIn) -> APIRouter:
    """The notification settings of a device: the company reads, the owner writes."""
    router = APIRouter(prefix="/v1/devices/{device_id}/notification-settings", tags=["notification settings"])
    # FastAPI reads it from the annotation
    who = Annotated[UserId, Depends(caller)]

    @router.get("")
    async def get(user_id: who, device_id: DeviceId) -> SettingsView:
        """Look at the device's notification settings, and at what is in force."""
        await members.require_reader(user_id, device_id)
        device = await registry.get(device_id)
        return SettingsView.of(device, settings.why_no_override(device))

    @router.put("")
    async def put(user_id: who, device_id: DeviceId, body: OwnSettingsBody) -> SettingsView:
        """Set them all, as the owner, unless they have changed since you looked."""
        await members.require_owner(user_id, device_id)
        device = await settings.save(device_id, body.settings(), body.version, user_id)
        return SettingsView.of(device, settings.why_no_override(device))

    return router


def operator_settings_router(registry: Registry, settings: OwnerSettings) -> APIRouter:
    """The same for the operator, who need not have looked."""
    router = APIRouter(prefix="/v1/operator/devices/{device_id}/notification-settings", tags=["notification settings"])

    @router.get("")
    async def get(device_id: DeviceId) -> SettingsView:
        """Look at the device's notification settings, and at what is in force."""
        device = await registry.get(device_id)
        return SettingsView.of(device, settings.why_no_override(device))

    @router.put("")
    async def put(device_id: DeviceId, body: AnySettingsBody) -> SettingsView:
        """Set them all in the owner's place; the plan binds the operator, too."""
        device = await settings.save(device_id, body.settings(), body.version)
        return SettingsView.of(device, settings.why_no_override(device))

    return router

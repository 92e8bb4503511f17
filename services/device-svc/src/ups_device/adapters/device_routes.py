"""The operator's routes for devices and their keys, for gateways and company policies."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, Field

from ups_device.adapters.plan_views import PlanBody, PlanView
from ups_device.domain.device import Device
from ups_device.domain.event_log import Presence
from ups_device.domain.policy import Override
from ups_device.domain.registration import Registration
from ups_device.handlers.devices import Issued, Place, Registry
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.gateways import Gateways
from ups_device.handlers.policies import Policies
from ups_device.handlers.subscriptions import Subscriptions
from ups_runtime.http import IdempotencyKey, RequestBody, decode_cursor, encode_cursor
from ups_runtime.once import Once
from ups_schemas.catalogue import Severity
from ups_schemas.device import MAX_SUBSCRIPTIONS, DeviceKey, Name, Plan, Policy, Subscription
from ups_schemas.envelope import Timestamp
from ups_schemas.event import Attributes, Code
from ups_schemas.ids import CompanyId, DeviceId, Id, KeyId, UserId
from ups_schemas.wording import one_line

DAY_S = 86_400


def _shown(name: str) -> str:
    if not one_line(name):
        raise ValueError("give a name that can be seen")
    return name


# Mails and pages show names without what cannot be seen: of such a one nothing, and a link to nowhere, would be left.
ShownName = Annotated[Name, AfterValidator(_shown)]


class ChoiceBody(RequestBody):
    """What one person wants from the device; `codes` none means every code."""

    on: bool = True
    min_severity: Severity = Severity.WARNING
    codes: tuple[Code, ...] | None = Field(None, min_length=1, max_length=100)

    def subscription(self, user_id: UserId) -> Subscription:
        """The choice as that person's, each code once: a full device's snapshot must fit into a record."""
        codes = tuple(dict.fromkeys(self.codes)) if self.codes else None
        return Subscription(user_id=user_id, on=self.on, min_severity=self.min_severity, codes=codes)


class SubscriberBody(ChoiceBody):
    """A person, and what they want from the device."""

    user_id: UserId


class DeviceBody(RequestBody):
    """A device to register; without an owner it waits for whoever of the company claims it."""

    company_id: CompanyId
    owner: UserId | None = None
    name: ShownName
    model: Name | None = None
    serial: Name | None = None
    site: Name | None = None
    plan: PlanBody | None = None
    subscribers: tuple[SubscriberBody, ...] = Field((), max_length=MAX_SUBSCRIPTIONS)


class RotationBody(RequestBody):
    """How long the older keys go on."""

    grace_s: int = Field(DAY_S, ge=0, le=30 * DAY_S)

    @property
    def grace(self) -> timedelta:
        """The time."""
        return timedelta(seconds=self.grace_s)


class PolicyBody(RequestBody):
    """What the company sets in place of the installation's default; what is left out keeps the default."""

    limit: int | None = Field(None, ge=1, le=60)
    window_s: int | None = Field(None, ge=1, le=86_400)
    period_s: int | None = Field(None, ge=1, le=2_592_000)


class GatewayBody(RequestBody):
    """A gateway for the devices named, or for all of the company."""

    company_id: CompanyId
    device_ids: tuple[DeviceId, ...] | None = Field(None, min_length=1, max_length=10_000)


class DeviceList(RequestBody):
    """Which page of the devices."""

    company_id: CompanyId | None = None
    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=400)


class KeyView(BaseModel):
    """A key, without its secret."""

    key_id: KeyId
    revoked: bool
    expires_at: Timestamp | None
    changed_at: Timestamp

    @classmethod
    def of(cls, key: DeviceKey) -> "KeyView":
        """The key as callers see it."""
        return cls(key_id=key.key_id, revoked=key.revoked, expires_at=key.expires_at, changed_at=key.changed_at)


class DeviceView(BaseModel):
    """A device."""

    device_id: DeviceId
    version: int
    ownership: int
    company_id: CompanyId
    owner: UserId | None
    name: str
    model: str | None
    serial: str | None
    site: str | None
    plan: Plan
    policy: Policy
    subscriptions: tuple[Subscription, ...] = Field(description="in force, by the choices here and the wider ones")
    choices: tuple[Subscription, ...] = Field(description="people's own for this device")
    keys: tuple[KeyView, ...]
    created_at: Timestamp
    changed_at: Timestamp

    @classmethod
    def of(cls, device: Device) -> "DeviceView":
        """The device as callers see it."""
        return cls.model_validate(
            {
                **device.snapshot.model_dump(),
                "choices": device.choices,
                "keys": [KeyView.of(key) for key in device.keys],
                "created_at": device.created_at,
            }
        )


class SeenDeviceView(DeviceView):
    """A device, when it last said anything, what its last STATUS pulse read, and how many people it is mailed to."""

    plan: PlanView
    listeners: int = Field(description="active members whose subscription is on; 0: the last one has gone")
    last_seen: Timestamp | None = None
    last_read_at: Timestamp | None = None
    last_readings: Attributes | None = None

    @classmethod
    def with_presence(
        cls, device: Device, presence: Presence | None, listeners: int, in_force: str
    ) -> "SeenDeviceView":
        """The device as callers see it."""
        seen = (
            {"last_seen": presence.last_seen, "last_read_at": presence.read_at, "last_readings": presence.readings}
            if presence
            else {}
        )
        plan = PlanView.of(device.snapshot.plan, in_force)
        return cls.model_validate({**DeviceView.of(device).model_dump(), "plan": plan, "listeners": listeners, **seen})


class DevicePage(BaseModel):
    """Devices, oldest first; `cursor` leads to the next page, and is none on the last."""

    devices: list[DeviceView]
    cursor: str | None

    @classmethod
    def of(cls, page: Sequence[Device], limit: int) -> "DevicePage":
        """A page of at most so many."""
        cursor = encode_cursor(page[-1].created_at, page[-1].device_id) if len(page) == limit else None
        return cls(devices=[DeviceView.of(device) for device in page], cursor=cursor)


class IssuedView(DeviceView):
    """A device and its new key. `key` is shown once: none when the request was a repetition."""

    key_id: KeyId
    key: str | None

    @classmethod
    def issued(cls, issued: Issued) -> "IssuedView":
        """The device and its key as callers see them."""
        device = DeviceView.of(issued.device).model_dump()
        return cls.model_validate({**device, "key_id": issued.key_id, "key": issued.key})


class GatewayView(BaseModel):
    """A gateway and its key. `key` is shown once: none when the request was a repetition."""

    gateway_id: Id
    key_id: KeyId
    key: str | None


class PolicyView(BaseModel):
    """The policy that holds for the company's devices, and how many devices it changed."""

    company_id: CompanyId
    policy: Policy
    changed_devices: int


def device_router(registry: Registry, log: EventLog, subscriptions: Subscriptions) -> APIRouter:
    """Devices and their keys."""
    router = APIRouter(prefix="/v1/operator/devices", tags=["devices"])

    @router.post("", status_code=201)
    async def register(body: DeviceBody, idempotency_key: IdempotencyKey = None) -> IssuedView:
        """Register a device. Its key is in this answer and nowhere else."""
        registration = Registration(
            company_id=body.company_id,
            owner=body.owner,
            name=body.name,
            model=body.model,
            serial=body.serial,
            site=body.site,
            plan=body.plan.plan() if body.plan else None,
            subscriptions=tuple(each.subscription(each.user_id) for each in body.subscribers),
        )
        return IssuedView.issued(await registry.register(registration, Once.of(idempotency_key, body)))

    @router.get("")
    async def list_devices(query: Annotated[DeviceList, Query()]) -> DevicePage:
        """List the devices, oldest first."""
        after = Place(*decode_cursor(query.cursor)) if query.cursor else None
        return DevicePage.of(await registry.page(query.company_id, after, query.limit), query.limit)

    @router.get("/{device_id}")
    async def get(device_id: DeviceId) -> SeenDeviceView:
        """Look at one device."""
        device = await registry.get(device_id)
        listeners = await subscriptions.listeners(device.snapshot)
        return SeenDeviceView.with_presence(
            device, await log.presence(device), len(listeners), registry.plan_in_force(device)
        )

    @router.delete("/{device_id}", status_code=204, response_class=Response)
    async def remove(device_id: DeviceId) -> None:
        """Remove the device: its keys end at once."""
        await registry.remove(device_id)

    @router.post("/{device_id}/keys", status_code=201)
    async def rotate(
        device_id: DeviceId, body: RotationBody | None = None, idempotency_key: IdempotencyKey = None
    ) -> IssuedView:
        """Make a new key; the older ones go on for the grace time (24 hours unless said otherwise)."""
        grace = (body or RotationBody()).grace
        return IssuedView.issued(await registry.rotate(device_id, grace, once=idempotency_key))

    @router.delete("/{device_id}/keys/{key_id}", status_code=204, response_class=Response)
    async def revoke(device_id: DeviceId, key_id: KeyId) -> None:
        """End one key at once."""
        await registry.revoke(device_id, key_id)

    @router.post("/{device_id}/republish")
    async def republish(device_id: DeviceId) -> DeviceView:
        """Publish the device and its keys again, for readers that lost them."""
        return DeviceView.of(await registry.republish(device_id))

    return router


def company_router(policies: Policies, gateways: Gateways) -> APIRouter:
    """What concerns several devices: policies and gateways."""
    router = APIRouter(prefix="/v1/operator", tags=["companies"])

    @router.put("/companies/{company_id}/policy")
    async def set_policy(company_id: CompanyId, body: PolicyBody) -> PolicyView:
        """Set the throttle's policy for all devices of the company. A running period keeps its own."""
        policy, changed = await policies.set(company_id, Override(body.limit, body.window_s, body.period_s))
        return PolicyView(company_id=company_id, policy=policy, changed_devices=changed)

    @router.post("/gateways", status_code=201)
    async def create_gateway(body: GatewayBody, idempotency_key: IdempotencyKey = None) -> GatewayView:
        """Make a gateway. Its key is in this answer and nowhere else."""
        issued = await gateways.create(body.company_id, body.device_ids, Once.of(idempotency_key, body))
        return GatewayView(gateway_id=issued.gateway.gateway_id, key_id=issued.gateway.key.key_id, key=issued.key)

    @router.delete("/gateways/{gateway_id}", status_code=204, response_class=Response)
    async def revoke_gateway(gateway_id: Id) -> None:
        """End a gateway's key at once."""
        await gateways.revoke(gateway_id)

    return router

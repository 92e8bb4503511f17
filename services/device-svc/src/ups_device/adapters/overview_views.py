"""Devices as owners and co-workers see them: what others subscribed to, and keys, are not among it."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, Field

from ups_device.adapters.plan_views import PlanView
from ups_device.domain.device import Named
from ups_device.domain.overview import Overview
from ups_device.domain.period import State
from ups_runtime.http import encode_cursor
from ups_schemas.catalogue import Severity
from ups_schemas.device import Policy, Subscription
from ups_schemas.envelope import Timestamp
from ups_schemas.event import Attributes, Code
from ups_schemas.ids import CompanyId, DeviceId, UserId


class NotificationsAtAGlance(BaseModel):
    """Whether the device's events become mail; if not, since and until when."""

    state: State
    since: Timestamp | None
    until: Timestamp | None


class OpenConditionView(BaseModel):
    """What is wrong with the device now; `text` tells faults apart."""

    code: Code
    text: str | None
    severity: Severity
    since: Timestamp


class OwnSubscriptionView(BaseModel):
    """What the asking person gets from the device. `in_force` is false, too, where a wider choice silences it."""

    on: bool
    in_force: bool
    min_severity: Severity


class OverviewView(BaseModel):
    """A device at a glance, for one person."""

    device_id: DeviceId
    version: int
    name: str
    model: str | None
    serial: str | None
    site: str | None
    owner: UserId | None = Field(description="none: any member can claim it")
    plan: PlanView
    notifications: NotificationsAtAGlance
    open_conditions: list[OpenConditionView] = Field(description="the worst first")
    last_seen: Timestamp | None
    last_read_at: Timestamp | None
    last_readings: Attributes | None
    own_subscription: OwnSubscriptionView
    listeners: int = Field(description="active members whose subscription is on; 0: the last one has gone")

    @classmethod
    def of(cls, overview: Overview, user_id: UserId) -> Self:
        """The device as that person sees it."""
        return cls.model_validate(_glance(overview, user_id))


class OwnDeviceView(OverviewView):
    """A device in full, for one person."""

    company_id: CompanyId
    ownership: int
    policy: Policy = Field(description="in force; a running period keeps the one that it began with")
    created_at: Timestamp
    changed_at: Timestamp

    @classmethod
    def of(cls, overview: Overview, user_id: UserId) -> Self:
        """The device as that person sees it."""
        device = overview.device
        more = device.snapshot.model_dump(include={"company_id", "ownership", "policy", "changed_at"})
        return cls.model_validate({**_glance(overview, user_id), **more, "created_at": device.created_at})


class OverviewPage(BaseModel):
    """Devices, oldest first; `cursor` leads to the next page, and is none on the last."""

    devices: list[OverviewView]
    cursor: str | None

    @classmethod
    def of(cls, page: Sequence[Overview], user_id: UserId, *, more: bool) -> Self:
        """A page, with more after it or not."""
        last = page[-1].device if page and more else None
        return cls(
            devices=[OverviewView.of(each, user_id) for each in page],
            cursor=encode_cursor(last.created_at, last.device_id) if last else None,
        )


class NamedView(BaseModel):
    """A device by its names."""

    device_id: DeviceId
    name: str
    site: str | None


class NamesPage(BaseModel):
    """What devices are called, oldest first; `cursor` leads to the next page, and is none on the last."""

    devices: list[NamedView]
    cursor: str | None

    @classmethod
    def of(cls, page: Sequence[Named], *, more: bool) -> Self:
        """A page, with more after it or not."""
        last = page[-1] if page and more else None
        return cls(
            devices=[NamedView(device_id=each.device_id, name=each.name, site=each.site) for each in page],
            cursor=encode_cursor(last.created_at, last.device_id) if last else None,
        )


# Any: the fields that both views have
def _glance(overview: Overview, user_id: UserId) -> dict[str, Any]:
    device, snapshot, presence = overview.device, overview.device.snapshot, overview.presence
    choice = device.choice(user_id) or Subscription(user_id=user_id, on=False)
    return {
        "device_id": snapshot.device_id,
        "version": snapshot.version,
        "name": snapshot.name,
        "model": snapshot.model,
        "serial": snapshot.serial,
        "site": snapshot.site,
        "owner": snapshot.owner,
        "plan": PlanView.of(snapshot.plan, overview.plan),
        "notifications": NotificationsAtAGlance(
            state=overview.state,
            since=overview.period and overview.period.since,
            until=overview.period and overview.period.until,
        ),
        "open_conditions": [
            OpenConditionView(code=each.code, text=each.text, severity=each.severity, since=each.since)
            for each in overview.open_conditions
        ],
        "last_seen": presence and presence.last_seen,
        "last_read_at": presence and presence.read_at,
        "last_readings": presence and presence.readings,
        "own_subscription": OwnSubscriptionView(
            on=choice.on,
            in_force=any(each.on for each in snapshot.subscriptions if each.user_id == user_id),
            min_severity=choice.min_severity,
        ),
        "listeners": overview.listeners,
    }

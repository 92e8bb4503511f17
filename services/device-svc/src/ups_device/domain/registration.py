"""A device's first step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ups_device.domain.device import Change, Device, key_of
from ups_device.domain.subscription import Preferences, resolve
from ups_schemas.catalogue import Severity
from ups_schemas.device import DeviceSnapshot, Plan, Policy, Subscription
from ups_schemas.ids import CompanyId, DeviceId, Id, KeyId, UserId, derived
from ups_schemas.keys import NewKey


@dataclass(frozen=True, slots=True)
class Registration:
    """What is known of a device when it is registered; without a plan it gets the installation's.

    Without an owner it waits for whoever claims it.
    """

    company_id: CompanyId
    owner: UserId | None
    name: str
    model: str | None = None
    serial: str | None = None
    site: str | None = None
    plan: Plan | None = None
    subscriptions: tuple[Subscription, ...] = ()


def requested_id(key: Id, by: UserId | None) -> DeviceId:
    """The id of the device that is registered by a request with this key, of that person or of the operator (None)."""
    return derived("device", "operator", key) if by is None else derived("device", "user", by, key)


def requested_key_id(device_id: DeviceId, key: Id, by: UserId | None) -> KeyId:
    """The id of the device's key that is made by a request with this key, of that person or of the operator (None)."""
    return derived("device-key", device_id, by or "", key).replace("-", "")[:16]


def register(
    registration: Registration,
    *,
    choices: tuple[Subscription, ...],
    preferences: Mapping[UserId, Preferences],
    device_id: DeviceId,
    key: NewKey,
    plan: Plan,
    policy: Policy,
    now: datetime,
    request_sha256: str | None = None,
) -> Change:
    """The device's first step, with its first key."""
    snapshot = DeviceSnapshot(
        device_id=device_id,
        version=1,
        ownership=1,
        company_id=registration.company_id,
        owner=registration.owner,
        name=registration.name,
        site=registration.site,
        model=registration.model,
        serial=registration.serial,
        plan=plan,
        policy=policy,
        subscriptions=tuple(
            resolve(choice, registration.company_id, preferences[choice.user_id]) for choice in choices
        ),
        changed_at=now,
    )
    first = key_of(snapshot, key, now)
    device = Device(
        snapshot,
        (first,),
        choices,
        policy,
        created_at=now,
        request_sha256=request_sha256,
        awaits_claim=registration.owner is None,
    )
    return Change(device, keys=(first,), preferences=tuple(preferences[choice.user_id] for choice in choices))


def first_choices(
    owner: UserId | None, min_severity: Severity, chosen: Iterable[Subscription]
) -> tuple[Subscription, ...]:
    """The owner from `min_severity` up unless chosen otherwise, then those chosen; a person's last choice counts."""
    by_user = {owner: Subscription(user_id=owner, min_severity=min_severity)} if owner else {}
    by_user |= {choice.user_id: choice for choice in chosen}
    return tuple(by_user.values())

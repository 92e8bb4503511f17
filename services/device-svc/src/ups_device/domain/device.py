"""A device with its keys, and every change it can go through.

Each change is one step of the snapshot's version, whatever it concerns: two writers cannot both make step n, and what
is published of a device has one order.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypedDict

from ups_device.domain.notification_settings import NotificationSettings
from ups_device.domain.policy import Override, in_force
from ups_device.domain.subscription import Preferences, resolve
from ups_schemas.device import (
    MAX_SUBSCRIPTIONS,
    DeviceKey,
    DeviceScope,
    DeviceSnapshot,
    Plan,
    Policy,
    Subscription,
)
from ups_schemas.ids import DeviceId, KeyId, UserId
from ups_schemas.keys import NewKey

# Rotated weekly with 30 days of grace, a device has 6. All of them are in one document, and in one publication.
MAX_KEYS = 10


@dataclass(frozen=True, slots=True)
class Device:
    """A device as the services know it, and its keys. After removal it stays, so that its log belongs to something.

    `choices` are people's own for this device; in the snapshot they are resolved with their wider ones. `base` is the
    policy of the company's devices and `override` the owner's, in force or not; in the snapshot they are resolved.
    `request_sha256` is of the request that registered it, to tell a repeated request from another one.
    `handed_over_by` gave it to its owner; none where it came otherwise. `awaits_claim`: nobody has owned it yet.
    `plan_set_at` is none while it is on its first plan.
    """

    snapshot: DeviceSnapshot
    keys: tuple[DeviceKey, ...]
    choices: tuple[Subscription, ...]
    base: Policy
    created_at: datetime
    removed_at: datetime | None = None
    request_sha256: str | None = None
    override: Override = field(default_factory=Override)
    handed_over_by: UserId | None = None
    awaits_claim: bool = False
    plan_set_at: datetime | None = None

    @property
    def plan_since(self) -> datetime:
        """Since when the device is on its plan."""
        return self.plan_set_at or self.created_at

    @property
    def device_id(self) -> DeviceId:
        """Our id; a serial number is an attribute."""
        return self.snapshot.device_id

    @property
    def version(self) -> int:
        """One more with each change."""
        return self.snapshot.version

    def key(self, key_id: KeyId) -> DeviceKey | None:
        """The key of that id."""
        return next((key for key in self.keys if key.key_id == key_id), None)

    def choice(self, user_id: UserId) -> Subscription | None:
        """What the person chose for this device; None if they never did."""
        return next((choice for choice in self.choices if choice.user_id == user_id), None)

    @property
    def settings(self) -> NotificationSettings:
        """What the owner set."""
        return NotificationSettings(self.override, self.snapshot.severity_overrides, self.snapshot.pass_while_disabled)


@dataclass(frozen=True, slots=True)
class Named:
    """A device by its names, as lists have it to choose from."""

    device_id: DeviceId
    name: str
    site: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """The step to `device.version` from the one before. `keys` are new or changed, `dropped` are no longer kept.

    `preferences` are those that subscriptions were resolved by: the step is void once one of them has changed.
    """

    device: Device
    keys: tuple[DeviceKey, ...] = ()
    dropped: tuple[DeviceKey, ...] = ()
    preferences: tuple[Preferences, ...] = ()


class Edit(TypedDict, total=False):
    """What is to be another way; what is not in it stays."""

    name: str
    model: str | None
    serial: str | None
    site: str | None


def is_live(key: DeviceKey, now: datetime) -> bool:
    """Whether the key is accepted at that moment."""
    return not key.revoked and (key.expires_at is None or now < key.expires_at)


def rotate(device: Device, key: NewKey, *, grace: timedelta, now: datetime) -> Change:
    """A new key; the older ones end after the grace time (or when they would have anyway). Dead ones are dropped.

    Raises:
        OverflowError: the device has as many living keys as it can hold.
    """
    snapshot = _next(device, now)
    new = key_of(snapshot, key, now)
    dropped = tuple(old for old in device.keys if not is_live(old, now))
    if len(device.keys) - len(dropped) >= MAX_KEYS:
        raise OverflowError(f"a device has at most {MAX_KEYS} keys")
    end = now + grace
    ending = tuple(
        _changed(old, now, expires_at=end) if old.expires_at is None or old.expires_at > end else old
        for old in device.keys
        if old not in dropped
    )
    return Change(
        replace(device, snapshot=snapshot, keys=(*ending, new)),
        keys=(*(key for key in ending if key not in device.keys), new),
        dropped=dropped,
    )


def revoke(device: Device, key: DeviceKey, now: datetime) -> Change | None:
    """The key ends at once; None if it had been revoked before."""
    if key.revoked:
        return None
    revoked = _changed(key, now, revoked=True)
    keys = tuple(revoked if each.key_id == key.key_id else each for each in device.keys)
    return Change(replace(device, snapshot=_next(device, now), keys=keys), keys=(revoked,))


def edit(device: Device, wanted: Edit, now: datetime) -> Change | None:
    """The device by another name, or at another place; None if all is that way already."""
    there = device.snapshot.model_dump(include=set(wanted))
    return None if there == wanted else _with(device, now, **wanted)


def set_plan(device: Device, plan: Plan, now: datetime) -> Change | None:
    """The plan from now on; None if it is that already."""
    if device.snapshot.plan == plan:
        return None
    policy = in_force(device.base, device.override, plan)
    return _with(replace(device, plan_set_at=now), now, plan=plan, policy=policy)


def set_policy(device: Device, base: Policy, now: datetime) -> Change | None:
    """The company's policy from now on (a running period keeps its own); None if it is that already."""
    if device.base == base:
        return None
    policy = in_force(base, device.override, device.snapshot.plan)
    return _with(replace(device, base=base), now, policy=policy)


def set_notifications(device: Device, settings: NotificationSettings, now: datetime) -> Change | None:
    """The owner's settings from now on (a running period keeps its policy); None if they are that already."""
    if device.settings == settings:
        return None
    return _with(
        replace(device, override=settings.override),
        now,
        policy=in_force(device.base, settings.override, device.snapshot.plan),
        severity_overrides=dict(settings.severity_overrides),
        pass_while_disabled=settings.pass_while_disabled,
    )


def subscribe(device: Device, choice: Subscription, preferences: Preferences, now: datetime) -> Change | None:
    """One person's choice for this device, under their wider ones; None if it is that already.

    Raises:
        OverflowError: the device has as many subscriptions as it can hold.
    """
    if choice in device.choices:
        return None
    choices = _put(device.choices, choice)
    if len(choices) > MAX_SUBSCRIPTIONS:
        raise OverflowError(f"a device has at most {MAX_SUBSCRIPTIONS} subscriptions")
    return _subscribed(replace(device, choices=choices), choice, preferences, now)


def settle(device: Device, preferences: Preferences, now: datetime) -> Change | None:
    """The person's subscription by these wider choices; None if it is that already."""
    choice = device.choice(preferences.user_id)
    if choice is None or resolve(choice, device.snapshot.company_id, preferences) in device.snapshot.subscriptions:
        return None
    return _subscribed(device, choice, preferences, now)


def republish(device: Device, now: datetime) -> Change:
    """The same again as a new version of device and keys, for readers that lost it."""
    keys = tuple(_changed(key, now) for key in device.keys)
    return Change(replace(device, snapshot=_next(device, now), keys=keys), keys=keys)


def remove(device: Device, now: datetime) -> Change:
    """The end of the device: its keys are revoked, its snapshot becomes a tombstone."""
    keys = tuple(key if key.revoked else _changed(key, now, revoked=True) for key in device.keys)
    return Change(
        replace(device, snapshot=_next(device, now), keys=keys, removed_at=now),
        keys=tuple(key for key in keys if key not in device.keys),
    )


def next_step(device: Device, now: datetime) -> Change:
    """The step to this device from the one before, of the same version; its keys stay as they are."""
    return Change(replace(device, snapshot=_next(device, now)))


def _subscribed(device: Device, choice: Subscription, preferences: Preferences, now: datetime) -> Change:
    subscription = resolve(choice, device.snapshot.company_id, preferences)
    subscriptions = _put(device.snapshot.subscriptions, subscription)
    return replace(_with(device, now, subscriptions=subscriptions), preferences=(preferences,))


def _put(there: tuple[Subscription, ...], new: Subscription) -> tuple[Subscription, ...]:
    by_user = {each.user_id: each for each in there}
    return tuple((by_user | {new.user_id: new}).values())


# Any: the fields of the model, which mypy does not see through `model_copy`
def _next(device: Device, now: datetime, **fields: Any) -> DeviceSnapshot:
    return device.snapshot.model_copy(update={**fields, "version": device.version + 1, "changed_at": now})


def _with(device: Device, now: datetime, **fields: Any) -> Change:
    return next_step(replace(device, snapshot=device.snapshot.model_copy(update=fields)), now)


def key_of(snapshot: DeviceSnapshot, key: NewKey, now: datetime) -> DeviceKey:
    """A new key that speaks for the device from this version on."""
    scope = DeviceScope(device_id=snapshot.device_id, ownership=snapshot.ownership, device_version=snapshot.version)
    return DeviceKey(key_id=key.key_id, version=1, secret_sha256=key.secret_sha256, scope=scope, changed_at=now)


def _changed(key: DeviceKey, now: datetime, **fields: Any) -> DeviceKey:
    return key.model_copy(update={**fields, "version": key.version + 1, "changed_at": now})

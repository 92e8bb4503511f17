"""Registering devices and changing them: by the operator, one version at a time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ups_device.domain import device as devices
from ups_device.domain import plan, policy
from ups_device.domain.company import Company
from ups_device.domain.device import Change, Device, Edit, Named
from ups_device.domain.member import Member
from ups_device.domain.registration import Registration, first_choices, register, requested_id, requested_key_id
from ups_device.domain.subscription import Preferences
from ups_device.handlers.plans import require_settable
from ups_device.handlers.refusals import require_known_codes, require_present, too_many
from ups_device.handlers.stepping import take
from ups_runtime.errors import AlreadyExists, Conflict, NotFound, Refused
from ups_runtime.once import Once
from ups_runtime.optimistic import optimistic
from ups_schemas.catalogue import Severity
from ups_schemas.device import MAX_SUBSCRIPTIONS, Policy
from ups_schemas.ids import CompanyId, DeviceId, Id, KeyId, UserId, derived
from ups_schemas.keys import RANDOM_BYTES, NewKey, new_key
from ups_schemas.mail import MailRequest


class Store(Protocol):
    """Where devices are kept, together with what is to be published of them."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""

    async def add(self, change: Change, company: Company) -> None:
        """Keep a new device and publish it, provided company and people are still at these versions.

        Raises:
            AlreadyExists: the id is taken.
            Changed: the company, or what somebody prefers, has changed.
        """

    async def save(self, *changes: Change, mail: MailRequest | None = None) -> None:
        """Keep and publish the next version of devices, and the mail: all, or nothing.

        Raises:
            Changed: one is no longer at the version before, or somebody's preferences are not.
        """

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""

    async def page(self, company_id: CompanyId | None, after: "Place | None", limit: int) -> Sequence[Device]:
        """Devices that are not removed, oldest first."""

    async def names_page(self, company_id: CompanyId, after: "Place | None", limit: int) -> Sequence[Named]:
        """What the company's devices are called, in the same order."""

    async def company(self, company_id: CompanyId) -> Company:
        """The company; at version 0 if it has set nothing."""


class People(Protocol):
    """Where it is kept what people prefer."""

    async def preferences(self, user_ids: Collection[UserId]) -> Mapping[UserId, Preferences]:
        """What each of these people prefers; at version 0 if they never chose."""


class Users(Protocol):
    """Who is who, as `accounts.users` says."""

    async def member(self, user_id: UserId) -> Member | None:
        """The person; None if there is none, as of now.

        Raises:
            Retryable: it is not known yet who there is.
        """

    async def members(self, user_ids: Collection[UserId]) -> Mapping[UserId, Member]:
        """Those of these people that there are, as of now.

        Raises:
            Retryable: it is not known yet who there is.
        """


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list of devices."""

    created_at: datetime
    device_id: DeviceId


@dataclass(frozen=True, slots=True)
class Defaults:
    """What new devices get. `free_period` None: there are no plans."""

    policy: Policy
    free_period: timedelta | None
    min_severity: Severity


@dataclass(frozen=True, slots=True)
class Issued:
    """A device and its new key as text; None if it was shown before."""

    device: Device
    key_id: KeyId
    key: str | None


class Registry:
    """The devices of the installation.

    A change with `by` is made only while that person owns the device; None is the operator.
    """

    def __init__(
        self,
        store: Store,
        users: Users,
        people: People,
        defaults: Defaults,
        *,
        now: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._users = users
        self._people = people
        self._defaults = defaults
        self._now = now
        self._random_bytes = random_bytes

    @optimistic
    async def register(self, registration: Registration, once: Once | None, by: UserId | None = None) -> Issued:
        """Register a device: with a free monitoring period, a key, and its owner subscribed.

        The same request with the same key by the same person, or by the operator (None), gives the same device,
        without its secret.

        Raises:
            Refused: owner or subscriber is nobody of that company; or the key was used for another request.
            Conflict: the device was registered by this request before, and is removed.
        """
        if registration.owner is not None:
            await require_member(self._users, registration.owner, registration.company_id, "owner")
        for number, choice in enumerate(registration.subscriptions):
            field = f"subscribers[{number}].user_id"
            await require_member(self._users, choice.user_id, registration.company_id, field)
            require_known_codes(choice.codes or (), f"subscribers[{number}].codes")
        now = self._now()
        if registration.plan:
            require_settable(registration.plan, now, self._defaults.free_period, "plan.until")
        choices = first_choices(registration.owner, self._defaults.min_severity, registration.subscriptions)
        if len(choices) > MAX_SUBSCRIPTIONS:
            raise too_many("subscribers")
        key = self._new_key()
        company = await self._store.company(registration.company_id)
        change = register(
            registration,
            choices=choices,
            preferences=await self._people.preferences({choice.user_id for choice in choices}),
            device_id=requested_id(once.key, by) if once else self._new_id(),
            key=key,
            plan=registration.plan or plan.initial(now, self._defaults.free_period),
            policy=policy.resolve(self._defaults.policy, company.override),
            now=now,
            request_sha256=once.request_sha256 if once else None,
        )
        try:
            await self._store.add(change, company)
        except AlreadyExists:
            return await self._repeated(change)
        await self._store.published()
        return Issued(change.device, key.key_id, key.text)

    async def get(self, device_id: DeviceId) -> Device:
        """The device.

        Raises:
            NotFound: there is none, or it was removed.
        """
        return require_present(await self._store.find(device_id))

    def plan_in_force(self, device: Device) -> str:
        """The plan that holds now: a paid one has an end."""
        return plan.in_force(device.snapshot.plan, self._now())

    async def page(self, company_id: CompanyId | None, after: Place | None, limit: int) -> Sequence[Device]:
        """Devices, oldest first."""
        return await self._store.page(company_id, after, limit)

    async def names_page(self, company_id: CompanyId, after: Place | None, limit: int) -> Sequence[Named]:
        """What the company's devices are called, in the same order."""
        return await self._store.names_page(company_id, after, limit)

    async def rotate(
        self, device_id: DeviceId, grace: timedelta, by: UserId | None = None, once: Id | None = None
    ) -> Issued:
        """A new key; the others end after the grace time. A second request with the same `once` makes none.

        Raises:
            Conflict: too many of the others have not ended yet.
        """
        key = self._new_key(requested_key_id(device_id, once, by) if once else None)
        now = self._now()
        made = True

        def rotated(device: Device) -> Change | None:
            nonlocal made
            made = device.key(key.key_id) is None
            return devices.rotate(device, key, grace=grace, now=now) if made else None

        try:
            device = await self._change(device_id, rotated, by)
        except OverflowError:
            raise Conflict(
                "too-many-keys", f"A device has at most {devices.MAX_KEYS} keys at a time. Revoke some first."
            ) from None
        return Issued(device, key.key_id, key.text if made else None)

    async def revoke(self, device_id: DeviceId, key_id: KeyId, by: UserId | None = None) -> Device:
        """End a key at once, also the last one."""
        now = self._now()

        def revoked(device: Device) -> Change | None:
            key = device.key(key_id)
            if key is None:
                raise NotFound("unknown-key", "The device has no such key.")
            return devices.revoke(device, key, now)

        return await self._change(device_id, revoked, by)

    async def edit(self, device_id: DeviceId, wanted: Edit, by: UserId) -> Device:
        """Change what is wanted another way."""
        now = self._now()
        return await self._change(device_id, lambda device: devices.edit(device, wanted, now), by)

    async def republish(self, device_id: DeviceId) -> Device:
        """Publish the device and its keys again, as a new version."""
        now = self._now()
        return await self._change(device_id, lambda device: devices.republish(device, now))

    async def remove(self, device_id: DeviceId, by: UserId | None = None) -> None:
        """Remove the device and revoke its keys; its log stays until it expires."""
        now = self._now()
        await self._change(device_id, lambda device: devices.remove(device, now), by)

    async def _change(
        self, device_id: DeviceId, step: Callable[[Device], Change | None], by: UserId | None = None
    ) -> Device:
        return await take(self._store, device_id, step, by)

    async def _repeated(self, change: Change) -> Issued:
        there = await self._store.find(change.device.device_id)
        if there is None or there.request_sha256 != change.device.request_sha256:
            raise Once.reused()
        if there.removed_at is not None:
            raise Conflict("removed-meanwhile", "The device that this request registered has been removed.")
        return Issued(there, there.keys[0].key_id, None)

    def _new_key(self, key_id: KeyId | None = None) -> NewKey:
        chance = self._random_bytes(RANDOM_BYTES)
        named = bytes.fromhex(key_id) if key_id else b""
        return new_key(named + chance[len(named) :])

    def _new_id(self) -> Id:
        return derived("device", self._random_bytes(16).hex())


async def require_member(users: Users, user_id: UserId, company_id: CompanyId, field: str) -> Member:
    """The person; refuses whoever is no active member of the company. `field` is where they stand."""
    member = await users.member(user_id)
    if member is None or not member.belongs_to(company_id):
        raise Refused("unknown-user", "This is no active user of that company.", field)
    return member

"""Handing a device over to a co-worker, and claiming one that nobody owns."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ups_device.domain.device import Change, Device
from ups_device.domain.ownership import NextOwner, pass_to, passed_mail
from ups_device.handlers import devices as ports
from ups_device.handlers.devices import People, require_member
from ups_device.handlers.refusals import not_owner, require_present
from ups_runtime.errors import Changed, Conflict
from ups_runtime.optimistic import ATTEMPTS, optimistic, pause_before
from ups_schemas.catalogue import Severity
from ups_schemas.ids import DeviceId, UserId, derived
from ups_schemas.mail import MailRequest


class Store(Protocol):
    """Where devices are kept, together with what is to be published of them."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""

    async def save(self, *changes: Change, mail: MailRequest | None = None) -> None:
        """Keep and publish the next version of devices, and the mail: all, or nothing.

        Raises:
            Changed: one is no longer at the version before, or somebody's preferences are not.
        """

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""


class Users(ports.Users, Protocol):
    """Who is who, as `accounts.users` says."""

    async def read_to_end(self) -> None:
        """Return when all that was published before this call is known.

        Raises:
            Retryable: it takes too long.
        """


@dataclass(frozen=True, slots=True)
class Taken:
    """The device as it is then. `changed`: by this request; else it was theirs already."""

    device: Device
    changed: bool


class Ownerships:
    """Who owns which device. Of several who change that at once one wins, and the others are told."""

    def __init__(
        self, store: Store, people: People, users: Users, min_severity: Severity, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._people = people
        self._users = users
        self._min_severity = min_severity
        self._now = now

    async def hand_over(self, device_id: DeviceId, to: UserId, by: UserId | None) -> Taken:
        """Give the device to a co-worker, as its owner or as the operator (None), and tell them by mail.

        What is theirs already is left alone; so a repeated request is harmless.

        Raises:
            NotFound: there is no such device.
            Forbidden: it is not the caller's.
            Refused: the other is no active member of the device's company.
            Conflict: the owner handed it over to somebody else meanwhile, or others change it again and again.
        """
        await self._users.read_to_end()
        was_owner = False
        for attempt in range(ATTEMPTS):
            await pause_before(attempt)
            device = require_present(await self._store.find(device_id))
            owner = device.snapshot.owner
            if owner == to and by in (None, owner, device.handed_over_by):
                return Taken(device, changed=False)
            if by not in (None, owner):
                raise Conflict.with_others() if was_owner else not_owner()
            was_owner = True
            person = await require_member(self._users, to, device.snapshot.company_id, "to")
            change = pass_to(device, await self._next_owner(to), self._now(), handed_over_by=by)
            mail = passed_mail(
                derived("handed-over", device_id, change.device.version),
                device.snapshot.company_id,
                (to, person),
                await self._users.member(owner) if owner else None,
                self._now(),
                devices=1,
                device_names=device.snapshot.name,
                by="owner" if by else "operator",
            )
            try:
                await self._store.save(change, mail=mail)
            except Changed:
                continue
            await self._store.published()
            return Taken(change.device, changed=True)
        raise Conflict.with_others()

    @optimistic
    async def claim(self, device_id: DeviceId, by: UserId) -> Taken:
        """Take a device of one's company that nobody owns. What is one's own already is left alone.

        Raises:
            NotFound: there is no such device.
            Conflict: it has an owner, or others change it again and again.
        """
        device = require_present(await self._store.find(device_id))
        owner = device.snapshot.owner
        if owner == by:
            return Taken(device, changed=False)
        if owner is not None:
            raise Conflict("already-owned", "This device has an owner already.")
        change = pass_to(device, await self._next_owner(by), self._now())
        await self._store.save(change)
        await self._store.published()
        return Taken(change.device, changed=True)

    async def _next_owner(self, user_id: UserId) -> NextOwner:
        preferences = await self._people.preferences({user_id})
        return NextOwner(user_id, preferences[user_id], self._min_severity)

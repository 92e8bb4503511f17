"""Subscriptions: people's choices for a device, and the wider ones that are brought to each of their devices."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol
from weakref import WeakValueDictionary

from ups_device.domain import device as devices
from ups_device.domain.device import Device
from ups_device.domain.link import is_visible
from ups_device.domain.member import Member
from ups_device.domain.subscription import Preferences, choose, choose_for, hear, version_of, wider_version_of
from ups_device.handlers import devices as ports
from ups_device.handlers.devices import Users, require_member
from ups_device.handlers.refusals import require_known_codes, require_present, too_many
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.errors import Changed, Conflict, Retryable
from ups_runtime.logging import get_logger
from ups_runtime.optimistic import ATTEMPTS, optimistic, pause_before
from ups_schemas.device import DeviceSnapshot, Subscription
from ups_schemas.ids import CompanyId, DeviceId, UserId
from ups_schemas.mail import MailRequest

# Somebody who was told that their choice is kept gets mail for so long, at worst.
SETTLE_EVERY_S = 60.0

# Devices in one transaction. Halved, 500 devices take a fifth longer; doubled, no less, and a snapshot can have 300 kB.
BATCH = 50

# What is asked for a step that was made: the mail that confirms it, with the version it was made at.
Confirm = Callable[[Device | Preferences], MailRequest | None]


log = get_logger("subscriptions")


class Store(ports.Store, Protocol):
    """Where devices are kept."""

    async def unlike(self, preferences: Preferences, limit: int) -> Sequence[Device]:
        """Devices, at most so many, in which the person's subscription is not as these preferences have it."""


class People(ports.People, Protocol):
    """Where it is kept what people prefer."""

    async def save_preferences(self, preferences: Preferences, mail: MailRequest | None) -> None:
        """Keep someone's next version as not settled, and ask for the mail.

        Raises:
            Changed: they are no longer at the version before.
        """

    async def settled(self, preferences: Preferences) -> None:
        """Every device has them. A later version is left as it is."""

    async def unsettled(self) -> Collection[UserId]:
        """Whose preferences are kept and perhaps not in every device."""


class Subscriptions:
    """Who is told of what."""

    def __init__(self, store: Store, people: People, users: Users, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._people = people
        self._users = users
        self._now = now
        # A site's people unsubscribe together, in the outage that made them: one after the other, all of them succeed.
        # Other processes are met by trying again.
        self._turn_by_device: WeakValueDictionary[DeviceId, asyncio.Lock] = WeakValueDictionary()
        self._settling = asyncio.Lock()

    async def subscribe(self, device_id: DeviceId, choice: Subscription) -> Device:
        """Set what one person gets from the device. Switching off is possible for whoever has left, too.

        Raises:
            Refused: nobody of that company, an unknown code, or too many subscriptions.
            NotFound: there is no such device.
        """
        require_known_codes(choice.codes or (), "codes")
        device, _ = await self.change(device_id, choice.user_id, lambda _: choice)
        return device

    async def save(self, device_id: DeviceId, choice: Subscription, seen: str) -> Device:
        """The same by somebody who looked before, and saw that version of their choice.

        Raises:
            Conflict: it is another one now, and not the one that is to be.
        """
        require_known_codes(choice.codes or (), "codes")

        def step(there: Subscription | None) -> Subscription:
            if there != choice and version_of(there) != seen:
                raise Conflict.since_seen()
            return choice

        device, _ = await self.change(device_id, choice.user_id, step)
        return device

    async def change(
        self,
        device_id: DeviceId,
        user_id: UserId,
        step: Callable[[Subscription | None], Subscription | None],
        confirm: Confirm | None = None,
    ) -> tuple[Device, bool]:
        """Make a step from someone's choice for a device, or none; gives the device, and whether anything changed.

        The mail that `confirm` gives is asked for in the same transaction.
        """
        async with self._turn_by_device.setdefault(device_id, asyncio.Lock()):
            return await self._change(device_id, user_id, step, confirm)

    @optimistic
    async def _change(
        self,
        device_id: DeviceId,
        user_id: UserId,
        step: Callable[[Subscription | None], Subscription | None],
        confirm: Confirm | None,
    ) -> tuple[Device, bool]:
        device = require_present(await self._store.find(device_id))
        choice = step(device.choice(user_id))
        if choice is None:
            return device, False
        if choice.on:
            await require_member(self._users, user_id, device.snapshot.company_id, "user_id")
        preferences = await self.preferences(user_id)
        try:
            change = devices.subscribe(device, choice, preferences, self._now())
        except OverflowError:
            raise too_many("user_id") from None
        if change is None:
            return device, False
        await self._store.save(change, mail=confirm(change.device) if confirm else None)
        await self._store.published()
        return change.device, True

    async def preferences(self, user_id: UserId) -> Preferences:
        """What someone prefers; at version 0 if they never chose."""
        return (await self._people.preferences({user_id}))[user_id]

    async def set(self, user_id: UserId, *, all_off: bool, companies_off: frozenset[CompanyId]) -> Preferences:
        """Set someone's wider choices, and bring them to their devices."""
        await self.prefer(user_id, lambda now: choose(now, all_off=all_off, companies_off=companies_off))
        return await self.preferences(user_id)

    async def save_preferences(
        self, user_id: UserId, company_id: CompanyId, seen: str, *, all_off: bool, company_off: bool
    ) -> Preferences:
        """Set what somebody, who saw that version, wants of the company or at all; those for other companies stay.

        Raises:
            Conflict: it is another one now, and not the one that is to be.
        """

        def step(there: Preferences) -> Preferences | None:
            chosen = choose_for(there, company_id, all_off=all_off, company_off=company_off)
            if chosen is not None and wider_version_of(there, company_id) != seen:
                raise Conflict.since_seen()
            return chosen

        await self.prefer(user_id, step)
        return await self.preferences(user_id)

    async def prefer(
        self,
        user_id: UserId,
        step: Callable[[Preferences], Preferences | None],
        confirm: Confirm | None = None,
    ) -> bool:
        """Make a step from someone's preferences, or none; gives whether anything changed.

        1. Keep the preferences, and ask for the mail that `confirm` gives: one transaction. A device that is
           registered, or subscribed to, from here on has them.
        2. Bring them to each device that has others. Asking again, or `keep_settled`, finishes what was left here.
        """
        changed = await self._keep(user_id, step, confirm)  # 1
        await self._settle(user_id)  # 2
        await self._store.published()
        return changed

    @optimistic
    async def _keep(
        self, user_id: UserId, step: Callable[[Preferences], Preferences | None], confirm: Confirm | None
    ) -> bool:
        chosen = step(await self.preferences(user_id))
        if chosen is not None:
            await self._people.save_preferences(chosen, confirm(chosen) if confirm else None)
        return chosen is not None

    async def settle_all(self) -> int:
        """Finish what a crash or a fault left of step 2; gives for how many people."""
        unsettled = await self._people.unsettled()
        for user_id in unsettled:
            await self._settle(user_id)
        return len(unsettled)

    async def keep_settled(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Do that again and again, until cancelled."""
        while True:
            heed_cancellation()
            await sleep(SETTLE_EVERY_S)
            try:
                if finished := await self.settle_all():
                    log.info("preferences.settled", people=finished)
            except (Retryable, Conflict) as error:
                log.warning("preferences.unsettled", error=str(error))

    async def listeners(self, snapshot: DeviceSnapshot) -> tuple[UserId, ...]:
        """Those who hear of the device: subscribed, and active members of its company."""
        heard = hear(snapshot)
        people = await self._users.members(heard)
        return tuple(who for who in heard if who in people and people[who].belongs_to(snapshot.company_id))

    async def is_last_listener(self, user_id: UserId, member: Member | None, device: Device | None) -> bool:
        """Whether nobody but this person hears of the device, as far as they may know."""
        if device is None or device.removed_at is not None or not is_visible(device, member):
            return False
        return not set(await self.listeners(device.snapshot)) - {user_id}

    async def _settle(self, user_id: UserId) -> None:
        """Bring the person's preferences, of whichever version is the last, to each of their devices, batch by batch.

        Of several who do this at once each finds what the others left; none can bring what was replaced meanwhile.
        """
        async with self._settling:
            await self._bring(user_id)

    async def _bring(self, user_id: UserId) -> None:
        first, met = None, 0
        while met < ATTEMPTS:
            await pause_before(met)
            preferences = await self.preferences(user_id)
            others = await self._store.unlike(preferences, BATCH)
            if not others:
                await self._people.settled(preferences)
                return
            met = met + 1 if others[0].device_id == first else 0
            first = others[0].device_id
            now = self._now()
            try:
                await self._store.save(*filter(None, (devices.settle(each, preferences, now) for each in others)))
            except Changed:
                continue
        raise Conflict.with_others()

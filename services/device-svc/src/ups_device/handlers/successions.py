"""People who leave: their devices pass to an admin, who is told; what they wanted to hear of devices is forgotten."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Protocol

from ups_device.domain.device import Change, Device
from ups_device.domain.member import Everybody
from ups_device.domain.ownership import NextOwner
from ups_device.domain.subscription import Preferences
from ups_device.domain.succession import Passing, Succession, settle, succession_mail
from ups_device.handlers.devices import People
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Changed, Conflict, Retryable
from ups_runtime.logging import get_logger
from ups_runtime.optimistic import ATTEMPTS, pause_before
from ups_runtime.waking import set_within
from ups_schemas.catalogue import Severity
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.mail import MailRequest

# Besides when somebody comes or goes: what a process did that had not heard of it yet is found by this look. Each costs
# a query for every company.
RECONCILE_EVERY_S = 600.0
AFTER_TROUBLE_S = 5.0

# Devices in one transaction, as for subscriptions.
BATCH = 50

log = get_logger("successions")


class Users(Protocol):
    """Who is who, as `accounts.users` says."""

    async def everybody(self) -> Everybody:
        """All people, as of now.

        Raises:
            Retryable: it is not known yet who there is.
        """


class Store(Protocol):
    """Where devices are kept, and which of them passed on without anybody having been told."""

    async def companies(self) -> Collection[CompanyId]:
        """Those with devices, or with successions that were not told of."""

    async def unsettled(
        self, company_id: CompanyId, members: Collection[UserId], limit: int, *, ownerless: bool
    ) -> Sequence[Device]:
        """Devices, at most so many, that somebody else than these owns or subscribes to.

        With `ownerless`, also those that nobody owns any more; not those that wait for a claim.
        """

    async def pass_on(self, passings: Sequence[Passing], others: Sequence[Change]) -> None:
        """Keep and publish these steps, and count them in their successions: all, or nothing.

        Raises:
            Changed: a device is no longer at the version before, or somebody's preferences are not.
        """

    async def complete(self, company_id: CompanyId) -> Sequence[Succession]:
        """The company's successions that were not told of, and whose former owner has no device there any more."""

    async def tell(self, succession: Succession, mail: MailRequest | None) -> None:
        """Ask for the mail, and forget the succession; nothing if somebody else did, or if it has grown since."""


class Choices(People, Protocol):
    """Where it is kept what people prefer."""

    async def everyone(self) -> Collection[UserId]:
        """Those who ever chose."""

    async def forget(self, user_ids: Collection[UserId]) -> None:
        """Forget what they prefer."""


class Successions:
    """Follows who is a member. Any number of processes may do so at once, and each does all.

    What is to be done stands in the devices: owned, or subscribed to, by somebody who is no member. So nothing is lost
    by whoever ends in the middle, and nobody needs to have seen somebody go.
    """

    def __init__(self, store: Store, people: Choices, users: Users, min_severity: Severity, clock: Clock) -> None:
        self._store = store
        self._people = people
        self._users = users
        self._min_severity = min_severity
        self._clock = clock
        self._everywhere = True
        self._companies: set[CompanyId] = set()
        self._noticed = asyncio.Event()

    def notice(self, company_id: CompanyId | None) -> None:
        """Somebody's place in this company has changed; None: in whichever, or somebody was erased."""
        if company_id is None:
            self._everywhere = True
        else:
            self._companies.add(company_id)
        self._noticed.set()

    async def keep_settled(self) -> None:
        """Settle everything at once, then whatever is noticed, and everything now and then; until cancelled."""
        while True:
            heed_cancellation()
            self._noticed.clear()
            companies = None if self._everywhere else frozenset(self._companies)
            self._everywhere = False
            self._companies.clear()
            try:
                await self.settle(companies)
            except (Retryable, Conflict) as error:
                log.warning("successions.waiting", error=str(error))
                await self._clock.sleep(AFTER_TROUBLE_S)
                self._everywhere = True
                continue
            if not await set_within(self._noticed, RECONCILE_EVERY_S, self._clock):
                self._everywhere = True

    async def settle(self, companies: Collection[CompanyId] | None = None) -> None:
        """Bring devices in line with who is a member; of all companies unless some are named.

        Raises:
            Retryable: not now.
            Conflict: others came first again and again.
        """
        people = await self._users.everybody()
        everywhere = companies is None
        companies = await self._store.companies() if companies is None else companies
        if people.unheard_of:
            if companies:
                log.error("successions.nobody_known", companies=len(companies))
            return
        if everywhere:
            erased = [user_id for user_id in await self._people.everyone() if user_id not in people]
            await self._people.forget(erased)
        for company_id in sorted(companies):
            await self._settle(company_id, people)

    async def _settle(self, company_id: CompanyId, people: Everybody) -> None:
        """One company.

        1. Batch by batch, devices lose who is no member, and pass on where that is their owner. Each batch is one
           transaction with what it adds to the succession from one person to another.
        2. When nothing of the former owner's is left, the successor is told, once. Killed before that, whoever looks
           next goes on here.
        """
        members, heir = people.of(company_id), people.longest_standing_admin(company_id)
        first, met = None, 0
        while met < ATTEMPTS:
            await pause_before(met)
            devices = await self._store.unsettled(company_id, members, BATCH, ownerless=heir is not None)
            if not devices:
                await self._tell(company_id, people)
                return
            met = met + 1 if devices[0].device_id == first else 0
            first = devices[0].device_id
            try:
                await self._pass_on(devices, members, heir)  # 1
            except Changed:
                continue
        raise Conflict.with_others()

    async def _pass_on(self, devices: Sequence[Device], members: Collection[UserId], heir: UserId | None) -> None:
        now = self._clock.now()
        inherits = None
        if heir is not None:
            preferences: Preferences = (await self._people.preferences({heir}))[heir]
            inherits = NextOwner(heir, preferences, self._min_severity)
        steps = [settle(each, members, inherits, now) for each in devices]
        passings = [step for step in steps if isinstance(step, Passing)]
        others = [step for step in steps if isinstance(step, Change)]
        await self._store.pass_on(passings, others)
        company_id = devices[0].snapshot.company_id
        if passings:
            log.info("devices.passed_on", company_id=company_id, heir=heir, devices=len(passings))
        if heir is None and (orphans := sum(each.snapshot.owner is not None for each in devices)):
            log.warning("devices.ownerless", company_id=company_id, devices=orphans)

    async def _tell(self, company_id: CompanyId, people: Everybody) -> None:
        for succession in await self._store.complete(company_id):
            heir = people.by_id.get(succession.heir)
            former = people.by_id.get(succession.former) if succession.former else None
            mail = None
            if heir is not None and heir.belongs_to(company_id):
                mail = succession_mail(succession, heir, former, self._clock.now())
            await self._store.tell(succession, mail)  # 2

"""Plan notices: owners are told that a plan ends, by one mail a day, each lead once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from ups_device.domain.member import Everybody
from ups_device.domain.notice import Ending, Telling, due, notice_mail, window
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Changed, Retryable
from ups_runtime.logging import get_logger
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.mail import MailRequest
from ups_schemas.wording import zone_of

# How long after midnight at the owner's a mail may come, and a notice that a new end makes due. Each look is two
# queries, over the ends of four months.
LOOK_EVERY_S = 60.0
AFTER_TROUBLE_S = 5.0

# Between two mails: midnight comes to all owners of a zone at once, and other writers want their turn.
PAUSE_S = 0.05

# In one mail, hence in one transaction, which must not last. Of more on one day, the others are told the next day.
MOST_AT_ONCE = 1_000

log = get_logger("notices")


class Users(Protocol):
    """Who is who, as `accounts.users` says."""

    async def everybody(self) -> Everybody:
        """All people, as of now.

        Raises:
            Retryable: it is not known yet who there is.
        """


class Store(Protocol):
    """Where devices are kept, and what was told of the ends of their plans."""

    async def ending(self, after: datetime, before: datetime) -> Sequence[Ending]:
        """Devices that are not removed, and whose paid plan ends between these moments."""

    async def tell(self, what: Telling, mail: MailRequest) -> bool:
        """Note what is told, and ask for the mail: all, or nothing. False if this person has a mail of that day.

        Raises:
            Changed: a device is no longer at the version that was read, or one of these was told meanwhile.
        """


class Notices:
    """Tells owners. Any number of processes may do so at once, and each does all: the store lets one of them."""

    def __init__(self, store: Store, users: Users, clock: Clock) -> None:
        self._store = store
        self._users = users
        self._clock = clock
        self._last_told: dict[UserId, date] = {}
        self._silent: frozenset[tuple[UserId | None, CompanyId, date, int]] = frozenset()

    async def keep_told(self) -> None:
        """Look at once, and then each minute; until cancelled. What was due in between is found by the next look."""
        while True:
            heed_cancellation()
            try:
                await self._clock.sleep(LOOK_EVERY_S if await self.tell() else AFTER_TROUBLE_S)
            except Retryable as error:
                log.warning("notices.waiting", error=str(error))
                await self._clock.sleep(AFTER_TROUBLE_S)

    async def tell(self) -> bool:
        """Tell every owner what is due on this day of theirs; False if something changed meanwhile: look again.

        Raises:
            Retryable: not now.
        """
        people = await self._users.everybody()
        now = self._clock.now()
        by_owner: Mapping[tuple[UserId | None, CompanyId], list[Ending]] = defaultdict(list)
        for ending in await self._store.ending(*window(now)):
            by_owner[ending.owner, ending.company_id].append(ending)
        silent = set()
        is_settled = True
        for (owner, company_id), endings in by_owner.items():
            member = people.by_id.get(owner) if owner else None
            zone = zone_of(member.zone if member else "UTC")
            day = now.astimezone(zone).date()
            notices = due(endings, day, zone)[:MOST_AT_ONCE]
            if not notices or (owner and self._last_told.get(owner) == day):
                continue
            if owner is None or member is None or not member.belongs_to(company_id) or not member.address:
                silent.add((owner, company_id, day, len(notices)))
                continue
            what = Telling(owner, company_id, day, notices)
            try:
                if await self._store.tell(what, notice_mail(what, member, now)):
                    log.info("notices.told", owner=owner, company_id=company_id, devices=len(notices))
                    await self._clock.sleep(PAUSE_S)
            except Changed:
                is_settled = False
            else:
                self._last_told[owner] = day
        for owner, company_id, _, devices in silent - self._silent:
            log.warning("notices.nobody_to_tell", owner=owner, company_id=company_id, devices=devices)
        self._silent = frozenset(silent)
        return is_settled

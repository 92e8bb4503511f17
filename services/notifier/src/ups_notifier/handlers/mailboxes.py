"""What bounces make of mailboxes: noted once, asked before each mail, told to admins, forgotten with their person."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from ups_notifier.domain import bouncing, life, mass_refusal
from ups_notifier.domain.bouncing import BounceKind, Mailbox, Note
from ups_notifier.domain.dead_mailbox import PERSON, admins_to_tell, listeners, mailbox_dead_requests
from ups_notifier.domain.delivery import Delivery, Reason
from ups_notifier.domain.sending import Phase, Refused, SendResult
from ups_notifier.handlers.bounce_ports import Bounces, Observer, People
from ups_notifier.handlers.ports import Ledger
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.logging import get_logger
from ups_runtime.return_path import Returned
from ups_runtime.waking import set_within
from ups_schemas.account import User
from ups_schemas.device import DeviceSnapshot
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.mail import MailKind, MailRequest

# Besides when somebody is erased: what was missed while no notifier ran goes at the start.
TIDY_S = 3600.0
_AFTER_TROUBLE_S = 10.0

log = get_logger("mailboxes")


class Mailboxes:
    """Notes bounces, and says whom no event mail is sent for them.

    `hashes` gives a person's address as a keyed hash, by each key of the ring, the newest first. `untidy` is set when
    there is something to tidy: by whoever sees a person erased, and here.
    """

    def __init__(
        self,
        bounces: Bounces,
        ledger: Ledger,
        people: People,
        hashes: Callable[[UserId, str], Sequence[str]],
        observer: Observer,
        clock: Clock,
        untidy: asyncio.Event,
    ) -> None:
        self._bounces = bounces
        self._ledger = ledger
        self._people = people
        self._hashes = hashes
        self._observer = observer
        self._clock = clock
        self._untidy = untidy

    async def stopped(self, user: User, kind: MailKind) -> Reason | None:
        """Why this person is sent no mail of this kind, if that is so."""
        if kind not in bouncing.EVENT_MAIL:
            return None
        mailbox = await self._bounces.mailbox(user.user_id)
        return mailbox.stops(kind, same_address=self._is_of(mailbox, user)) if mailbox else None

    async def withdrawn(self, request: MailRequest) -> Reason | None:
        """Why the news of a dead mailbox is none: it works, others hear its devices, or its reader is no admin.

        Believed only after everything published so far was read.

        Raises:
            Retryable: people and devices are not known as they are now.
        """
        whose = request.parameters.get(PERSON)
        if request.kind is not MailKind.MAILBOX_DEAD or not isinstance(whose, str):
            return None
        if await self._no_news(whose, request.recipient_id) is None:
            return None
        await self._people.read_to_end()
        return await self._no_news(whose, request.recipient_id)

    async def came_back(
        self, returned: Returned, kind: BounceKind | None, code: str | None, recipient: str | None
    ) -> None:
        """A bounce of a delivery of ours; again as often as one likes. `recipient`: who could not be reached.

        1. The rows that the mail tells say that it did not arrive, and this is reported.
        2. The bounce is noted, if it says something of the mailbox, or of event mail.
        A crash between the two: whoever called calls again. Admins are written to by `tidy`, which is woken.

        Raises:
            Retryable: not now; nothing is lost if it is tried again.
        """
        rows = await self._ledger.told_by(returned.delivery_id)
        if not rows:
            self._observer.bounced(kind, "delivery_unknown")
            return
        if kind is not BounceKind.COMPLAINT:
            await self._did_not_arrive(rows)  # 1
        if kind is None or (kind is BounceKind.COMPLAINT and rows[0].kind not in bouncing.EVENT_MAIL):
            self._observer.bounced(kind, "no_matter")
            return
        user = await self._person(rows[0].user_id)
        if user is None:
            self._observer.bounced(kind, "person_unknown")
            return
        if kind is not BounceKind.COMPLAINT and not returned.was_for(user.address):
            self._observer.bounced(kind, "former_address")
            return
        behind_it = recipient is not None and recipient.casefold() != user.address.casefold()
        if kind is BounceKind.HARD and behind_it:
            # a list or forwarding one, which others may read
            kind = BounceKind.SOFT
        await self._note(user, Note(self._clock.now(), kind, code, returned.delivery_id))  # 2

    async def refused(self, delivery: Delivery, address: str, result: SendResult) -> None:
        """Note what the relay's own refusal of a recipient says of the mailbox; nothing for any other result.

        Raises:
            Retryable: not now.
        """
        if not (isinstance(result, Refused) and result.phase is Phase.RCPT):
            return
        kind = bouncing.kind_of_refusal(result.code, result.status)
        user = self._people.user(delivery.user_id)
        if kind is not None and user is not None and user.address == address:
            code = result.status or str(result.code)
            await self._note(user, Note(self._clock.now(), kind, code, delivery.delivery_id))

    async def clear(self, user_id: UserId) -> bool:
        """Let nothing stand against a mailbox; False if nothing does. A bounce that is told again still counts once."""
        while (mailbox := await self._bounces.mailbox(user_id)) is not None:
            cleared = bouncing.cleared(mailbox)
            if cleared is mailbox:
                break
            if await self._bounces.save(mailbox, cleared, (), self._clock.now()):
                return True
        return False

    async def tidy(self) -> None:
        """Bring what is known of mailboxes in line with people and devices.

        1. Whoever was erased, addresses that are nobody's any more, and bounces of long ago are forgotten.
        2. The rest is hashed with the newest key, so that an old one may leave the ring.
        3. Admins are written to of mailboxes that stopped and were a device's last. Only now: of two that stop at
           once, whoever looks later sees both. And not if so many stop that it is not their mailboxes.

        Raises:
            Retryable: people and devices are not known as they are now.
        """
        mailboxes = await self._bounces.all()
        await self._people.read_to_end()
        now = self._clock.now()
        if any(each.untold and each.dead_since for each in mailboxes) and await self._hold(now):
            mailboxes = await self._bounces.all()
        for mailbox in mailboxes:
            user = self._people.user(mailbox.user_id)
            former = user is None or (mailbox.complained_at is None and not self._is_of(mailbox, user))
            if user is None or former or mailbox.forgettable(now):  # 1
                await self._bounces.forget(mailbox)
                log.info("mailbox.forgotten", user_id=mailbox.user_id)
                continue
            present = self._present(mailbox, user, self._hashes(user.user_id, user.address)[0])
            if present is not mailbox and not await self._bounces.save(mailbox, present, (), now):  # 2
                continue
            if present.untold is not None:  # 3
                await self._tell(present, present.untold, user, now)

    async def keep_tidy(self) -> None:
        """Tidy at once, then each hour, and whenever it is untidy; until cancelled."""
        while True:
            self._untidy.clear()
            wait_s = TIDY_S
            try:
                await self.tidy()
            except Retryable as error:
                log.warning("mailboxes.untidy", error=str(error))
                wait_s = _AFTER_TROUBLE_S
            heed_cancellation()
            await set_within(self._untidy, wait_s, self._clock)

    async def _did_not_arrive(self, rows: Sequence[Delivery]) -> None:
        while changes := [(row, after) for row in rows if (after := life.bounced(row)) is not row]:
            if await self._ledger.save_all(changes, self._clock.now()):
                return
            rows = await self._ledger.told_by(rows[0].delivery_id)

    async def _person(self, user_id: UserId) -> User | None:
        """A no is believed only after everything published so far was read."""
        if self._people.user(user_id) is None:
            await self._people.read_to_end()
        return self._people.user(user_id)

    async def _note(self, user: User, note: Note) -> None:
        newest = self._hashes(user.user_id, user.address)[0]
        while True:
            before = await self._bounces.mailbox(user.user_id)
            known = self._present(before, user, newest) if before else Mailbox(user.user_id, newest, version=0)
            after = bouncing.after(known, note)
            if after is known:
                self._observer.bounced(note.kind, "repeated")
                return
            if await self._bounces.save(before, after, (), note.at):
                break
        if after.untold is not note:
            self._observer.bounced(note.kind, "noted")
            return
        self._untidy.set()
        # after it was saved: of two notifiers that save at once, the later one sees both
        if after.dead_since and await self._hold(note.at) and not await self._is_dead(user.user_id):
            self._observer.bounced(note.kind, "held")
            return
        self._observer.bounced(note.kind, "stopped")
        log.warning("mailbox.stopped", user_id=user.user_id, kind=note.kind, code=note.code)

    async def _hold(self, now: datetime) -> bool:
        """Take back that mailboxes died, if within the last hour more people were refused than reached."""
        since = now - mass_refusal.WINDOW
        refused, reached = await self._bounces.bounced_since(since), await self._ledger.reached_since(since)
        if not mass_refusal.is_mass(refused, reached):
            return False
        taken_back = 0
        for dead in await self._bounces.died_since(since):
            after = mass_refusal.held(dead, now)
            if after is not dead and await self._bounces.save(dead, after, (), now):
                taken_back += 1
        if taken_back:
            log.warning("mailboxes.held", mailboxes=taken_back, refused=len(refused), reached=len(reached - refused))
        return True

    async def _is_dead(self, user_id: UserId) -> bool:
        mailbox = await self._bounces.mailbox(user_id)
        return mailbox is not None and mailbox.dead_since is not None

    async def _no_news(self, user_id: UserId, recipient_id: str) -> Reason | None:
        person = self._people.user(user_id)
        dead = person is not None and await self.stopped(person, MailKind.EVENT) is not None
        if person is None or not dead or not await self._heard_by_nobody_but(person):
            return Reason.EXPIRED
        admins = self._admins_to_tell(person)
        return None if any(each.user_id == recipient_id for each in admins) else Reason.NOT_MEMBER

    def _admins_to_tell(self, person: User) -> list[User]:
        return admins_to_tell(person, self._people.members(person.company_id)) if person.company_id else []

    async def _tell(self, mailbox: Mailbox, cause: Note, person: User, now: datetime) -> None:
        unheard = await self._heard_by_nobody_but(person)
        admins = self._admins_to_tell(person)
        requests = mailbox_dead_requests(person, cause, unheard, admins, now) if unheard else []
        if await self._bounces.save(mailbox, bouncing.told(mailbox), requests, now):
            log.info("mailbox.told", user_id=person.user_id, devices=len(unheard), admins=len(requests))

    def _present(self, mailbox: Mailbox, user: User, newest: str) -> Mailbox:
        """What is known, by the person's present address and the newest key."""
        if self._is_of(mailbox, user):
            return bouncing.rehashed(mailbox, newest)
        return bouncing.at_new_address(mailbox, newest)

    def _is_of(self, mailbox: Mailbox, user: User) -> bool:
        return mailbox.address_hash in self._hashes(user.user_id, user.address)

    async def _heard_by_nobody_but(self, person: User) -> list[DeviceSnapshot]:
        """The devices whose only listener with a mailbox that works, until now, this person was."""
        if not person.active or person.company_id is None:
            return []
        unheard: list[DeviceSnapshot] = []
        deaf_by_id: dict[UserId, bool] = {}
        for device in self._people.devices_of(person.user_id):
            hearing = listeners(device)
            if device.company_id == person.company_id and person.user_id in hearing:
                for other in hearing - {person.user_id} - deaf_by_id.keys():
                    deaf_by_id[other] = await self._is_deaf(other, device.company_id)
                if all(deaf_by_id[other] for other in hearing - {person.user_id}):
                    unheard.append(device)
        return unheard

    async def _is_deaf(self, user_id: UserId, company_id: CompanyId) -> bool:
        user = self._people.user(user_id)
        if user is None or not user.active or user.company_id != company_id:
            return True
        return await self.stopped(user, MailKind.EVENT) is not None

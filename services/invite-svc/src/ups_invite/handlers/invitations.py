"""*Invite a co-worker*, for those who invite: sent, listed, sent again, taken back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ups_invite.domain import invitation as life
from ups_invite.domain.company import Company
from ups_invite.domain.invitation import AddInvitation, Invitation, Refusal, SaveInvitation, State
from ups_invite.domain.token import minted
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, Write
from ups_invite.handlers.addresses import require_address
from ups_invite.handlers.book import Book, RandomBytes, new_id
from ups_invite.handlers.invitation_papers import deed_about, invitation_mail
from ups_invite.handlers.refusals import uninvited, unknown_invitation, unmanaged
from ups_runtime.errors import AlreadyExists, Changed, Conflict, TooMany
from ups_runtime.once import Once
from ups_runtime.optimistic import ATTEMPTS, optimistic, pause_before
from ups_runtime.rates import Rate
from ups_schemas.ids import CompanyId, Id, UserId, derived

# Each is a mail to a stranger in the company's name.
EACH_PERSON = Rate.of(50, timedelta(days=1))
EACH_COMPANY = Rate.of(200, timedelta(days=1))


class AddressInvited(Exception):  # noqa: N818 - what the store found
    """Another invitation of this address is pending in the company."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list of invitations."""

    created_at: datetime
    invitation_id: Id


class People(Protocol):
    """Where people are found."""

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""

    async def by_address(self, compare_key: str) -> Person | None:
        """The person who has the address that is compared by this."""


class Membership(Protocol):
    """Who is in a company."""

    async def member(self, user_id: UserId) -> tuple[Person, Company]:
        """The person, and the company that they are in; refused if they are in none."""


class InvitationStore(Protocol):
    """Where invitations are found."""

    async def find(self, invitation_id: Id) -> Invitation | None:
        """The invitation of this id."""

    async def pending(self, company_id: CompanyId, compare_key: str) -> Invitation | None:
        """The one of the address that nobody has noted the end of."""

    async def page(self, company_id: CompanyId, now: datetime, after: Place | None, limit: int) -> Sequence[Invitation]:
        """Those of the company that are not over, in the order in which they were made."""


class Rates(Protocol):
    """How often something may happen."""

    async def take(self, name: str, rate: Rate) -> timedelta:
        """Take a place: zero, or how long none is to be had."""

    async def give_back(self, name: str, rate: Rate) -> None:
        """Leave a place to others that was taken and not used."""


class Invitations:
    """The invitations of companies."""

    def __init__(
        self,
        book: Book,
        people: People,
        members: Membership,
        store: InvitationStore,
        rates: Rates,
        *,
        now: Callable[[], datetime],
        random_bytes: RandomBytes,
    ) -> None:
        self._book = book
        self._people = people
        self._members = members
        self._store = store
        self._rates = rates
        self._now = now
        self._random_bytes = random_bytes

    async def invite(self, user_id: UserId, typed: str, once: Once | None) -> Invitation:
        """Invite who has this address. The same request with the same key does so once.

        Raises:
            Refused: the address can be none.
            Conflict: it is the inviter's own, a member's, or invited already.
            TooMany: the person, or the company, has invited many today.
        """
        inviter, company = await self._members.member(user_id)
        address = require_address(typed)
        invitation_id = derived("invitation", user_id, once.key) if once else new_id(self._random_bytes)
        if once and (there := await self._store.find(invitation_id)):
            return _repeated(there, once)
        paid = False
        for attempt in range(ATTEMPTS):
            await pause_before(attempt)
            now = self._now()
            invitee = await self._people.by_address(address.compare_key)
            if refusal := life.uninvitable(inviter, address, invitee):
                raise uninvited(refusal)
            room = await self._room(company.company_id, address.compare_key, now)
            if not paid:
                await self._pay(inviter, company)
                paid = True
            token = minted(self._random_bytes)
            invitation = life.invite(
                invitation_id,
                company.company_id,
                user_id,
                address,
                token.sha256,
                now,
                request_sha256=once.request_sha256 if once else None,
            )
            try:
                await self._book.write(
                    *room,
                    AddInvitation(invitation),
                    deed_about(invitation, Action.INVITED, now, self._random_bytes, actor=inviter),
                    invitation_mail(invitation, inviter, company, token, now, self._random_bytes),
                )
            except (AddressInvited, Changed):
                continue
            except AlreadyExists:  # only a key makes an id twice
                there = await self._store.find(invitation_id)
                if once is None or there is None:
                    continue
                return _repeated(there, once)
            await self._book.published()
            return invitation
        raise Conflict.with_others()

    async def page(self, user_id: UserId, after: Place | None, limit: int) -> Sequence[Invitation]:
        """The pending invitations of the person's company, in the order in which they were made."""
        _, company = await self._members.member(user_id)
        return await self._store.page(company.company_id, self._now(), after, limit)

    @optimistic
    async def resend(self, user_id: UserId, invitation_id: Id) -> Invitation:
        """Mail it again, with a link of its own; the links before stay good."""
        by, company = await self._members.member(user_id)
        invitation, now = await self._of(company, invitation_id), self._now()
        inviter = await self._people.find(invitation.inviter)
        token = minted(self._random_bytes)
        again = life.resend(invitation, by, inviter, token.sha256, now)
        if isinstance(again, Refusal):
            raise unmanaged(again, invitation, now)
        sender = inviter if inviter and inviter.user_id == again.inviter else by
        await self._book.write(
            SaveInvitation(again),
            deed_about(again, Action.INVITATION_RESENT, now, self._random_bytes, actor=by),
            invitation_mail(again, sender, company, token, now, self._random_bytes),
        )
        await self._book.published()
        return again

    @optimistic
    async def revoke(self, user_id: UserId, invitation_id: Id) -> None:
        """Take it back; every link of it is dead from then on."""
        by, company = await self._members.member(user_id)
        invitation, now = await self._of(company, invitation_id), self._now()
        match life.revoke(invitation, by, now):
            case None:
                return
            case Refusal() as refusal:
                raise unmanaged(refusal, invitation, now)
            case revoked:
                deed = deed_about(revoked, Action.INVITATION_REVOKED, now, self._random_bytes, actor=by)
        await self._book.write(SaveInvitation(revoked), deed)
        await self._book.published()

    async def _room(self, company_id: CompanyId, compare_key: str, now: datetime) -> tuple[Write, ...]:
        pending = await self._store.pending(company_id, compare_key)
        if pending is None:
            return ()
        ended = life.make_room(pending, await self._people.find(pending.inviter), now)
        if isinstance(ended, Refusal):
            raise uninvited(ended)
        expired = ended.state is State.EXPIRED
        action = Action.INVITATION_EXPIRED if expired else Action.INVITATION_REVOKED
        return SaveInvitation(ended), deed_about(ended, action, now, self._random_bytes)

    async def _pay(self, inviter: Person, company: Company) -> None:
        name = f"invite:{inviter.user_id}"
        title = "You have sent as many invitations as a day allows. Send the next one later."
        if wait := await self._rates.take(name, EACH_PERSON):
            raise TooMany("too-many-invitations", title, wait)
        if wait := await self._rates.take(f"invite-company:{company.company_id}", EACH_COMPANY):
            await self._rates.give_back(name, EACH_PERSON)
            title = "Your company has sent as many invitations as a day allows. Send the next one later."
            raise TooMany("too-many-invitations", title, wait)

    async def _of(self, company: Company, invitation_id: Id) -> Invitation:
        invitation = await self._store.find(invitation_id)
        if invitation is None or invitation.company_id != company.company_id:
            raise unknown_invitation()
        return invitation


def _repeated(there: Invitation, once: Once) -> Invitation:
    if there.request_sha256 != once.request_sha256:
        raise Once.reused()
    return there

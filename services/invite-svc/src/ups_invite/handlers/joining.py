"""*Invite a co-worker*, for those who are invited: looked at, accepted, declined, by the token of a mailed link."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ups_invite.domain import invitation as life
from ups_invite.domain import membership
from ups_invite.domain import user as users
from ups_invite.domain.company import Company
from ups_invite.domain.invitation import Account, Invitation, Refusal, SaveInvitation
from ups_invite.domain.registration import EndRegistrations
from ups_invite.domain.token import sha256_of
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, AddPerson, Deed, Order, RequirePerson, SaveCompany, SavePerson, Write
from ups_invite.handlers.addresses import require_zone
from ups_invite.handlers.book import AddressTaken, Book, RandomBytes, mail_to, new_id
from ups_invite.handlers.invitation_papers import deed_about, shown_name
from ups_invite.handlers.passwords import Passwords, hashed
from ups_invite.handlers.refusals import unaccepted, unknown_invitation
from ups_invite.handlers.sessions import SignedIn
from ups_runtime.errors import Changed, Conflict, Refused
from ups_runtime.optimistic import ATTEMPTS, optimistic, pause_before
from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.mail import MailKind


class People(Protocol):
    """Where people and companies are found."""

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""

    async def by_address(self, compare_key: str) -> Person | None:
        """The person who has the address that is compared by this."""

    async def company(self, company_id: CompanyId) -> Company | None:
        """The company."""


class MailedInvitations(Protocol):
    """Where invitations are found by what was mailed."""

    async def by_token(self, token_sha256: str) -> Invitation | None:
        """The invitation that one of whose links has this token."""


class Sessions(Protocol):
    """What signs people in."""

    async def opened(self, person: Person) -> tuple[Sequence[Write], SignedIn]:
        """What opens a session, to be written after whatever lets the person in; and the answer to them."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What somebody without an account says of themselves; None is the inviter's."""

    name: str = ""
    password: str = field(default="", repr=False)
    zone: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """Who is a member now; `signed_in` is the session of who had no account before."""

    person: Person
    signed_in: SignedIn | None


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown of an invitation that stands; `zone` is what its times are shown in."""

    invitation: Invitation
    company: Company
    inviter: Person
    account: Account
    zone: str


class Joining:
    """The answers to invitations. Looking changes nothing."""

    def __init__(
        self,
        book: Book,
        people: People,
        store: MailedInvitations,
        passwords: Passwords,
        sessions: Sessions,
        zones: Collection[str],
        *,
        now: Callable[[], datetime],
        random_bytes: RandomBytes,
    ) -> None:
        self._book = book
        self._people = people
        self._store = store
        self._passwords = passwords
        self._sessions = sessions
        self._zones = zones
        self._now = now
        self._random_bytes = random_bytes

    async def look(self, token: str) -> Look:
        """What the link leads to.

        Raises:
            NotFound: to none.
            Gone: to one that has ended, or whose sender has left.
        """
        invitation, invitee = await self._addressed(token)
        if refusal := life.over(invitation, self._now()):
            raise unaccepted(refusal)
        inviter, company = await self._sender(invitation)
        zone = (invitee or inviter).user.zone
        return Look(invitation, company, inviter, life.account(invitation, invitee), zone)

    async def accept(self, token: str, signed_in: UserId | None, newcomer: Newcomer) -> Joined:
        """Become a member of the company that invites: who has an account signs in before, who has none gets one.

        Raises:
            NotFound, Gone: as for a look.
            Unauthorised: the address has an account, whose person must sign in.
            Conflict: somebody else is signed in, or the person is in a company.
            Refused: what somebody without an account says of themselves will not do.
        """
        password_hash: str | None = None
        for attempt in range(ATTEMPTS):
            await pause_before(attempt)
            invitation, invitee = await self._addressed(token)
            inviter = await self._people.find(invitation.inviter)
            now = self._now()
            if refusal := life.unacceptable(invitation, inviter, invitee, signed_in, now):
                raise unaccepted(refusal)
            if invitee is None and password_hash is None:
                self._require(newcomer)
                password_hash = await hashed(self._passwords, newcomer.password, invitation.address)
                continue  # that took a while
            inviter, company = await self._sender(invitation)
            joined, entry = await self._entry(invitation, inviter, invitee, newcomer, password_hash, now)
            try:
                await self._book.write(
                    SaveInvitation(life.accept(invitation, now)),
                    RequirePerson(inviter),
                    SaveCompany(company.next()),
                    *entry,
                    *self._papers(invitation, inviter, joined.person, now),
                )
            except (Changed, AddressTaken):
                continue
            await self._book.published()
            return joined
        raise Conflict.with_others()

    @optimistic
    async def decline(self, token: str) -> None:
        """Say no; saying so again is no error."""
        invitation, now = await self._of(token), self._now()
        match life.decline(invitation, now):
            case None:
                return
            case Refusal() as refusal:
                raise unaccepted(refusal)
            case declined:
                deed = deed_about(declined, Action.INVITATION_DECLINED, now, self._random_bytes)
        await self._book.write(SaveInvitation(declined), deed)
        await self._book.published()

    async def _of(self, token: str) -> Invitation:
        invitation = await self._store.by_token(sha256_of(token))
        if invitation is None:
            raise unknown_invitation()
        return invitation

    async def _addressed(self, token: str) -> tuple[Invitation, Person | None]:
        """The invitation, and who has its address.

        It is read after the person: whoever became a member by it at this moment finds it used.
        """
        address = (await self._of(token)).address
        invitee = await self._people.by_address(address.compare_key)
        return await self._of(token), invitee

    async def _sender(self, invitation: Invitation) -> tuple[Person, Company]:
        inviter = await self._people.find(invitation.inviter)
        company = await self._people.company(invitation.company_id)
        if inviter is None or company is None or not life.stands(invitation, inviter):
            raise unaccepted(Refusal.INVITER_GONE)
        return inviter, company

    def _require(self, newcomer: Newcomer) -> None:
        if not newcomer.name.strip():
            raise Refused("name-missing", "Enter your name, so that your co-workers know you.", "name")
        if newcomer.zone is not None:
            require_zone(newcomer.zone, self._zones)

    async def _entry(
        self,
        invitation: Invitation,
        inviter: Person,
        invitee: Person | None,
        newcomer: Newcomer,
        password_hash: str | None,
        now: datetime,
    ) -> tuple[Joined, Sequence[Write]]:
        if invitee is not None:
            person = membership.in_company(invitee, invitation.company_id, now)
            return Joined(person, None), [SavePerson(person)]
        person = users.admit(
            new_id(self._random_bytes),
            invitation.address,
            invitation.company_id,
            Role.MEMBER,
            name=newcomer.name.strip(),
            zone=newcomer.zone or inviter.user.zone,
            language=newcomer.language or inviter.user.language,
            now=now,
            password_hash=password_hash,
        )
        session, signed_in = await self._sessions.opened(person)
        return Joined(person, signed_in), [AddPerson(person), EndRegistrations(person.compare_key), *session]

    def _papers(self, invitation: Invitation, inviter: Person, person: Person, now: datetime) -> Sequence[Write]:
        return (
            Deed(
                new_id(self._random_bytes),
                Action.JOINED,
                invitation.company_id,
                now,
                actor=person.user_id,
                user_id=person.user_id,
                invitation_id=invitation.invitation_id,
                role=person.user.role,
            ),
            Order(
                mail_to(
                    inviter,
                    MailKind.INVITATION_ACCEPTED,
                    new_id(self._random_bytes),
                    now,
                    user_name=shown_name(person),
                    address=person.user.address,
                )
            ),
        )

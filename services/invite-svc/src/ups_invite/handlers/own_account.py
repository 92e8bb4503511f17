"""One's own account: seen, changed, taken along, and erased."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from ups_invite.domain import user as users
from ups_invite.domain.company import Company
from ups_invite.domain.password import normalised
from ups_invite.domain.reset import VoidResets
from ups_invite.domain.session import EndSessions, Session
from ups_invite.domain.user import Edit, Person
from ups_invite.domain.writing import Action, Deed, SavePerson
from ups_invite.handlers.addresses import require_zone
from ups_invite.handlers.book import Book, RandomBytes, new_id
from ups_invite.handlers.erasing import Invitations, erased
from ups_invite.handlers.limits import SIGN_IN, Limits
from ups_invite.handlers.members import Deeds, Members, People
from ups_invite.handlers.passwords import Passwords, hashed
from ups_invite.handlers.resets import address_of, password_changed
from ups_invite.handlers.sessions import Sessions, SessionStore, SignedIn
from ups_runtime.errors import Forbidden, Unauthorised
from ups_runtime.optimistic import optimistic
from ups_schemas.ids import UserId

# More than a person reads; what is older can be asked of an admin, page by page.
EXPORTED_DEEDS = 1000
EXPORTED_SESSIONS = 500


@dataclass(frozen=True, slots=True)
class Export:
    """All that is kept about a person here."""

    person: Person
    company: Company | None
    sessions: Sequence[Session]
    deeds: Sequence[Deed]


class OwnAccount:
    """What people do with their own accounts."""

    def __init__(
        self,
        book: Book,
        people: People,
        members: Members,
        sessions: Sessions,
        session_store: SessionStore,
        deeds: Deeds,
        invitations: Invitations,
        passwords: Passwords,
        limits: Limits,
        zones: Collection[str],
        *,
        now: Callable[[], datetime],
        random_bytes: RandomBytes,
    ) -> None:
        self._book = book
        self._people = people
        self._members = members
        self._sessions = sessions
        self._session_store = session_store
        self._deeds = deeds
        self._invitations = invitations
        self._passwords = passwords
        self._limits = limits
        self._zones = zones
        self._now = now
        self._random_bytes = random_bytes

    async def get(self, user_id: UserId) -> tuple[Person, Company | None]:
        """The person, and the company that they are in.

        Raises:
            Unauthorised: the person is erased, and the token outlives them.
        """
        person = await self._people.find(user_id)
        if person is None:
            raise Unauthorised("not-signed-in", "Sign in first, or again.")
        company_id = person.user.company_id
        return person, await self._people.company(company_id) if company_id else None

    @optimistic
    async def edit(self, user_id: UserId, wanted: Edit) -> tuple[Person, Company | None]:
        """Change what is wanted another way.

        Raises:
            Refused: no such time zone.
        """
        if wanted.zone is not None:
            require_zone(wanted.zone, self._zones)
        person, company = await self.get(user_id)
        changed = users.edit(person, wanted, self._now())
        if changed is None:
            return person, company
        await self._book.write(SavePerson(changed))
        await self._book.published()
        return changed, company

    async def change_password(self, user_id: UserId, current: str, new: str, source: str) -> SignedIn:
        """Set another password. All sessions end but the one that this opens; a mail says so.

        Raises:
            Forbidden: the current one is wrong, or there is none.
            Refused: the new one is not taken.
            TooMany: tries with this account, or from this source.
        """
        person = await self._require_password(user_id, current, source)
        password_hash = await hashed(self._passwords, new, address_of(person), field="new")
        return await self._set_password(user_id, person.password_hash, password_hash)

    async def export(self, user_id: UserId) -> Export:
        """All that is kept about the person here; of what was done, the latest thousand entries."""
        person, company = await self.get(user_id)
        return Export(
            person,
            company,
            await self._session_store.sessions(user_id, None, EXPORTED_SESSIONS),
            await self._deeds.deeds_of(user_id, EXPORTED_DEEDS),
        )

    async def erase(self, user_id: UserId, password: str, source: str) -> None:
        """Forget the person: what is kept is an id, in what was done.

        Raises:
            Forbidden: the password is wrong, or there is none.
            Conflict: it is the last admin, and others would stay behind.
            TooMany: tries with this account, or from this source.
        """
        await self._require_password(user_id, password, source)
        await self._erase(user_id)

    @optimistic
    async def _set_password(self, user_id: UserId, known_hash: str | None, password_hash: str) -> SignedIn:
        person, _ = await self.get(user_id)
        if person.password_hash != known_hash:
            raise _wrong_password()
        now = self._now()
        changed = users.with_password(person, password_hash, now)
        opened, signed_in = await self._sessions.opened(changed)
        told = password_changed(person, Action.PASSWORD_CHANGED, "change", now, self._random_bytes)
        await self._book.write(SavePerson(changed), VoidResets(user_id), EndSessions(user_id), *opened, *told)
        return signed_in

    @optimistic
    async def _erase(self, user_id: UserId) -> None:
        person, company = await self.get(user_id)
        if company is not None:
            await self._members.require_another_admin(person, company)
        deed_id = new_id(self._random_bytes)
        await self._book.write(
            *await erased(person, company, self._invitations, self._now(), actor=user_id, deed_id=deed_id)
        )
        await self._book.published()

    async def _require_password(self, user_id: UserId, password: str, source: str) -> Person:
        person, _ = await self.get(user_id)
        await self._limits.take(SIGN_IN, person.compare_key, source)
        if not await self._passwords.matches(person.password_hash, normalised(password)):
            raise _wrong_password()
        await self._limits.succeeded(SIGN_IN, person.compare_key, source)
        return person


def _wrong_password() -> Forbidden:
    return Forbidden("wrong-password", "The password is wrong. If you have none, set one by Reset Password.")

"""Registration: asked for by anybody with the same answer, and true once the address is proved."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ups_invite.domain import registration as registrations
from ups_invite.domain.company import Company
from ups_invite.domain.password import normalised
from ups_invite.domain.registration import (
    AddAsked,
    Applicant,
    Asked,
    EndRegistrations,
    Registration,
    Standing,
)
from ups_invite.domain.token import sha256_of
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, AddCompany, AddPerson, Deed
from ups_invite.handlers.addresses import require_address, require_zone
from ups_invite.handlers.book import AddressTaken, Book, RandomBytes, new_id
from ups_invite.handlers.limits import CONFIRMATION, REGISTRATION, Limits
from ups_invite.handlers.passwords import Passwords, hashed
from ups_invite.handlers.sessions import Sessions, SignedIn
from ups_runtime.errors import AlreadyExists, Changed, Gone, NotFound, Refused
from ups_runtime.once import Once
from ups_schemas.account import Role
from ups_schemas.ids import derived


class Registrations(Protocol):
    """Where registrations are found."""

    async def registration(self, token_sha256: str) -> Registration | None:
        """The registration of this token."""


@dataclass(frozen=True, slots=True)
class Application:
    """What somebody gives to found a company."""

    address: str
    password: str
    company_name: str
    name: str
    zone: str
    language: str


@dataclass(frozen=True, slots=True)
class Founded:
    """Who has founded a company, and the session that they are in by it."""

    person: Person
    signed_in: SignedIn


class Registering:
    """Takes registrations, and founds companies by them."""

    def __init__(
        self,
        book: Book,
        registrations: Registrations,
        passwords: Passwords,
        sessions: Sessions,
        limits: Limits,
        zones: Collection[str],
        *,
        now: Callable[[], datetime],
        random_bytes: RandomBytes,
    ) -> None:
        self._book = book
        self._registrations = registrations
        self._passwords = passwords
        self._sessions = sessions
        self._limits = limits
        self._zones = zones
        self._now = now
        self._random_bytes = random_bytes

    async def ask(self, application: Application, source: str, once: Once | None) -> None:
        """Take a registration. Whether the address is known is not even looked up here, so nothing can tell it.

        Raises:
            Refused: something is wrong with what was given; `field` says with what.
            TooMany: of this address, or from this source.
        """
        address = require_address(application.address)
        require_zone(application.zone, self._zones)
        await self._limits.take(REGISTRATION, address.compare_key, source)
        applicant = Applicant(
            address,
            await hashed(self._passwords, application.password, address),
            application.company_name,
            name=application.name,
            zone=application.zone,
            language=application.language,
        )
        asked_id = derived("asked", once.key, once.request_sha256) if once else new_id(self._random_bytes)
        try:
            await self._book.write(AddAsked(Asked(asked_id, address, self._now(), applicant)))
        except AlreadyExists:
            return

    async def look_up(self, token: str) -> tuple[Registration, Applicant]:
        """What a link would found. Nothing changes.

        Raises:
            NotFound: it is none of ours, or of long ago.
            Gone: it was used, or has expired.
        """
        found = await self._registrations.registration(sha256_of(token))
        if found is None:
            raise NotFound(
                "unknown-confirmation", "This link is not one of ours. Open it from the mail again, or register again."
            )
        if found.applicant is None:
            raise _used()
        if found.standing(self._now()) is Standing.EXPIRED:
            raise Gone("confirmation-expired", "This link was good for 24 hours. Register again to get another one.")
        return found, found.applicant

    async def verify(self, token: str, password: str, source: str) -> Founded:
        """Found the company, with its first admin, and sign them in. Other registrations of the address are dropped.

        The link proves who reads the mail, the password who registered: a stranger may have given the address.

        Raises:
            NotFound: it is none of ours, or of long ago.
            Gone: it, or another one of this address, was used; or it has expired.
            Refused: that is not the password of this registration. The link is as good as before.
            TooMany: tries with this link, or from this source.
        """
        found, applicant = await self.look_up(token)
        await self._limits.take(CONFIRMATION, found.token_sha256, source)
        if not await self._passwords.matches(applicant.password_hash, normalised(password)):
            raise Refused(
                "wrong-password",
                "This is not the password that was chosen to register. If you do not know it, or it was not you who "
                "registered, register again yourself.",
                "password",
            )
        person, company = registrations.founded(found, applicant, self._now())
        session, signed_in = await self._sessions.opened(person)
        try:
            await self._book.write(
                AddPerson(person),
                AddCompany(company),
                EndRegistrations(person.compare_key),
                *self._told(person, company),
                *session,
            )
        except (AddressTaken, AlreadyExists, Changed):
            raise _used() from None
        await self._limits.succeeded(CONFIRMATION, found.token_sha256, source)
        await self._book.published()
        return Founded(person, signed_in)

    def _told(self, person: Person, company: Company) -> tuple[Deed, Deed]:
        def deed(action: Action) -> Deed:
            return Deed(
                new_id(self._random_bytes),
                action,
                company.company_id,
                company.created_at,
                actor=person.user_id,
                user_id=person.user_id,
                role=Role.ADMIN if action is Action.JOINED else None,
            )

        return deed(Action.COMPANY_FOUNDED), deed(Action.JOINED)


def _used() -> Gone:
    return Gone("confirmation-used", "This address is confirmed already. Sign in, or reset your password.")

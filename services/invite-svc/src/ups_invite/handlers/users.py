"""People by the operator: let in, changed, erased."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ups_invite.domain import user as users
from ups_invite.domain.company import Company
from ups_invite.domain.user import Edit, Person
from ups_invite.domain.writing import AddCompany, AddPerson, SavePerson
from ups_invite.handlers.addresses import require_address, require_zone
from ups_invite.handlers.book import AddressTaken, Book
from ups_invite.handlers.erasing import Invitations, erased
from ups_runtime.errors import AlreadyExists, Changed, Conflict, NotFound, Refused
from ups_runtime.once import Once
from ups_runtime.optimistic import ATTEMPTS, optimistic, pause_before
from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, UserId, derived


class People(Protocol):
    """Where people and companies are found."""

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""

    async def company(self, company_id: CompanyId) -> Company | None:
        """The company."""

    async def page(self, company_id: CompanyId | None, after: "Place | None", limit: int) -> Sequence[Person]:
        """People, in the order in which they came."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list of people."""

    created_at: datetime
    user_id: UserId


@dataclass(frozen=True, slots=True)
class Import:
    """A person to let in. `company_name` founds the company if there is none of that id, or no id is given.

    Without a role, who founds the company is its admin, and who comes later a member.
    """

    address: str
    name: str
    zone: str
    language: str
    company_id: CompanyId | None
    company_name: str | None
    role: Role | None


class Users:
    """The people of the installation. `zones` are the time zones that exist."""

    def __init__(
        self,
        book: Book,
        people: People,
        invitations: Invitations,
        zones: Collection[str],
        *,
        now: Callable[[], datetime],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._book = book
        self._people = people
        self._invitations = invitations
        self._zones = zones
        self._now = now
        self._random_bytes = random_bytes

    async def admit(self, wanted: Import, once: Once | None) -> Person:
        """Let a person in, whose address the operator vouches for. The same request with the same key does so once.

        Raises:
            Refused: something is wrong with what was given; `field` says with what.
            Conflict: somebody has the address.
        """
        address = require_address(wanted.address)
        require_zone(wanted.zone, self._zones)
        seed = once.key if once else self._random_bytes(16).hex()
        now = self._now()
        for attempt in range(ATTEMPTS):
            await pause_before(attempt)
            company_id, founded = await self._company(wanted, seed, now)
            person = users.admit(
                derived("user", "operator", seed),
                address,
                company_id,
                wanted.role or (Role.ADMIN if founded else Role.MEMBER),
                name=wanted.name,
                zone=wanted.zone,
                language=wanted.language,
                now=now,
                request_sha256=once.request_sha256 if once else None,
            )
            try:
                await self._book.write(AddPerson(person), *([AddCompany(founded)] if founded else []))
            except AlreadyExists:
                return await self._repeated(person)
            except AddressTaken:
                # a repeated request meets its own address first
                if once and await self._people.find(person.user_id):
                    return await self._repeated(person)
                raise Conflict("address-taken", "Somebody has this e-mail address already.", "address") from None
            except Changed:
                continue
            await self._book.published()
            return person
        raise Conflict.with_others()

    async def get(self, user_id: UserId) -> Person:
        """The person.

        Raises:
            NotFound: there is none.
        """
        person = await self._people.find(user_id)
        if person is None:
            raise NotFound("unknown-user", "There is no such user.")
        return person

    async def page(self, company_id: CompanyId | None, after: Place | None, limit: int) -> Sequence[Person]:
        """People, in the order in which they came."""
        return await self._people.page(company_id, after, limit)

    @optimistic
    async def edit(self, user_id: UserId, wanted: Edit) -> Person:
        """Change what is wanted another way.

        Raises:
            Refused: no such time zone.
        """
        if wanted.zone is not None:
            require_zone(wanted.zone, self._zones)
        now = self._now()
        person = await self.get(user_id)
        changed = users.edit(person, wanted, now)
        if changed is None:
            return person
        await self._book.write(SavePerson(changed))
        await self._book.published()
        return changed

    @optimistic
    async def erase(self, user_id: UserId) -> None:
        """Forget the person."""
        person = await self.get(user_id)
        company_id = person.user.company_id
        company = await self._people.company(company_id) if company_id else None
        deed_id = self._random_bytes(16).hex()
        await self._book.write(
            *await erased(person, company, self._invitations, self._now(), actor=None, deed_id=deed_id)
        )
        await self._book.published()

    async def _company(self, wanted: Import, seed: str, now: datetime) -> tuple[CompanyId, Company | None]:
        if wanted.company_id is None and wanted.company_name is None:
            raise Refused("company-missing", "Give the company's id, or the name of a new one.", "company_id")
        company_id = wanted.company_id or derived("company", "operator", seed)
        there = await self._people.company(company_id)
        # without an id, a company that is there is this request's own, from when it came first
        if there is not None and wanted.company_id is not None and wanted.company_name not in (None, there.name):
            raise Refused("company-named-otherwise", "The company of this id has another name.", "company_name")
        if there is None and wanted.company_name is None:
            raise Refused("unknown-company", "There is no such company. Give its name to found it.", "company_id")
        if there is None and wanted.company_name is not None:
            return company_id, Company(company_id, wanted.company_name, now)
        return company_id, None

    async def _repeated(self, person: Person) -> Person:
        there = await self._people.find(person.user_id)
        if there is None:
            raise Conflict("erased-meanwhile", "The person whom this request let in has been erased.")
        if there.request_sha256 != person.request_sha256:
            raise Once.reused()
        return there

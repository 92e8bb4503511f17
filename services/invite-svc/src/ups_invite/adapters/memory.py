"""A fake of the stores: it passes the same contracts as those on MongoDB."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ups_invite.domain.company import Company
from ups_invite.domain.invitation import Invitation
from ups_invite.domain.registration import Asked, Registration
from ups_invite.domain.reset import Reset
from ups_invite.domain.session import Session
from ups_invite.domain.user import Person
from ups_invite.domain.writing import (
    AddCompany,
    AddPerson,
    Deed,
    ErasePerson,
    Order,
    RequirePerson,
    SaveCompany,
    SavePerson,
    Write,
)
from ups_invite.handlers.book import AddressTaken
from ups_invite.handlers.users import Place
from ups_runtime.errors import AlreadyExists, Changed
from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, Id, UserId
from ups_schemas.mail import MailRequest


@dataclass
class Tables:
    """All that is kept, by id; `deeds` and `mails` in the order in which they came."""

    people: dict[UserId, Person] = field(default_factory=dict)
    erased: dict[UserId, None] = field(default_factory=dict)
    companies: dict[CompanyId, Company] = field(default_factory=dict)
    invitations: dict[Id, Invitation] = field(default_factory=dict)
    deeds: dict[str, Deed] = field(default_factory=dict)
    mails: dict[str, MailRequest] = field(default_factory=dict)
    asked: dict[Id, Asked] = field(default_factory=dict)
    registrations: dict[str, Registration] = field(default_factory=dict)
    sessions: dict[Id, Session] = field(default_factory=dict)
    resets: dict[str, Reset] = field(default_factory=dict)


# Any: each takes the kind of write that it is there for.
Writer = Callable[[Tables, Any], None]


class MemoryBook:
    """Writes changes to `tables`, all of one or nothing."""

    def __init__(self, *writers: Mapping[type[Write], Writer]) -> None:
        self.tables = Tables()
        self._writers = {kind: writer for each in (WRITERS, *writers) for kind, writer in each.items()}

    async def write(self, *writes: Write) -> None:
        """Make all these writes, or none of them."""
        tables = Tables(*(dict(getattr(self.tables, each.name)) for each in fields(Tables)))
        for write in writes:
            self._writers[type(write)](tables, write)
        self.tables = tables

    async def published(self) -> None:
        """What is kept is published."""


class MemoryPeople:
    """Finds people and companies."""

    def __init__(self, book: MemoryBook) -> None:
        self.book = book

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""
        return self.book.tables.people.get(user_id)

    async def by_address(self, compare_key: str) -> Person | None:
        """The person who has the address that is compared by this."""
        return next((each for each in self.book.tables.people.values() if each.compare_key == compare_key), None)

    async def company(self, company_id: CompanyId) -> Company | None:
        """The company."""
        return self.book.tables.companies.get(company_id)

    async def page(self, company_id: CompanyId | None, after: Place | None, limit: int) -> Sequence[Person]:
        """People, in the order in which they came."""
        there = sorted((person.created_at, person.user_id) for person in self.book.tables.people.values())
        start = (after.created_at, after.user_id) if after else None
        people = [self.book.tables.people[user_id] for at, user_id in there if start is None or (at, user_id) > start]
        return [person for person in people if company_id in (None, person.user.company_id)][:limit]

    async def members(self, company_id: CompanyId) -> int:
        """How many are in the company, closed accounts apart."""
        return len(self._members(company_id))

    async def admins(self, company_id: CompanyId) -> frozenset[UserId]:
        """Who of them is an admin."""
        return frozenset(each.user_id for each in self._members(company_id) if each.user.role is Role.ADMIN)

    def _members(self, company_id: CompanyId) -> Sequence[Person]:
        people = self.book.tables.people.values()
        return [each for each in people if each.user.company_id == company_id and each.user.active]


def _add_person(tables: Tables, write: AddPerson) -> None:
    person = write.person
    if person.user_id in tables.people or person.user_id in tables.erased:
        raise AlreadyExists
    if any(there.compare_key == person.compare_key for there in tables.people.values()):
        raise AddressTaken
    tables.people[person.user_id] = person


def _save_person(tables: Tables, write: SavePerson) -> None:
    _require(tables, write.person.user_id, write.person.version - 1)
    tables.people[write.person.user_id] = write.person


def _require_person(tables: Tables, write: RequirePerson) -> None:
    _require(tables, write.person.user_id, write.person.version)


def _erase_person(tables: Tables, write: ErasePerson) -> None:
    _require(tables, write.person.user_id, write.person.version)
    del tables.people[write.person.user_id]
    tables.erased[write.person.user_id] = None


def _add_company(tables: Tables, write: AddCompany) -> None:
    if write.company.company_id in tables.companies:
        raise Changed
    tables.companies[write.company.company_id] = write.company


def _save_company(tables: Tables, write: SaveCompany) -> None:
    there = tables.companies.get(write.company.company_id)
    if there is None or there.version != write.company.version - 1:
        raise Changed
    tables.companies[there.company_id] = write.company


def _tell(tables: Tables, deed: Deed) -> None:
    tables.deeds[deed.deed_id] = deed


def _order(tables: Tables, order: Order) -> None:
    tables.mails[order.mail.request_id] = order.mail


def _require(tables: Tables, user_id: UserId, version: int) -> None:
    there = tables.people.get(user_id)
    if there is None or there.version != version:
        raise Changed


WRITERS: Mapping[type[Write], Writer] = {
    AddPerson: _add_person,
    SavePerson: _save_person,
    RequirePerson: _require_person,
    ErasePerson: _erase_person,
    AddCompany: _add_company,
    SaveCompany: _save_company,
    Deed: _tell,
    Order: _order,
}

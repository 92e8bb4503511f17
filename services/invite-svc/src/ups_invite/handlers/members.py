"""A company and its members: seen by all of them, changed by its admins; anybody may leave."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from ups_invite.domain import membership
from ups_invite.domain.company import Company
from ups_invite.domain.user import Person
from ups_invite.domain.writing import Action, Deed, Order, RequirePerson, SaveCompany, SavePerson, Write
from ups_invite.handlers.book import Book, RandomBytes, mail_to, new_id
from ups_invite.handlers.users import Place
from ups_runtime.errors import Conflict, Forbidden, NotFound
from ups_runtime.optimistic import optimistic
from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, Id, UserId
from ups_schemas.mail import MailKind


class People(Protocol):
    """Where people and companies are found."""

    async def find(self, user_id: UserId) -> Person | None:
        """The person; None if there is none, or was."""

    async def company(self, company_id: CompanyId) -> Company | None:
        """The company."""

    async def page(self, company_id: CompanyId | None, after: Place | None, limit: int) -> Sequence[Person]:
        """People, in the order in which they came."""

    async def members(self, company_id: CompanyId) -> int:
        """How many are in the company, closed accounts apart."""

    async def admins(self, company_id: CompanyId) -> frozenset[UserId]:
        """Who of them is an admin."""


class Deeds(Protocol):
    """Where that is found which was done."""

    async def deeds(self, company_id: CompanyId, before: tuple[datetime, Id] | None, limit: int) -> Sequence[Deed]:
        """What was done in the company, the latest first."""

    async def deeds_of(self, user_id: UserId, limit: int) -> Sequence[Deed]:
        """What the person did, or what was done about them, the latest first."""


class Members:
    """The companies, by and for those who are in them."""

    def __init__(
        self, book: Book, people: People, deeds: Deeds, *, now: Callable[[], datetime], random_bytes: RandomBytes
    ) -> None:
        self._book = book
        self._people = people
        self._deeds = deeds
        self._now = now
        self._random_bytes = random_bytes

    async def member(self, user_id: UserId) -> tuple[Person, Company]:
        """The person, and the company that they are in.

        Raises:
            Forbidden: they are in none.
        """
        person = await self._people.find(user_id)
        company_id = person.user.company_id if person and membership.is_member(person) else None
        company = await self._people.company(company_id) if company_id else None
        if person is None or company is None:
            raise Forbidden("no-company", "You are in no company. Ask somebody of yours to invite you.")
        return person, company

    async def admin(self, user_id: UserId) -> tuple[Person, Company]:
        """The person, and the company whose admin they are.

        Raises:
            Forbidden: they are none.
        """
        person, company = await self.member(user_id)
        if person.user.role is not Role.ADMIN:
            raise Forbidden("admins-only", "Only an admin of your company can do this.")
        return person, company

    async def page(self, user_id: UserId, after: Place | None, limit: int) -> Sequence[Person]:
        """The members of one's company, in the order in which they came to us."""
        _, company = await self.member(user_id)
        return await self._people.page(company.company_id, after, limit)

    async def audit(self, user_id: UserId, before: tuple[datetime, Id] | None, limit: int) -> Sequence[Deed]:
        """What was done in one's company, the latest first; for admins."""
        _, company = await self.admin(user_id)
        return await self._deeds.deeds(company.company_id, before, limit)

    @optimistic
    async def rename(self, user_id: UserId, name: str) -> Company:
        """Give the company another name; for admins."""
        admin, company = await self.admin(user_id)
        if company.name == name:
            return company
        renamed = company.next(name)
        await self._book.write(
            RequirePerson(admin),
            SaveCompany(renamed),
            self._deed(Action.COMPANY_RENAMED, company, admin, None),
        )
        return renamed

    @optimistic
    async def set_role(self, actor_id: UserId, user_id: UserId, role: Role) -> Person:
        """Give a member another role; for admins.

        Raises:
            NotFound: there is no such member.
            Conflict: it is the last admin.
        """
        admin, company = await self.admin(actor_id)
        person = await self._colleague(company, user_id)
        changed = membership.with_role(person, role, self._now())
        if changed is None:
            return person
        if await self._people.admins(company.company_id) == {user_id}:
            raise _last_admin()
        deed = self._deed(Action.ROLE_CHANGED, company, admin, person, role)
        await self._book.write(*_still(admin, person), SavePerson(changed), SaveCompany(company.next()), deed)
        await self._book.published()
        return changed

    @optimistic
    async def remove(self, actor_id: UserId, user_id: UserId) -> None:
        """Remove a member, for admins; or leave. Who is removed is told by mail.

        Raises:
            NotFound: there is no such member.
            Conflict: it is the last admin, and others would stay behind.
        """
        actor, company = await (self.member(actor_id) if actor_id == user_id else self.admin(actor_id))
        person = await self._colleague(company, user_id)
        await self.require_another_admin(person, company)
        await self._book.write(
            *_still(actor, person),
            SavePerson(membership.without_company(person, self._now())),
            SaveCompany(company.next()),
            *self._parting(actor, person, company),
        )
        await self._book.published()

    async def require_another_admin(self, person: Person, company: Company) -> None:
        """Refuse to let the last admin go while others are in the company.

        Only a change that is written with the company's next version can rely on it.
        """
        admins = await self._people.admins(company.company_id)
        if membership.leaves_no_admin(person, admins, await self._people.members(company.company_id)):
            raise _last_admin()

    async def _colleague(self, company: Company, user_id: UserId) -> Person:
        person = await self._people.find(user_id)
        if person is None or person.user.company_id != company.company_id:
            raise NotFound("unknown-member", "There is no such member in your company.")
        return person

    def _parting(self, actor: Person, person: Person, company: Company) -> Sequence[Write]:
        if actor.user_id == person.user_id:
            return [self._deed(Action.LEFT, company, actor, person)]
        now = self._now()
        mail = mail_to(
            person,
            MailKind.MEMBER_REMOVED,
            new_id(self._random_bytes),
            now,
            company_name=company.name,
            by="admin",
        )
        return [self._deed(Action.REMOVED, company, actor, person), Order(mail)]

    def _deed(
        self, action: Action, company: Company, actor: Person, person: Person | None, role: Role | None = None
    ) -> Deed:
        return Deed(
            new_id(self._random_bytes),
            action,
            company.company_id,
            self._now(),
            actor=actor.user_id,
            user_id=person.user_id if person else None,
            role=role,
        )


def _still(actor: Person, person: Person) -> Sequence[Write]:
    """Whoever is an admin no more when it is written does it no more; of oneself, one's own next version says so."""
    return [] if actor.user_id == person.user_id else [RequirePerson(actor)]


def _last_admin() -> Conflict:
    return Conflict("last-admin", "This is the last admin of the company. Name another one first.")

"""One's company: looked at, called something else, led, and left."""

from collections.abc import Sequence
from typing import Protocol

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.audit_view import AuditPage, AuditView, audit_view
from ups_portal.domain.company_view import (
    Company,
    CompanyView,
    Done,
    NoCompanyView,
    PartingView,
    Wanted,
    Wrong,
    company_view,
    is_led_by,
    no_company_view,
    parting_view,
)
from ups_portal.domain.member import Member, Role
from ups_portal.domain.session import Person
from ups_portal.domain.wording import MAX_NAME, clean
from ups_portal.handlers.failures import AwayError, ForbiddenError, NoCompanyError, NotFoundError
from ups_portal.handlers.parts import Missing, together


class OwnCompany(Protocol):
    """Who knows the company of whoever is signed in. Changes give what stands against them; None when it is done.

    Each raises `AwayError` where it applies, and `NoCompanyError` where who asks is in none; those that change
    something raise also `DoubtfulError`, and `NotFoundError` for who is not in the company.
    """

    async def get(self) -> Company:
        """The company."""

    async def members(self) -> Sequence[Member]:
        """All of them, in the order in which they came."""

    async def rename(self, name: str) -> Wrong | None:
        """Give it another name, as an admin."""

    async def set_role(self, user_id: str, role: Role) -> Wrong | None:
        """Make somebody an admin, or a member again, as an admin."""

    async def remove(self, user_id: str) -> Wrong | None:
        """Remove somebody, as an admin; or leave."""

    async def audit(self, cursor: str) -> AuditPage:
        """What was done, for admins: the latest, or from the cursor on.

        Raises:
            ForbiddenError: who asks is no admin.
        """


async def shown(
    company: OwnCompany, reader: str, done: Done | None = None, wanted: Wanted | None = None
) -> CompanyView | NoCompanyView:
    """The page; a part of it is missing while nobody can give it."""
    try:
        known, members = await together(company.get(), company.members())
    except NoCompanyError:
        return no_company_view(done)
    return company_view(
        None if isinstance(known, Missing) else known,
        None if isinstance(members, Missing) else members,
        reader,
        done,
        wanted,
    )


async def rename(company: OwnCompany, name: str) -> Wrong | None:
    """Give it another name, if there is one."""
    if len(name.strip()) > MAX_NAME:
        return Refusal("", "name", "too-long")
    return await company.rename(name) if clean(name) else Refusal("", "name", "no-company")


async def set_role(company: OwnCompany, user_id: str, wanted: str) -> Done | Wrong:
    """Give somebody this role, if it is one."""
    role = next((each for each in Role if each == wanted), None)
    if role is None:
        return Refusal("", "", "nothing-chosen")
    return await company.set_role(user_id, role) or Done(role)


async def parting(company: OwnCompany, user_id: str, reader: Person, against: Wrong | None = None) -> PartingView:
    """The question whether somebody is to go, for admins; whether one is to leave, for everybody.

    Raises:
        NotFoundError: there is nobody like that in the company.
        ForbiddenError: that is for admins.
    """
    members = await company.members()
    member = next((each for each in members if each.user_id == user_id), None)
    if member is None:
        raise NotFoundError("no such member")
    if user_id != reader.user_id and not is_led_by(members, reader.user_id):
        raise ForbiddenError("admins only")
    return parting_view(member, reader.user_id, reader.company, len(members) - 1, against)


async def audit(company: OwnCompany, cursor: str) -> AuditView:
    """What was done.

    Raises:
        AwayError: nobody can say.
    """
    page, members = await together(company.audit(cursor), company.members())
    if isinstance(page, Missing):
        raise AwayError("list audit")
    names = None if isinstance(members, Missing) else {each.user_id: each.called for each in members}
    return audit_view(page, names, cursor)

"""Who is in a company, and as what: joining apart, every step of it. A company with members has an admin."""

from dataclasses import replace
from datetime import datetime

from ups_invite.domain.user import Person, stepped
from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, UserId


def with_role(person: Person, role: Role, now: datetime) -> Person | None:
    """The member with another role; None if they have it already."""
    if person.user.role is role:
        return None
    return stepped(replace(person, user=person.user.model_copy(update={"role": role})), now)


def in_company(person: Person, company_id: CompanyId, now: datetime) -> Person:
    """The person, who is in no company, as a member of this one."""
    member = {"company_id": company_id, "role": Role.MEMBER, "active": True, "member_since": now}
    return stepped(replace(person, user=person.user.model_copy(update=member)), now)


def without_company(person: Person, now: datetime) -> Person:
    """The person after leaving, or being removed: any company may invite them."""
    nothing = {"company_id": None, "role": Role.MEMBER, "active": False, "member_since": None}
    return stepped(replace(person, user=person.user.model_copy(update=nothing)), now)


def is_member(person: Person) -> bool:
    """Whether the person counts in their company: the operator may have closed the account."""
    return person.user.company_id is not None and person.user.active


def leaves_no_admin(person: Person, admins: frozenset[UserId], members: int) -> bool:
    """Whether others would be left without an admin if this one, of so many members, were none any more."""
    return admins == {person.user_id} and members > 1

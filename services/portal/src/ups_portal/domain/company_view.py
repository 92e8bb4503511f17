"""One's company: what it is called, who is in it, and what its admins may do about that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import above, beside
from ups_portal.domain.member import Member, Role
from ups_portal.domain.text import Text, isolated

Wrong = Refusal | TooOften


class Done(StrEnum):
    """What came of a press of a button."""

    RENAMED = "renamed"
    ADMIN = "admin"
    MEMBER = "member"
    REMOVED = "removed"
    LEFT = "left"


class Form(StrEnum):
    """The forms of the page, by what they do."""

    NAME = "name"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Company:
    """The company, by the name that it has."""

    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was entered, and what stands against it."""

    form: Form
    against: Wrong
    name: str = ""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member in the list, and what the reader may do with them. `other_role` is the one that they can be given."""

    user_id: str
    name: str
    address: str
    remarks: tuple[Text, ...]
    since: datetime | None
    is_reader: bool
    other_role: Role | None
    may_remove: bool


@dataclass(frozen=True, slots=True)
class CompanyView:
    """The page. No `company`, or no `members`: they cannot be shown just now."""

    title: Text
    said: Text | None
    company: Company | None
    members: tuple[MemberRow, ...] | None
    reader: str
    is_admin: bool
    name: str
    fault: Text | str
    against: Text | str
    list_against: Text | str


@dataclass(frozen=True, slots=True)
class NoCompanyView:
    """The page of who is in none."""

    title: Text
    said: Text | None


@dataclass(frozen=True, slots=True)
class PartingView:
    """The question whether somebody is really to go, or oneself."""

    title: Text
    user_id: str
    address: str
    leaves: bool
    alone: bool
    against: Text | str


_SAID = {
    Done.RENAMED: Text("The company has its new name."),
    Done.ADMIN: Text("This co-worker is an admin now."),
    Done.MEMBER: Text("This admin is a member again, and no admin any more."),
    Done.REMOVED: Text("This co-worker was removed, and is told by e-mail."),
    Done.LEFT: Text("You have left your company."),
}


def company_view(
    company: Company | None,
    members: Sequence[Member] | None,
    reader: str,
    done: Done | None = None,
    wanted: Wanted | None = None,
) -> CompanyView:
    """The page for the person `reader`, after what was done or with what was wanted."""
    is_admin = is_led_by(members or (), reader)
    naming = wanted if wanted and wanted.form is Form.NAME else None
    managing = wanted if wanted and not naming else None
    alone = len(members or ()) == 1
    return CompanyView(
        Text("Company"),
        _SAID.get(done) if done else None,
        company,
        None if members is None else tuple(_row(each, reader, is_admin=is_admin, alone=alone) for each in members),
        reader,
        is_admin,
        naming.name if naming else company.name if company else "",
        beside(naming.against, "name") if naming else "",
        above(naming.against, "name") if naming else "",
        above(managing.against) if managing else "",
    )


def no_company_view(done: Done | None = None) -> NoCompanyView:
    """The page of who is in none."""
    return NoCompanyView(Text("You are in no company"), _SAID[Done.LEFT] if done is Done.LEFT else None)


def parting_view(member: Member, reader: str, company: str, others: int, against: Wrong | None = None) -> PartingView:
    """The question about this member of a company with so many `others`."""
    leaves = member.user_id == reader
    title = (
        Text("Leave {company}", company=isolated(company))
        if leaves
        else Text("Remove {name}", name=isolated(member.called))
    )
    return PartingView(title, member.user_id, member.address, leaves, leaves and not others, above(against))


def is_led_by(members: Sequence[Member], reader: str) -> bool:
    """Whether the reader is an admin."""
    return any(each.user_id == reader and each.role is Role.ADMIN for each in members)


def _row(member: Member, reader: str, *, is_admin: bool, alone: bool) -> MemberRow:
    is_reader, leads = member.user_id == reader, member.role is Role.ADMIN
    remarks = [Text("Admin") if leads else Text("Member")]
    if is_reader:
        remarks.append(Text("You"))
    if not member.active:
        remarks.append(Text("Account closed"))
    return MemberRow(
        member.user_id,
        member.called,
        member.address if member.name else "",
        tuple(remarks),
        member.since,
        is_reader,
        None if not is_admin or alone else Role.MEMBER if leads else Role.ADMIN,
        may_remove=is_admin and not is_reader,
    )

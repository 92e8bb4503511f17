"""A person, as far as devices and mails about them care."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ups_schemas.account import Role
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.wording import masked, one_line, shortened

MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with an account. Address and name are for mails and stay out of logs."""

    company_id: CompanyId | None
    active: bool
    address: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    zone: str = "UTC"
    language: str = "en"
    role: Role = Role.MEMBER
    member_since: datetime | None = None

    def belongs_to(self, company_id: CompanyId) -> bool:
        """Whether they are an active member of that company."""
        return self.active and self.company_id == company_id

    @property
    def masked_address(self) -> str:
        """The address so that only whoever knows it recognises it."""
        return masked(self.address)

    @property
    def called(self) -> str:
        """The name, made harmless, or else the masked address."""
        return shortened(one_line(self.name), MAX_NAME) or self.masked_address


@dataclass(frozen=True, slots=True)
class Everybody:
    """All people that there are, as of a moment. What is said of the `unreadable` ones could not be read.

    `erased` are those who were seen to go.
    """

    by_id: Mapping[UserId, Member]
    unreadable: Collection[UserId] = ()
    erased: Collection[UserId] = ()

    @property
    def unheard_of(self) -> bool:
        """Whether nobody was ever heard of: rather a topic was lost than everybody erased."""
        return not (self.by_id or self.unreadable or self.erased)

    def __contains__(self, user_id: UserId) -> bool:
        """Whether there is, or may be, such a person."""
        return user_id in self.by_id or user_id in self.unreadable

    def of(self, company_id: CompanyId) -> frozenset[UserId]:
        """Those who are, or may be, in the company, also with an account that the operator has closed."""
        there = (user_id for user_id, member in self.by_id.items() if member.company_id == company_id)
        return frozenset(there) | frozenset(self.unreadable)

    def longest_standing_admin(self, company_id: CompanyId) -> UserId | None:
        """The company's admin of longest standing; of several with the same, and of none, the first by id."""
        admins = [
            (member.member_since is None, member.member_since, user_id)
            for user_id, member in self.by_id.items()
            if member.belongs_to(company_id) and member.role is Role.ADMIN
        ]
        return min(admins)[2] if admins else None

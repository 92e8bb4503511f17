"""The members of a company, as the others see them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a member may do in the company."""

    ADMIN = "admin"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Member:
    """One of them: names from outside, made harmless."""

    user_id: str
    name: str
    address: str
    role: Role
    active: bool
    since: datetime | None

    @property
    def called(self) -> str:
        """The name, or the address of who has none."""
        return self.name or self.address

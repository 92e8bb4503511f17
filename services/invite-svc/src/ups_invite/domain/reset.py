"""Links by which somebody who has lost the password sets another one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ups_invite.domain.token import Token
from ups_invite.domain.writing import Write
from ups_schemas.ids import UserId

GOOD_FOR = timedelta(minutes=60)
# So long it can be told from a link that never was. It holds ids only.
KNOWN_FOR = timedelta(days=7)


class Standing(StrEnum):
    """What a link is good for; `USED` and `VOID` are kept, the others come with time."""

    GOOD = "good"
    USED = "used"
    VOID = "void"  # another link, or a change of the password, came first
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Reset:
    """A mailed link to another password; `ended` says how it came to its end."""

    token_sha256: str
    user_id: UserId
    created_at: datetime
    ended: Standing | None = None

    @property
    def expires_at(self) -> datetime:
        """From when on it is good for nothing."""
        return self.created_at + GOOD_FOR

    @property
    def forgotten_at(self) -> datetime:
        """When nothing of it is kept any more."""
        return self.expires_at + KNOWN_FOR

    def standing(self, now: datetime) -> Standing:
        """What it is good for."""
        if self.ended:
            return self.ended
        return Standing.GOOD if now < self.expires_at else Standing.EXPIRED


def begun(user_id: UserId, token: Token, now: datetime) -> Reset:
    """A link that is on its way."""
    return Reset(token.sha256, user_id, now)


def used(reset: Reset) -> Reset:
    """The link after its use."""
    return replace(reset, ended=Standing.USED)


@dataclass(frozen=True, slots=True)
class AddReset(Write):
    """Keep a link."""

    reset: Reset


@dataclass(frozen=True, slots=True)
class UseReset(Write):
    """Use a link up. Changed: it has come to an end already."""

    reset: Reset


@dataclass(frozen=True, slots=True)
class VoidResets(Write):
    """End all links of the person that have not come to an end."""

    user_id: UserId


@dataclass(frozen=True, slots=True)
class ForgetResets(Write):
    """Keep none of the person's links."""

    user_id: UserId

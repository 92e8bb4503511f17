"""What invite-svc tells about a mailed link to get into an account, and what may stand against using it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AccountLinkKind(StrEnum):
    """What a link is for; it stands in the path."""

    VERIFY = "verify"
    INVITATION = "invitation"
    RESET = "reset"


class Account(StrEnum):
    """Whether an invited address has an account, and where that is a member."""

    NONE = "none"
    FREE = "free"
    MEMBER = "member"
    ELSEWHERE = "elsewhere"


class Done(StrEnum):
    """What came of a press of a button."""

    VERIFIED = "verified"
    JOINED = "joined"
    DECLINED = "declined"
    RESET = "reset"
    MAILED = "mailed"


@dataclass(frozen=True, slots=True)
class Registration:
    """Behind *Verify Address*: what somebody entered."""

    address: str
    zone: str
    expires_at: datetime
    company: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """Behind an invitation."""

    address: str
    zone: str
    expires_at: datetime
    company: str
    inviter: str
    account: Account


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """Behind *Reset Password*."""

    address: str
    zone: str
    expires_at: datetime


class End(StrEnum):
    """Why a link does nothing, or nothing any more."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    VOID = "void"  # something else did what it was for
    REVOKED = "revoked"
    DECLINED = "declined"
    INVITER_GONE = "inviter-gone"


AccountLink = Registration | Invitation | PasswordReset | End


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was entered is not taken; `sentence` says why. No field: it is nothing that was entered.

    `why` is the name of the problem, where a service gave it.
    """

    sentence: str
    field: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class TooOften:
    """Somebody has tried this too often, and may again later."""

    wait_s: int


# None: nothing, it is done.
Against = End | Refusal | TooOften | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a form sent: the text of its fields, empty where there is none."""

    action: str = ""
    name: str = ""
    password: str = field(default="", repr=False)
    again: str = field(default="", repr=False)

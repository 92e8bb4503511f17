"""A mail as plain data: what both its HTML and its text part say. One shape for every kind of mail."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ups_schemas.ids import CompanyId, DeviceId, PeriodId, UserId
from ups_schemas.mail import MailKind


class Tone(StrEnum):
    """The colour of a mail, never the only carrier of what it says."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    OVER = "over"  # something has ended
    PAUSED = "paused"


class Scope(StrEnum):
    """How much event mail somebody has switched off."""

    DEVICE = "device"
    COMPANY = "company"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of plain fact; `beside` is smaller: the same time in UTC, the model of the UPS."""

    label: str
    value: str
    beside: str | None = None
    from_outside: bool = False  # a name that somebody typed: its direction must not turn its neighbours round


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of a list: what, and in lines below it when, where or how often; `figure` stands out beside it."""

    what: str
    details: tuple[str, ...]
    tone: Tone = Tone.INFO
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A list under its heading; `empty` is said when there is nothing in it."""

    title: str
    items: tuple[Item, ...]
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A link to act on."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail to one person: which UPS if it is about one, then facts, then figures to see at a glance.

    `preview` is what an inbox shows behind the subject; `history` is what led to it, below what there is to do.
    """

    kind: MailKind
    subject: str
    preview: str
    tone: Tone
    badge: str
    title: str
    lead: str
    about: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    why: str
    why_link: Action
    action: Action
    figures: tuple[Fact, ...] = ()
    notices: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    history: tuple[Section, ...] = ()
    advice: str = ""
    log_link: Action | None = None  # when the one action is another
    unsubscribe_link: Action | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known at the moment of rendering besides the decision and the reader.

    `ended` says for incidents of the decision when they ended, as far as later decisions that were mailed tell.
    `tells_both`: the decision is an end, and its beginning was not mailed before.
    """

    now: datetime
    ended: tuple[tuple[str, datetime], ...] = ()
    tells_both: bool = False


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """One person's choice to get no event mail of a device, a company, or at all."""

    user_id: UserId
    company_id: CompanyId | None
    device_id: DeviceId | None
    ownership: int | None
    scope: Scope


class Addresses(Protocol):
    """Where the links of a mail lead; nothing in them comes from a request."""

    def log(self, device_id: DeviceId) -> str:
        """The Event Log of a device."""

    def home(self) -> str:
        """The first page of the portal."""

    def devices(self) -> str:
        """All UPSes of the reader's company."""

    def why(self, user_id: UserId, kind: MailKind, device_id: DeviceId | None) -> str:
        """The help entry of a kind of mail."""

    def unsubscribe(self, user_id: UserId, company_id: CompanyId, device_id: DeviceId, ownership: int) -> str:
        """The page, and RFC 8058 address, that ends event mail."""

    def resubscribe(self, choice: Unsubscription) -> str:
        """The page that undoes one choice of getting no event mail."""

    def enable(self, user_id: UserId, device_id: DeviceId, ownership: int, period_id: PeriodId) -> str:
        """The page that ends a disabled period."""

    def verify(self, token: str) -> str:
        """The page that takes a registration's address for verified."""

    def invitation(self, token: str) -> str:
        """The page of an invitation."""

    def reset(self, token: str) -> str:
        """The page that takes a new password."""

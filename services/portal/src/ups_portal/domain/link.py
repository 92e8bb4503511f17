"""What device-svc tells about a mailed link, and what may come of using it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LinkKind(StrEnum):
    """What a link is for; it stands in the path."""

    ENABLE = "enable"
    UNSUBSCRIBE = "unsubscribe"
    RESUBSCRIBE = "resubscribe"
    WHY = "why"


class Scope(StrEnum):
    """How much event mail a choice is about, from little to much."""

    DEVICE = "device"
    COMPANY = "company"
    ALL = "all"


class Notifications(StrEnum):
    """Whether events of a device become mail."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    ENABLING = "enabling"


class Obstacle(StrEnum):
    """Why the reader may not enable."""

    NOT_OWNER = "not_owner"
    OTHER_OWNERSHIP = "other_ownership"
    OTHER_PERIOD = "other_period"
    DEVICE_REMOVED = "device_removed"
    PERSON_REMOVED = "person_removed"


class Result(StrEnum):
    """What came of using a link. Using it again changes nothing, and says so."""

    REQUESTED = "requested"
    ALREADY_REQUESTED = "already_requested"
    ALREADY_ENABLED = "already_enabled"
    UNSUBSCRIBED = "unsubscribed"
    ALREADY_UNSUBSCRIBED = "already_unsubscribed"
    RESUBSCRIBED = "resubscribed"
    ALREADY_SUBSCRIBED = "already_subscribed"


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom the mail was for; the address is masked before it leaves device-svc."""

    address: str
    zone: str


@dataclass(frozen=True, slots=True)
class Device:
    """A UPS as its owner names it: text from outside."""

    name: str
    site: str | None


@dataclass(frozen=True, slots=True)
class Tripping:
    """One of the events that filled the limit."""

    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EnableLink:
    """Behind *Enable Notifications*. No device: it is gone; no reader: the person is."""

    reader: Reader | None
    device: Device | None
    notifications: Notifications | None
    since: datetime | None
    until: datetime | None
    enabled_at: datetime | None
    obstacle: Obstacle | None
    entitled: bool
    subscribed: bool
    tripped_by: tuple[Tripping, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Whether event mail comes, by scope: a wider scope that is off silences the narrower ones."""

    device: bool
    company: bool
    all: bool

    def on(self, scope: Scope) -> bool:
        """Whether nothing of this very scope is turned off."""
        return {Scope.DEVICE: self.device, Scope.COMPANY: self.company, Scope.ALL: self.all}[scope]

    @property
    def widest_off(self) -> Scope | None:
        """The widest scope that is turned off."""
        return next((scope for scope in reversed(Scope) if not self.on(scope)), None)


@dataclass(frozen=True, slots=True)
class SubscriptionLink:
    """Behind *Unsubscribe* and its undo; `scope` is what the link itself proposes."""

    reader: Reader | None
    device: Device | None
    subscribed: Subscribed
    scope: Scope | None
    last_listener: bool


@dataclass(frozen=True, slots=True)
class WhyLink:
    """Behind *Why did I get this e-mail?*: which kind of mail it was, and what the reader gets now."""

    reader: Reader | None
    device: Device | None
    mail: str
    subscribed: Subscribed | None


Link = EnableLink | SubscriptionLink | WhyLink

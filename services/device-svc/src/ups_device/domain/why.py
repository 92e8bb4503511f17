"""Why somebody gets no mail about a device: all that stands between an event and their inbox, in its order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups_device.domain.device import Device
from ups_device.domain.event_log import Presence, Row
from ups_device.domain.member import Member
from ups_device.domain.period import Period, State
from ups_device.domain.subscription import Preferences
from ups_schemas.ids import UserId


class Kind(StrEnum):
    """What a finding is about; in this order they are looked at."""

    ACCOUNT = "account"
    DEVICE = "device"
    PLAN = "plan"
    DISABLED = "disabled"
    SUBSCRIPTION = "subscription"


class Effect(StrEnum):
    """What it does to mails."""

    STOPS = "stops"
    LIMITS = "limits"  # fewer come than one may think, or they may not arrive
    NONE = "none"


class Link(StrEnum):
    """What this person can do about it."""

    PURCHASE = "purchase"
    ENABLE = "enable"
    SUBSCRIPTION = "subscription"  # the choice for this device
    SUBSCRIPTIONS = "subscriptions"  # the wider ones


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `text` is said to the person."""

    kind: Kind
    effect: Effect
    text: str
    since: datetime | None = None
    until: datetime | None = None
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a person and a device.

    `period` is the last disabled one; `counted` are the notifications that stand in the window; `clock_untrusted`: the
    last event came with a time that cannot be.
    """

    user_id: UserId
    member: Member
    device: Device
    preferences: Preferences
    state: State
    period: Period | None
    presence: Presence | None
    counted: int
    clock_untrusted: bool
    now: datetime

    @property
    def owns(self) -> bool:
        """Whether the device is theirs."""
        return self.device.snapshot.owner == self.user_id


@dataclass(frozen=True, slots=True)
class Answer:
    """All that was looked at, in its order."""

    findings: Sequence[Finding]

    @property
    def mailed(self) -> bool:
        """Whether something critical that happens now would be mailed to this person."""
        return not self._of(Effect.STOPS)

    @property
    def reasons(self) -> Sequence[Finding]:
        """What stops mails, then what limits them."""
        return (*self._of(Effect.STOPS), *self._of(Effect.LIMITS))

    @property
    def in_order(self) -> Sequence[Finding]:
        """What does neither."""
        return self._of(Effect.NONE)

    @property
    def text(self) -> str:
        """The answer in a sentence or two."""
        if self.mailed:
            return "If something critical happened to this UPS now, it would be mailed to you."
        return self.reasons[0].text

    def _of(self, effect: Effect) -> Sequence[Finding]:
        return tuple(finding for finding in self.findings if finding.effect is effect)


@dataclass(frozen=True, slots=True)
class Part:
    """One person's part in a row of the log: whether it was to be mailed to them, and what that means."""

    told: bool
    text: str


def part(row: Row, user_id: UserId) -> Part:
    """The person's part in the row."""
    if any(user_id in mail.recipients for mail in row.mailed):
        return Part(told=True, text="To you too. If you did not find it, look in the spam folder.")
    if any(mail.recipients for mail in row.mailed):
        return Part(told=False, text="Not to you: you did not want it then, or were not told that it began.")
    return Part(told=False, text="To nobody." if row.mailed else "Not decided yet.")

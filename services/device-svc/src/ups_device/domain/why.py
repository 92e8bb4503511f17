"""Why somebody gets no mail about a device: all that stands between an event and their inbox, in its order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from ups_device.domain.device import Device
from ups_device.domain.event_log import Presence, Row
from ups_device.domain.mail import Copy, LastMail
from ups_device.domain.member import Member
from ups_device.domain.period import Period, State
from ups_device.domain.subscription import Preferences
from ups_schemas.fate import fate
from ups_schemas.ids import UserId
from ups_schemas.mail import DeliveryState, MailKind


class Kind(StrEnum):
    """What a finding is about; in this order they are looked at."""

    ACCOUNT = "account"
    DEVICE = "device"
    PLAN = "plan"
    DISABLED = "disabled"
    SUBSCRIPTION = "subscription"
    BOUNCE = "bounce"


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
    ACCOUNT = "account"


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
    last_mail: LastMail | None
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
    """One person's part in a row of the log: whether it was to be mailed to them, and what came of that."""

    told: bool
    text: str


def only_own(row: Row, user_id: UserId) -> Row:
    """The row with nothing of what became of others' mails."""
    return replace(row, mails=_own(row, user_id))


def part(row: Row, user_id: UserId, at: Callable[[datetime], str]) -> Part:
    """The person's part in the row; `at` says a moment in their zone."""
    own = _own(row, user_id)
    if own:
        return Part(told=True, text=" ".join(_became_of(copy, at) for copy in own))
    if any(user_id in mail.recipients for mail in row.mailed):
        return Part(told=True, text="To you, but nothing is known of your copy.")
    if row.mails or any(mail.recipients for mail in row.mailed):
        return Part(told=False, text="Not to you: you did not want it then, or were not told that it began.")
    return Part(told=False, text="To nobody." if row.mailed else "Not decided yet.")


def _own(row: Row, user_id: UserId) -> tuple[Copy, ...]:
    return tuple(copy for copy in row.mails if copy.user_id == user_id)


def _became_of(copy: Copy, at: Callable[[datetime], str]) -> str:
    to = "The alert to you" if copy.kind is MailKind.DISABLED else "To you"
    when = f", {at(copy.at)}" if copy.at else ""
    hint = " If you did not find it, look in the spam folder." if copy.state is DeliveryState.ACCEPTED else ""
    return f"{to}: {fate(copy.state or 'pending', copy.reason, copy.smtp_code)}{when}.{hint}"

"""One person's copy of one notification: where it stands, why, and how long it is worth sending."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ups_schemas.ids import DeviceId, EventId, NotificationId, UserId
from ups_schemas.mail import ACCOUNT_MAIL_WITHIN, DeliveryState, MailKind

# As long as a decision is worth telling. Halved: a relay's bad day loses mail; doubled: old news arrives as if new.
_DAY = timedelta(hours=24)
_THREE_DAYS = timedelta(hours=72)
RETRY_AGE: Mapping[MailKind, timedelta] = {
    MailKind.EVENT: _DAY,
    MailKind.LATE_EVENTS: _DAY,
    MailKind.TEST: _DAY,
    MailKind.DISABLED: _THREE_DAYS,
    MailKind.RECONCILE: _THREE_DAYS,
}

# Longer than `ups.decisions` is kept (30 days): a replay of the whole topic must find what was sent.
KEPT = timedelta(days=31)

# What began and ended while nothing could be sent is worth one mail for this long.
WORTH_TELLING = timedelta(hours=6)

# Before that a mail is on its way: a short outage is told as it went, in two mails. Without it whoever is faster, the
# UPS or the notifier, would decide whether it is one mail or two.
HELD_UP = timedelta(minutes=1)


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENDING = "sending"
    RETRY = "retry"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    FAILED = "failed"
    DROPPED = "dropped"


_REPORTED: Mapping[State, DeliveryState] = {
    State.RETRY: DeliveryState.DEFERRED,
    State.UNKNOWN: DeliveryState.UNKNOWN,
    State.ACCEPTED: DeliveryState.ACCEPTED,
    State.FAILED: DeliveryState.FAILED,
    State.DROPPED: DeliveryState.DROPPED,
}


class Reason(StrEnum):
    """Why a delivery is where it is, beyond the server's code."""

    STALE = "stale"  # decided longer ago than the retry age when it was first read
    EXPIRED = "expired"  # what it says, or its link, was good until then only
    GAVE_UP = "gave_up"  # tried until the retry age was over
    DEVICE_REMOVED = "device_removed"
    OWNERSHIP_CHANGED = "ownership_changed"
    PLAN_CHANGED = "plan_changed"  # the plan that it says will end was renewed, or is another
    PERSON_REMOVED = "person_removed"
    NOT_MEMBER = "not_member"
    UNSUBSCRIBED = "unsubscribed"
    RAISE_NOT_SENT = "raise_not_sent"  # the end of what this person was never told
    MERGED = "merged"  # it ended before it was sent: the mail of its end tells both
    OVER = "over"  # it ended before it was sent, hours ago
    BAD_ADDRESS = "bad_address"
    BOUNCED = "bounced"  # it came back; or was not sent, since the mailbox is dead
    COMPLAINT = "complaint"  # not sent: its reader has said that event mail is not wanted
    AFTER_UNKNOWN = "after_unknown"  # accepted now, and perhaps once before: the double that can happen
    DIGEST = "digest"  # told in one mail with others
    ANSWER_LOST = "answer_lost"
    CUT = "cut"  # the connection broke before the server had the message
    REPLY = "reply"  # the server said so, see its code


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the ledger. `version` is one more with each change, and guards each change.

    `open`: something is still to be done, not before `due_at`. `owner` and `attempt` name the attempt under way.
    `frozen` is the message as it went out: while the relay may have it, every later try sends the same bytes.
    Account mail has no device; its `user_id` may be an invitation's id, and it is not sent from `not_after` on.
    `digest_id` is the row that carries the digest which tells this one, itself or another: it alone has the message.
    Rows of a digest under way begin, are taken up and end together. `apart`: no digest may tell it any more.
    """

    delivery_id: str
    notification_id: NotificationId
    kind: MailKind
    user_id: UserId
    device_id: DeviceId | None
    event_id: EventId | None
    device_seq: int
    decided_at: datetime
    due_at: datetime
    state: State = State.PENDING
    open: bool = True
    attempt: int = 0
    version: int = 1
    owner: str | None = None
    reason: Reason | None = None
    smtp_code: int | None = None
    doubtful: bool = False
    data_started_at: datetime | None = None
    frozen: bytes | None = None
    not_after: datetime | None = None
    digest_id: str | None = None
    apart: bool = False

    def too_late(self, now: datetime) -> Reason | None:
        """Why it is not tried any more at `now`, if it is not."""
        if self.not_after is not None and now >= self.not_after:
            return Reason.EXPIRED
        return Reason.GAVE_UP if now >= self.decided_at + retry_age(self.kind) else None

    @property
    def carries(self) -> bool:
        """Whether its mail is its own: no other row carries it in a digest."""
        return self.digest_id in {None, self.delivery_id}

    @property
    def untried(self) -> bool:
        """Whether nothing of it can have reached the relay: it may still be told in another mail."""
        return self.open and self.frozen is None and not self.doubtful and self.data_started_at is None

    @property
    def reported(self) -> DeliveryState | None:
        """What others are told of this state; none while nothing is known."""
        return _REPORTED.get(self.state)


def retry_age(kind: MailKind) -> timedelta:
    """How long after its decision or order a mail of this kind is tried."""
    return RETRY_AGE.get(kind, ACCOUNT_MAIL_WITHIN)


@dataclass(frozen=True, slots=True)
class Fate:
    """Where a delivery stands, and why; `digest_id` as in its row."""

    state: State
    reason: Reason | None
    digest_id: str | None = None

    @property
    def never_told(self) -> bool:
        """Whether it is over and its reader has not got it, nor will get it in another mail."""
        return self.state in {State.FAILED, State.DROPPED} and self.reason is not Reason.MERGED

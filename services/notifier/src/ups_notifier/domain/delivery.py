"""One person's copy of one notification: its life cycle, its next try, and when to give up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from ups_notifier.domain.sending import (
    Accepted,
    AnswerLost,
    Deferred,
    Phase,
    Refused,
    SendResult,
    Superseded,
    Unavailable,
)
from ups_schemas.ids import DeviceId, EventId, NotificationId, UserId
from ups_schemas.mail import DeliveryState, MailKind

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
_ACCOUNT_RETRY_AGE = _THREE_DAYS

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
    return RETRY_AGE.get(kind, _ACCOUNT_RETRY_AGE)


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


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after a try: between `first` and a ceiling that doubles up to `longest`, by chance."""

    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(hours=1)

    def wait(self, attempt: int, chance: float) -> timedelta:
        """The wait after try number `attempt` (from 1); `chance` is uniform in [0, 1)."""
        doublings = min(attempt, 32)  # beyond any ceiling already
        ceiling = max(self.first, min(self.longest, self.first * (1 << doublings)))
        return self.first + (ceiling - self.first) * chance


def begun(delivery: Delivery, owner: str, now: datetime, lease: timedelta, digest_id: str | None = None) -> Delivery:
    """The delivery with a new attempt under way; due again when the lease of its lane could have ended."""
    return _changed(
        delivery,
        state=State.SENDING,
        owner=owner,
        attempt=delivery.attempt + 1,
        due_at=now + lease,
        data_started_at=None,
        digest_id=digest_id,
    )


def data_started(delivery: Delivery, message: bytes) -> Delivery:
    """The delivery as the ledger has it once it was marked as going out in this attempt, save for the moment."""
    return _changed(delivery, frozen=message)


def recovered(delivery: Delivery, carrier: Delivery, now: datetime) -> Delivery:
    """A delivery whose attempt was abandoned: not sent if its carrier was not going out yet, else `unknown`."""
    if carrier.data_started_at is None:
        return _changed(delivery, state=_resting(delivery), owner=None, due_at=now, digest_id=_while_doubtful(delivery))
    return _lost(delivery, now)


def dropped(delivery: Delivery, reason: Reason) -> Delivery:
    """The delivery, over without being sent again."""
    if delivery.doubtful:
        # It may be in the inbox: that stays the last word.
        return _ended(delivery, State.UNKNOWN, reason, delivery.smtp_code)
    return _ended(delivery, State.DROPPED, reason, delivery.smtp_code)


def bounced(delivery: Delivery) -> Delivery:
    """A delivery that the relay took, and that came back; itself if it is not over, or did not go out."""
    if delivery.open or delivery.state not in {State.ACCEPTED, State.UNKNOWN}:
        return delivery
    return _ended(delivery, State.FAILED, Reason.BOUNCED, None)


def reopened(delivery: Delivery, now: datetime) -> Delivery:
    """A delivery that was over, to be tried once more. It keeps its doubt: it may have arrived."""
    return _changed(
        delivery, state=_resting(replace(delivery, reason=None)), open=True, due_at=now, reason=None, digest_id=None
    )


def after(  # noqa: PLR0911 - one return for each way an attempt ends
    delivery: Delivery, result: SendResult, now: datetime, backoff: Backoff, chance: float
) -> Delivery:
    """What an attempt that ended with `result` makes of the delivery. `Superseded` changes nothing."""
    match result:
        case Accepted(code):
            return _ended(delivery, State.ACCEPTED, _why_accepted(delivery), code)
        case Refused(phase, code) if phase is not Phase.RCPT and delivery.digest_id and not delivery.doubtful:
            # its size or its content: each by itself may be taken
            return replace(_again(delivery, code, now + backoff.wait(delivery.attempt, chance)), apart=True)
        case Refused(_, code):
            # refused now says nothing of the try whose answer was lost
            return _ended(delivery, State.UNKNOWN if delivery.doubtful else State.FAILED, Reason.REPLY, code)
        case Deferred(_, code):
            return _again(delivery, code, now + backoff.wait(delivery.attempt, chance))
        case AnswerLost():
            return _lost(delivery, now + backoff.wait(delivery.attempt, chance))
        case Unavailable():
            # not this mail's fault: the try does not count
            return _changed(
                delivery,
                state=_resting(delivery),
                owner=None,
                attempt=delivery.attempt - 1,
                due_at=now,
                data_started_at=None,
                digest_id=_while_doubtful(delivery),
            )
        case Superseded():
            return delivery
        case _:
            assert_never(result)


def all_after(
    deliveries: Sequence[Delivery], result: SendResult, now: datetime, backoff: Backoff, chance: float
) -> list[tuple[Delivery, Delivery]]:
    """What the attempt makes of each delivery that its mail tells; they are due again at one moment."""
    moved = [(each, after(each, result, now, backoff, chance)) for each in deliveries]
    due_at = moved[0][1].due_at
    return [
        (before, replace(then, due_at=due_at) if then.open and then is not before else then) for before, then in moved
    ]


def _again(delivery: Delivery, code: int | None, due_at: datetime) -> Delivery:
    reason = Reason.CUT if code is None else Reason.REPLY
    state = State.UNKNOWN if delivery.doubtful else State.RETRY
    return _changed(
        delivery,
        state=state,
        owner=None,
        due_at=due_at,
        reason=reason,
        smtp_code=code,
        data_started_at=None,
        # the relay surely does not have it: the next try may say that it is late, and what has ended
        frozen=delivery.frozen if delivery.doubtful else None,
        digest_id=_while_doubtful(delivery),
    )


def _why_accepted(delivery: Delivery) -> Reason | None:
    if delivery.doubtful:
        return Reason.AFTER_UNKNOWN
    return Reason.DIGEST if delivery.digest_id else None


def _while_doubtful(delivery: Delivery) -> str | None:
    """What may have arrived in a digest stays in it, to be repeated as it was; all else may go as it fits."""
    return delivery.digest_id if delivery.doubtful else None


def _lost(delivery: Delivery, due_at: datetime) -> Delivery:
    return _changed(
        delivery,
        state=State.UNKNOWN,
        owner=None,
        due_at=due_at,
        reason=Reason.ANSWER_LOST,
        smtp_code=None,
        doubtful=True,
        data_started_at=None,
    )


def _resting(delivery: Delivery) -> State:
    if delivery.doubtful:
        return State.UNKNOWN
    return State.PENDING if delivery.reason is None else State.RETRY


def _ended(delivery: Delivery, state: State, reason: Reason | None, code: int | None) -> Delivery:
    return _changed(
        delivery,
        state=state,
        open=False,
        owner=None,
        reason=reason,
        smtp_code=code,
        data_started_at=None,
        frozen=None,
    )


def _changed(delivery: Delivery, **changes: object) -> Delivery:
    return replace(delivery, version=delivery.version + 1, **changes)  # type: ignore[arg-type]  # fields of its own

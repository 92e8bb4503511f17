"""The life cycle of a delivery: how an attempt begins and ends, when the next one is, and when to give up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from ups_notifier.domain.delivery import Delivery, Reason, State
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


def left_over(deliveries: Sequence[Delivery], reason_by_id: Mapping[str, Reason]) -> list[tuple[Delivery, Delivery]]:
    """What becomes of a digest of which some may not be said any more: those are dropped.

    Of one in doubt the rest stays together, to be written anew, under the same Message-ID if the row that carries it is
    among them. Of any other the rest is free as it is.
    """
    kept = [each for each in deliveries if each.delivery_id not in reason_by_id]
    changes = [
        (each, dropped(each, reason_by_id[each.delivery_id])) for each in deliveries if each.delivery_id in reason_by_id
    ]
    if deliveries[0].doubtful and kept:
        digest_id = kept[0].delivery_id if len(kept) > 1 else None
        changes += [(each, _changed(each, digest_id=digest_id, frozen=None)) for each in kept]
    return changes


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
                frozen=delivery.frozen if delivery.doubtful else None,
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

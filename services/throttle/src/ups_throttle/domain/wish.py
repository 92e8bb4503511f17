"""Who wants to hear of a raise, or why nobody does."""

from collections.abc import Sequence
from typing import NamedTuple

from ups_schemas.decision import Outcome, Reason
from ups_throttle.domain.device import Subscriber
from ups_throttle.domain.draft import Draft


class Wish(NamedTuple):
    """Those who want it; if there are none, the outcome says why."""

    by: Sequence[Subscriber]
    outcome: Outcome = Outcome.NOTIFY
    reason: Reason | None = None


def wish(draft: Draft, at_ms: int, raised: Sequence[tuple[str, int]]) -> Wish:
    """Who wants to hear of any of `raised`, which are codes and ranks of severity."""
    view = draft.view
    if view is None:
        return Wish((), Outcome.NOT_ENTITLED, draft.absent)
    if not view.is_entitled(at_ms):
        return Wish((), Outcome.NOT_ENTITLED, Reason.PLAN)
    by = [who for who in view.subscribers if who.wants_any(raised)]
    if by:
        return Wish(by)
    heard = any(who.on for who in view.subscribers)
    return Wish((), Outcome.BELOW_SEVERITY if heard else Outcome.NO_SUBSCRIBER)

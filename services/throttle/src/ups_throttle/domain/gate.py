"""Whether a notification that somebody is to have may go out now."""

from typing import NamedTuple

from ups_schemas.decision import Outcome
from ups_schemas.ids import PeriodId
from ups_throttle.domain.device import Device
from ups_throttle.domain.draft import Draft
from ups_throttle.domain.output import Count


class Gate(NamedTuple):
    """NOTIFY with its place in the window, SUPPRESSED with the period it lies in, or DISABLED: one too many."""

    outcome: Outcome
    place: Count | None = None
    period_id: PeriodId | None = None


def gate(draft: Draft, view: Device, at_ms: int) -> Gate:
    """Judge by the periods first, by the window then."""
    period_id = draft.disabled_at(at_ms)
    if period_id is not None:
        return Gate(Outcome.SUPPRESSED, period_id=period_id)
    position = len(draft.window(at_ms, view.window_ms)) + 1
    if position > view.limit:
        return Gate(Outcome.DISABLED)
    return Gate(Outcome.NOTIFY, Count(position, view.limit, view.window_ms // 1000))

"""One device's events, commands and timers → its new state and the decisions. Total, pure, no clock, no chance.

`t` of an event is when it was received, but never before the device's last one. What is due at `t` comes first, so that
no verdict depends on when a timer fired.
"""

from typing import NamedTuple

from ups_schemas.catalogue import STATUS
from ups_schemas.decision import EnabledBy, Outcome, Reason
from ups_schemas.device import EnableNotifications
from ups_schemas.envelope import milliseconds
from ups_schemas.ids import event_notification_id, short_hash
from ups_throttle.domain import late, period
from ups_throttle.domain.conditions import is_stale
from ups_throttle.domain.device import Device
from ups_throttle.domain.draft import Draft, has_seen
from ups_throttle.domain.event import Event
from ups_throttle.domain.judge import judge
from ups_throttle.domain.output import Output
from ups_throttle.domain.record import event_decided
from ups_throttle.domain.state import DAY_MS, HOUR_MS, State


class Step(NamedTuple):
    """The new state (the same object if nothing changed, none if nothing is worth remembering), and the decisions."""

    state: State | None
    outputs: tuple[Output, ...]
    duplicate: bool = False


def decide(state: State | None, event: Event, received_ms: int, device: Device | None) -> Step:
    """Decide on one event; `received_ms` is its record's timestamp, `device` the newest snapshot known."""
    before = state or State(event.device_id, event.ownership)
    at_ms = max(received_ms, before.last_ms)
    digest = short_hash(event.event_id)
    if event.ownership <= before.ownership and has_seen(before, digest, at_ms):
        return Step(state, (), duplicate=True)
    if event.code == STATUS and not (event.suspect or event.test):
        return Step(state, ())
    draft = Draft(before, device)
    ownership = max(event.ownership, 0 if device is None else device.ownership)
    if ownership > draft.ownership:
        if draft.period is not None:
            period.end(draft, draft.period, at_ms, EnabledBy.OWNERSHIP_ENDED)
        draft.renew(ownership)
    _fire_due(draft, at_ms)
    if draft.view is None and draft.period is not None:
        period.end(draft, draft.period, at_ms, EnabledBy.OWNERSHIP_ENDED)
    draft.remember(digest, at_ms)
    if event.suspect:
        event_decided(draft, event, at_ms, Outcome.SUSPECT)
    elif event.ownership < draft.ownership:
        event_decided(draft, event, at_ms, Outcome.NOT_ENTITLED, reason=Reason.OWNERSHIP_ENDED)
    elif event.test:
        _test(draft, event, at_ms)
    else:
        judge(draft, event, received_ms, at_ms)
    return Step(draft.finish(), tuple(draft.outputs))


def command(state: State | None, order: EnableNotifications, device: Device | None) -> Step:
    """End the period that the order names; of any other it says nothing."""
    if (
        state is None
        or state.period is None
        or (order.ownership, order.period_id) != (state.ownership, state.period.period_id)
    ):
        return Step(state, ())
    draft = Draft(state, device)
    at_ms = milliseconds(order.enabled_at)
    if at_ms < state.period.until_ms:
        period.end(draft, state.period, at_ms, EnabledBy.HAND, order)
    else:
        period.end(draft, state.period, at_ms, EnabledBy.TIME)
    return Step(draft.finish(), tuple(draft.outputs))


def due(state: State, now_ms: int, device: Device | None) -> Step:
    """Fire what is due at `now_ms`, each as of its own moment, however late. What came before must be decided."""
    earliest = next_due(state)
    if earliest is None or now_ms < earliest:
        return Step(state, ())
    draft = Draft(state, device)
    _fire_due(draft, now_ms)
    return Step(draft.finish(), tuple(draft.outputs))


def next_due(state: State) -> int | None:
    """When the next timer is due: the end of the period, or the quiet after late events."""
    if state.late is None:
        return None if state.period is None else state.period.until_ms
    return state.late.due_ms if state.period is None else min(state.late.due_ms, state.period.until_ms)


def forgettable(state: State, now_ms: int, device: Device | None) -> bool:
    """Whether nothing of the state can matter any more, all being decided up to `now_ms`, give or take an hour.

    Never while the device exists: its `device_seq` must not begin again.
    """
    if device is not None or next_due(state) is not None or now_ms - state.last_ms < DAY_MS + HOUR_MS:
        return False
    if state.closed is not None and now_ms - state.closed.enabled_at_ms < HOUR_MS:
        return False
    return all(is_stale(incident, now_ms) for incident in state.incidents)


def _fire_due(draft: Draft, at_ms: int) -> None:
    """Fire what is due, earliest first; of equals the end of the period, which is no longer in it."""
    while True:
        until_ms = at_ms + 1 if draft.period is None else draft.period.until_ms
        if draft.late is not None and draft.late.due_ms <= at_ms and draft.late.due_ms < until_ms:
            late.tell(draft, draft.late)
        elif draft.period is not None and until_ms <= at_ms:
            period.end(draft, draft.period, until_ms, EnabledBy.TIME)
        else:
            return


def _test(draft: Draft, event: Event, at_ms: int) -> None:
    """Mail to who asked. Of a device that is not known nothing can be said."""
    asked_by = () if event.requested_by is None or draft.view is None else (event.requested_by,)
    event_decided(
        draft,
        event,
        at_ms,
        Outcome.TEST,
        reason=draft.absent if draft.view is None else None,
        notification_id=event_notification_id(event.device_id, event.event_id) if asked_by else None,
        recipients=asked_by,
    )

"""A disabled period: its start, and its end, exactly once."""

import msgspec

from ups_schemas.decision import EnabledBy
from ups_schemas.device import EnableNotifications
from ups_schemas.envelope import format_milliseconds
from ups_schemas.ids import NotificationId, PeriodId, UserId, disabled_notification_id, enabled_notification_id
from ups_throttle.domain.conditions import is_stale
from ups_throttle.domain.device import Device
from ups_throttle.domain.draft import Draft, joined
from ups_throttle.domain.output import Actor, Happened, NotificationsDisabled, NotificationsEnabled, Tripping
from ups_throttle.domain.record import basis_of, incidents
from ups_throttle.domain.state import Closed, Counted, Period


def start(draft: Draft, view: Device, period_id: PeriodId, tripping: Counted) -> None:
    """Disable notifications as of the one that was one too many; the alert goes out in its place."""
    filled = draft.window(tripping.at_ms, view.window_ms)
    draft.counted = ()
    draft.period = Period(period_id, tripping.at_ms, tripping.at_ms + view.period_ms)
    draft.put(
        NotificationsDisabled(
            device_id=draft.device_id,
            company_id=view.company_id,
            ownership=draft.ownership,
            device_seq=draft.next_seq(),
            basis=basis_of(view),
            period_id=period_id,
            since=format_milliseconds(draft.period.since_ms),
            until=format_milliseconds(draft.period.until_ms),
            tripped_by=tuple(
                Tripping(one.event_id, one.code, one.phase, format_milliseconds(one.at_ms))
                for one in (*filled, tripping)
            ),
            open=incidents(draft, [one for one in draft.incidents if not is_stale(one, tripping.at_ms)]),
            owner=view.owner,
            notification_id=disabled_notification_id(period_id),
            recipients=view.listeners(),
        ),
        period_id,
        tripping.at_ms,
    )


def end(draft: Draft, period: Period, at_ms: int, by: EnabledBy, order: EnableNotifications | None = None) -> None:
    """Enable notifications again as of `at_ms`, or of the nearest moment that lies in the period.

    Whom the reconcile mail goes to has been told of all that is open. There is none without a view of the device.
    """
    view = draft.view
    if view is None:
        by, order = EnabledBy.OWNERSHIP_ENDED, None
    enabled_at_ms = min(max(at_ms, period.since_ms), period.until_ms)
    draft.period = None
    draft.closed = Closed(period.period_id, period.since_ms, enabled_at_ms)
    notification_id = None
    recipients: tuple[UserId, ...] = ()
    if view is not None and by is not EnabledBy.OWNERSHIP_ENDED and view.is_entitled(enabled_at_ms):
        recipients = view.listeners()
        if recipients:
            notification_id = enabled_notification_id(period.period_id)
            _count_as_told(draft, view, enabled_at_ms, notification_id)
    draft.put(
        NotificationsEnabled(
            device_id=draft.device_id,
            company_id=None if view is None else view.company_id,
            ownership=draft.ownership,
            device_seq=draft.next_seq(),
            basis=basis_of(view),
            period_id=period.period_id,
            since=format_milliseconds(period.since_ms),
            until=format_milliseconds(period.until_ms),
            enabled_at=format_milliseconds(enabled_at_ms),
            by=by,
            actor=None if order is None else Actor(order.actor.kind, order.actor.user_id, order.actor.via),
            command_reason="" if order is None else order.reason,
            open=incidents(draft, [one for one in draft.incidents if not is_stale(one, enabled_at_ms)]),
            happened=tuple(Happened(code, raised, cleared) for code, (raised, cleared) in period.happened.items()),
            suppressed_count=period.suppressed,
            notification_id=notification_id,
            recipients=recipients,
        ),
        period.period_id,
        enabled_at_ms,
    )


def _count_as_told(draft: Draft, view: Device, at_ms: int, notification_id: NotificationId) -> None:
    bits = draft.tell([who for who in view.subscribers if who.on])
    for index, incident in enumerate(draft.incidents):
        if not is_stale(incident, at_ms):
            draft.incidents[index] = msgspec.structs.replace(
                incident, told=joined(incident.told, bits), told_in=notification_id
            )

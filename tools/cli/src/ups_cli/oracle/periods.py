"""How a disabled period starts and ends."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from ups_cli.oracle.desk import Desk
from ups_cli.oracle.history import Past
from ups_cli.oracle.said import is_entitled
from ups_schemas import decision as wire
from ups_schemas import ids
from ups_schemas.decision import EnabledBy, Outcome
from ups_schemas.device import EnableNotifications


def disable(desk: Desk, period_id: str, tripping: wire.Tripping) -> None:
    """Start the period at what was one too many."""
    if desk.view is None:
        raise ValueError("of a device that is not known nothing can be one too many")
    at = tripping.at
    alert = wire.NotificationsDisabled(
        **desk.head(),
        period_id=period_id,
        since=at,
        until=at + timedelta(seconds=desk.view.policy.period_s),
        tripped_by=(*desk.history.window(at, desk.view), tripping),
        open=desk.listed(desk.history.open_at(at)),
        owner=desk.view.owner,
        notification_id=ids.disabled_notification_id(period_id),
        recipients=desk.listening(),
    )
    desk.keep(Past(at, alert))


def enable(desk: Desk, at: datetime, by: EnabledBy, order: EnableNotifications | None = None) -> None:
    """End the period that runs, if one does."""
    running, view = desk.history.running(), desk.view
    if running is None:
        return
    if view is None:
        by, order = EnabledBy.OWNERSHIP_ENDED, None
    at = min(max(at, running.since), running.until)
    hears = view is not None and by is not EnabledBy.OWNERSHIP_ENDED and is_entitled(view, at)
    recipients = desk.listening() if hears else ()
    notification_id = ids.enabled_notification_id(running.period_id) if recipients else None
    still_open = desk.history.open_at(at)
    if recipients:
        still_open = [replace(one, told=one.told | set(recipients), told_in=notification_id) for one in still_open]
    lived = desk.history.since_start()
    came = Counter(code for past in lived for code in past.came)
    went = Counter(code for past in lived for code in past.went)
    codes = dict.fromkeys(code for past in lived for code in (*past.came, *past.went))
    reconcile = wire.NotificationsEnabled(
        **desk.head(),
        period_id=running.period_id,
        since=running.since,
        until=running.until,
        enabled_at=at,
        by=by,
        actor=order.actor if order else None,
        command_reason=order.reason if order else "",
        open=desk.listed(still_open),
        happened=tuple(wire.Happened(code=code, raised=came[code], cleared=went[code]) for code in codes),
        suppressed_count=sum(getattr(past.decision, "outcome", None) is Outcome.SUPPRESSED for past in lived),
        notification_id=notification_id,
        recipients=recipients,
    )
    desk.keep(Past(at, reconcile, now=tuple(still_open)))

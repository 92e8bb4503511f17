"""What late events left open and untold, in one notification when they have stopped coming."""

import msgspec

from ups_schemas.decision import Outcome
from ups_schemas.envelope import format_milliseconds
from ups_schemas.ids import late_notification_id, period_id
from ups_throttle.domain import period
from ups_throttle.domain.conditions import is_stale
from ups_throttle.domain.draft import Draft
from ups_throttle.domain.gate import Gate, gate
from ups_throttle.domain.output import LateEventsDecided
from ups_throttle.domain.record import basis_of, incidents
from ups_throttle.domain.state import Counted, Incident, LateTimer
from ups_throttle.domain.wish import wish

# Halved: a device that sends its backlog slowly gets two mails; doubled: the outage that it tells of waits longer.
QUIET_MS = 60_000


def tell(draft: Draft, timer: LateTimer) -> None:
    """Decide, as of the moment the timer was due, on what is still open and untold; nothing if there is nothing."""
    at_ms = timer.due_ms
    draft.late = None
    untold = [one for one in draft.incidents if _is_untold(one, at_ms)]
    if not untold:
        return
    view = draft.view
    wanted = wish(draft, at_ms, [(one.code, one.rank) for one in untold])
    passage = Gate(wanted.outcome, period_id=draft.disabled_at(at_ms))
    last = Counted(at_ms, timer.event_id, timer.code, timer.phase)
    notification_id = late_notification_id(draft.device_id, timer.event_id)
    if view is not None and wanted.by:
        passage = gate(draft, view, at_ms)
    is_mailed = passage.outcome is Outcome.NOTIFY
    trips = passage.outcome is Outcome.DISABLED
    # not the event's own: that one may have started a period, too
    disabled_in = period_id(draft.device_id, notification_id) if trips else passage.period_id
    told = draft.tell(wanted.by) if is_mailed else b""
    listed: list[Incident] = []
    for index, one in enumerate(draft.incidents):
        if _is_untold(one, at_ms):
            judged = msgspec.structs.replace(one, late=False, told=told, told_in=notification_id if is_mailed else None)
            draft.incidents[index] = judged
            listed.append(judged)
    if is_mailed:
        draft.count(last)
    draft.happened((), (), suppressed=passage.outcome is Outcome.SUPPRESSED)
    draft.put(
        LateEventsDecided(
            device_id=draft.device_id,
            company_id=None if view is None else view.company_id,
            ownership=draft.ownership,
            device_seq=draft.next_seq(),
            basis=basis_of(view),
            last_event_id=timer.event_id,
            effective_at=format_milliseconds(at_ms),
            outcome=passage.outcome,
            reason=wanted.reason,
            open=incidents(draft, listed),
            count=passage.place,
            notification_id=notification_id if is_mailed else None,
            recipients=tuple(who.user_id for who in wanted.by) if is_mailed else (),
            period_id=disabled_in,
        ),
        timer.event_id,
        at_ms,
    )
    if view is not None and disabled_in is not None and trips:
        period.start(draft, view, disabled_in, last)


def _is_untold(incident: Incident, at_ms: int) -> bool:
    return incident.late and not incident.told and not is_stale(incident, at_ms)

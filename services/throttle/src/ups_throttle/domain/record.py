"""Parts of decisions as they go out."""

from collections.abc import Iterable
from functools import lru_cache

from ups_schemas.decision import Basis, Count, EventDecided, Note, Outcome, Reason
from ups_schemas.decision import Incident as WireIncident
from ups_schemas.device import Plan, Policy
from ups_schemas.envelope import from_milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.ids import NotificationId, PeriodId, UserId, incident_id
from ups_throttle.domain.device import SEVERITIES, Device
from ups_throttle.domain.draft import Draft
from ups_throttle.domain.state import Incident

# A record on the brokers has at most 1 MiB: 64 incidents told to 500 people each would not fit.
MAX_LISTED = 5_000

_NO_BASIS = Basis()


@lru_cache(maxsize=1024)
def _basis(version: int, plan: str, until_ms: int | None, limit: int, window_ms: int, period_ms: int) -> Basis:
    return Basis(
        device_version=version,
        plan=Plan.model_validate({"name": plan, "until": None if until_ms is None else from_milliseconds(until_ms)}),
        policy=Policy(limit=limit, window_s=window_ms // 1000, period_s=period_ms // 1000),
    )


def basis_of(device: Device | None) -> Basis:
    """What a decision by this device's snapshot was judged by."""
    if device is None:
        return _NO_BASIS
    return _basis(device.version, device.plan, device.plan_until_ms, device.limit, device.window_ms, device.period_ms)


def incidents(draft: Draft, listed: Iterable[Incident]) -> tuple[WireIncident, ...]:
    """Incidents as they go out, with those told of them whom the snapshot lists (5,000 names in all)."""
    subscribers = draft.view.subscribers if draft.view is not None else ()
    room = MAX_LISTED
    result = []
    for incident in listed:
        told: tuple[UserId, ...] = ()
        if incident.told and room > 0:
            told = tuple(who.user_id for who in subscribers if draft.was_told(who, incident.told))
            room -= len(told)
        result.append(
            WireIncident.trusted(
                incident_id=incident_id(draft.device_id, incident.event_id, incident.code),
                event_id=incident.event_id,
                code=incident.code,
                severity=SEVERITIES[incident.rank],
                since=from_milliseconds(incident.since_ms),
                occurred_at=None if incident.occurred_ms is None else from_milliseconds(incident.occurred_ms),
                text=incident.text,
                told=told,
                told_in=incident.told_in,
            )
        )
    return tuple(result)


def rank_of(draft: Draft, event: AcceptedEvent) -> int:
    """The severity in force: the company's, else the event's."""
    view = draft.view
    own = event.severity.rank
    return own if view is None or event.ownership != draft.ownership else view.rank_by_code.get(event.code, own)


def event_decided(
    draft: Draft,
    event: AcceptedEvent,
    at_ms: int,
    outcome: Outcome,
    *,
    reason: Reason | None = None,
    notes: tuple[Note, ...] = (),
    opened: tuple[WireIncident, ...] = (),
    closed: tuple[WireIncident, ...] = (),
    count: Count | None = None,
    notification_id: NotificationId | None = None,
    recipients: tuple[UserId, ...] = (),
    period_id: PeriodId | None = None,
) -> None:
    """Add the event's row. Of another ownership than the event's it says nothing."""
    view = draft.view if event.ownership == draft.ownership else None
    draft.outputs.append(
        EventDecided.trusted(
            device_id=event.device_id,
            company_id=None if view is None else view.company_id,
            ownership=event.ownership,
            device_seq=draft.next_seq(),
            basis=basis_of(view),
            event=event,
            effective_at=from_milliseconds(at_ms),
            severity=SEVERITIES[rank_of(draft, event)],
            outcome=outcome,
            reason=reason,
            notes=notes,
            opened=opened,
            closed=closed,
            count=count,
            notification_id=notification_id,
            recipients=recipients,
            period_id=period_id,
        )
    )

"""Parts of decisions as they go out."""

from collections.abc import Sequence
from functools import lru_cache

from ups_schemas.decision import Note, Outcome, Reason
from ups_schemas.envelope import format_milliseconds
from ups_schemas.ids import IncidentId, NotificationId, PeriodId, UserId, incident_id
from ups_throttle.domain.device import SEVERITIES, Device
from ups_throttle.domain.draft import Draft
from ups_throttle.domain.event import Event
from ups_throttle.domain.output import Basis, Count, EventDecided, Plan, Policy
from ups_throttle.domain.output import Incident as Told
from ups_throttle.domain.state import Incident

# A record on the brokers has at most 1 MiB: 64 incidents told to 500 people each would not fit.
MAX_LISTED = 5_000

_NO_BASIS = Basis()


@lru_cache(maxsize=1024)
def _basis(version: int, plan: str, until_ms: int | None, limit: int, window_ms: int, period_ms: int) -> Basis:
    until = None if until_ms is None else format_milliseconds(until_ms)
    return Basis(version, Plan(plan, until), Policy(limit, window_ms // 1000, period_ms // 1000))


def basis_of(device: Device | None) -> Basis:
    """What a decision by this device's snapshot was judged by."""
    if device is None:
        return _NO_BASIS
    return _basis(device.version, device.plan, device.plan_until_ms, device.limit, device.window_ms, device.period_ms)


def id_of(draft: Draft, incident: Incident | None) -> IncidentId | None:
    """The incident's id as it goes out."""
    return None if incident is None else incident_id(draft.device_id, incident.event_id, incident.code)


def incidents(draft: Draft, listed: Sequence[Incident]) -> tuple[Told, ...]:
    """Incidents as they go out, with those told of them whom the snapshot lists (5,000 names in all)."""
    if not listed:
        return ()
    room = MAX_LISTED
    result = []
    for incident in listed:
        told: tuple[UserId, ...] = ()
        if incident.told and room > 0:
            told = tuple([who.user_id for who in draft.told_by(incident.told)])
            room -= len(told)
        result.append(
            Told(
                incident_id(draft.device_id, incident.event_id, incident.code),
                incident.event_id,
                incident.code,
                SEVERITIES[incident.rank],
                format_milliseconds(incident.since_ms),
                None if incident.occurred_ms is None else format_milliseconds(incident.occurred_ms),
                incident.text,
                told,
                incident.told_in,
            )
        )
    return tuple(result)


def rank_of(draft: Draft, event: Event) -> int:
    """The severity in force: what the owner set for the code, else the event's."""
    view = draft.view
    if view is None or event.ownership != draft.ownership:
        return event.rank
    return view.rank_by_code.get(event.code, event.rank)


def event_decided(
    draft: Draft,
    event: Event,
    at_ms: int,
    outcome: Outcome,
    *,
    reason: Reason | None = None,
    notes: tuple[Note, ...] = (),
    opened: tuple[Told, ...] = (),
    closed: tuple[Told, ...] = (),
    confirmed: IncidentId | None = None,
    evicted: IncidentId | None = None,
    count: Count | None = None,
    notification_id: NotificationId | None = None,
    recipients: tuple[UserId, ...] = (),
    period_id: PeriodId | None = None,
) -> None:
    """Add the event's row. Of another ownership than the event's it says nothing."""
    view = draft.view if event.ownership == draft.ownership else None
    draft.put(
        EventDecided(
            device_id=event.device_id,
            company_id=None if view is None else view.company_id,
            ownership=event.ownership,
            device_seq=draft.next_seq(),
            basis=basis_of(view),
            event=event.json,
            effective_at=format_milliseconds(at_ms),
            severity=SEVERITIES[rank_of(draft, event)],
            outcome=outcome,
            reason=reason,
            notes=notes,
            opened=opened,
            closed=closed,
            confirmed=confirmed,
            evicted=evicted,
            count=count,
            notification_id=notification_id,
            recipients=recipients,
            period_id=period_id,
        ),
        event.event_id,
        at_ms,
    )

"""Conditions of devices: what decisions say of each, and when it is over."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from ups_device.domain import plan
from ups_schemas.catalogue import CONDITION_BY_CODE, Severity
from ups_schemas.decision import (
    EventDecided,
    Incident,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
)
from ups_schemas.event import Code
from ups_schemas.ids import CompanyId, DeviceId, EventId, IncidentId

Decision = EventDecided | LateEventsDecided | NotificationsDisabled | NotificationsEnabled

# As the throttle takes a condition of a code that its catalogue does not have.
_STALE_AFTER = timedelta(hours=24)


class End(StrEnum):
    """How a condition ended."""

    CLEARED = "cleared"
    NOT_REPORTED = "not_reported"  # not confirmed for so long that it is taken as over
    EVICTED = "evicted"  # 64 conditions were open: dropped for the 65th, whatever became of it
    OWNERSHIP_ENDED = "ownership_ended"  # the device was removed or handed over, whatever became of it


@dataclass(frozen=True, slots=True)
class Condition:
    """One occurrence of a condition (an incident), as decisions told it; `company_id` may come later than the rest.

    `repeats` counts how often it was reported once more, `confirmed_at` is when last, by decision `device_seq`.
    """

    incident_id: IncidentId
    device_id: DeviceId
    ownership: int
    company_id: CompanyId | None
    event_id: EventId
    code: Code
    text: str | None
    severity: Severity
    since: datetime
    confirmed_at: datetime
    repeats: int = 0
    device_seq: int = 0
    ended_at: datetime | None = None
    end: End | None = None

    @property
    def is_open(self) -> bool:
        """Whether nothing ended it."""
        return self.end is None

    @property
    def over_at(self) -> datetime:
        """When it ended, or will be taken as over if nobody confirms it."""
        return self.ended_at or self.confirmed_at + stale_after(self.code)

    @property
    def duration_s(self) -> float | None:
        """How long it lasted, if its end was reported."""
        return (self.ended_at - self.since).total_seconds() if self.ended_at and self.end is End.CLEARED else None

    def as_of(self, now: datetime, *, owned: bool = True) -> "Condition":
        """The condition at that moment; `owned`: the device is there, and of the ownership it had."""
        if self.end is None and now >= self.over_at:
            return replace(self, ended_at=self.over_at, end=End.NOT_REPORTED)
        return self if self.end or owned else replace(self, end=End.OWNERSHIP_ENDED)


class Ending(NamedTuple):
    """How and when a condition ended."""

    end: End
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """What decisions of one device say of one incident.

    `told` is as one of them lists it, none if all only name it; `code` is none where only an end is told.
    `confirmed_at` is by `device_seq` of the decision: a condition that has seen a later one has counted it. `kept` is
    for how long after its end it is kept.
    """

    incident_id: IncidentId
    device_id: DeviceId
    ownership: int
    company_id: CompanyId | None
    kept: timedelta
    told: Incident | None = None
    code: Code | None = None
    confirmed_at: Mapping[int, datetime] = field(default_factory=dict)
    ending: Ending | None = None

    def then(self, later: "Change") -> "Change":
        """Both, as one."""
        return replace(
            later,
            company_id=later.company_id or self.company_id,
            told=self.told or later.told,
            code=self.code or later.code,
            confirmed_at={**self.confirmed_at, **later.confirmed_at},
            ending=self.ending or later.ending,
        )

    def applied_to(self, condition: Condition | None) -> Condition | None:
        """The condition as it is then; again changes nothing. None if it is not known, and only named."""
        if condition is None:
            if self.told is None:
                return None
            condition = self._opened(self.told)
        new = {seq: at for seq, at in self.confirmed_at.items() if seq > condition.device_seq}
        ending = Ending(condition.end, condition.ended_at) if condition.end and condition.ended_at else self.ending
        return replace(
            condition,
            company_id=self.company_id or condition.company_id,
            repeats=condition.repeats + len(new),
            device_seq=max(condition.device_seq, *new) if new else condition.device_seq,
            confirmed_at=max(condition.confirmed_at, *new.values()) if new else condition.confirmed_at,
            end=ending.end if ending else None,
            ended_at=ending.at if ending else None,
        )

    def _opened(self, told: Incident) -> Condition:
        return Condition(
            self.incident_id,
            self.device_id,
            self.ownership,
            self.company_id,
            told.event_id,
            told.code,
            told.text,
            told.severity,
            since=told.since,
            confirmed_at=told.since,
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A place among a device's conditions, which are read from the newest on: by `since`, then by id."""

    since: datetime
    incident_id: IncidentId


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions of one device in one ownership that were open at some moment of `[start, end)`, older than `after`.

    `is_open` asks for those that are open `now`, or for those that are not.
    """

    device_id: DeviceId
    ownership: int
    now: datetime
    limit: int
    is_open: bool | None = None
    start: datetime | None = None
    end: datetime | None = None
    after: Place | None = None


def stale_after(code: Code) -> timedelta:
    """How long a condition of the code is believed in without being confirmed."""
    condition = CONDITION_BY_CODE.get(code)
    return condition.stale_after if condition else _STALE_AFTER


def changes(decisions: Iterable[Decision]) -> list[Change]:
    """What the decisions say of each incident; those of one device are in their order."""
    by_id: dict[IncidentId, Change] = {}
    for decision in decisions:
        for change in _changes(decision):
            before = by_id.get(change.incident_id)
            by_id[change.incident_id] = before.then(change) if before else change
    return list(by_id.values())


def _changes(decision: Decision) -> Iterator[Change]:
    at = _moment(decision)
    kept = plan.RETENTION[plan.in_force(decision.basis.plan, at)]

    def change(incident_id: IncidentId) -> Change:
        return Change(incident_id, decision.device_id, decision.ownership, decision.company_id, kept)

    def listed(incident: Incident) -> Change:
        return replace(change(incident.incident_id), told=incident, code=incident.code)

    if not isinstance(decision, EventDecided):
        yield from map(listed, decision.open)
        return
    for incident in decision.closed:
        yield replace(listed(incident), ending=Ending(End.CLEARED, at))
    if decision.confirmed:
        again = {decision.device_seq: at}
        yield replace(change(decision.confirmed), code=decision.event.code, confirmed_at=again)
    if decision.evicted:
        yield replace(change(decision.evicted), ending=Ending(End.EVICTED, at))
    yield from map(listed, decision.opened)


def _moment(decision: Decision) -> datetime:
    match decision:
        case NotificationsDisabled():
            return decision.since
        case NotificationsEnabled():
            return decision.enabled_at
        case _:
            return decision.effective_at

"""The conditions that a part of a device's decisions proves to be open, and who was told of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ups_cli.oracle.history import DAY
from ups_schemas import ids
from ups_schemas.catalogue import CONDITION_BY_CODE
from ups_schemas.decision import (
    Decision,
    EventDecided,
    Incident,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
    Outcome,
)
from ups_schemas.envelope import milliseconds
from ups_throttle.domain.state import Incident as Remembered


def people(incident: Remembered, table: list[bytes]) -> set[bytes]:
    """Hashes of the users that were told of the incident, by the table that its bits stand for."""
    bits = int.from_bytes(incident.told, "little")
    return {digest for place, digest in enumerate(table) if bits >> place & 1}


@dataclass
class Known:
    """What the decisions say of one open condition.

    `since` and `rank` are known when its raise is, and then none but `perhaps_told` can be told of it. `told` are
    those who certainly were, and can't have been forgotten since they were mailed whenever anybody was.
    `is_confirmed`: `confirmed` is exact, else it was not before that.
    """

    code: str
    confirmed: datetime
    is_confirmed: bool = False
    since: datetime | None = None
    rank: int | None = None
    told: set[str] = field(default_factory=set)
    perhaps_told: set[str] | None = None

    @property
    def stale_at(self) -> datetime:
        """From when on it may be taken as over."""
        condition = CONDITION_BY_CODE.get(self.code)
        return self.confirmed + (DAY if condition is None else condition.stale_after)

    def differences(self, remembered: Remembered, told: set[bytes]) -> Iterator[str]:
        """In what the throttle remembers it otherwise."""
        moment = milliseconds(self.confirmed)
        if remembered.confirmed_ms < moment or (self.is_confirmed and remembered.confirmed_ms != moment):
            yield f"open conditions: {self.code} confirmed at {remembered.confirmed_ms}, the decisions say {moment}"
        if self.since is not None and remembered.since_ms != milliseconds(self.since):
            since = milliseconds(self.since)
            yield f"open conditions: {self.code} open since {remembered.since_ms}, the decisions say {since}"
        if self.rank is not None and remembered.rank != self.rank:
            yield f"open conditions: {self.code} of severity {remembered.rank}, the decisions say {self.rank}"
        perhaps = told if self.perhaps_told is None else {ids.short_hash(who) for who in self.perhaps_told}
        if {ids.short_hash(who) for who in self.told} - told or told - perhaps:
            yield f"who was told of {self.code}: others than the decisions say"


class Conditions:
    """Takes decisions in order; `open`, `gone` (since when each was) and `unknown` are by the incident's id.

    Unknown for good is what is so long taken as over that it may have gone without a word, and what shares its id with
    another: a device can use an event id again. Of what is in none of them only decisions that are gone could tell.
    """

    def __init__(self) -> None:
        self.open: dict[str, Known] = {}
        self.gone: dict[str, set[int]] = {}
        self.unknown: set[str] = set()

    def take(self, decision: Decision) -> None:
        """Take the next decision."""
        self._tell(decision)
        match decision:
            case EventDecided():
                self._row(decision)
            case LateEventsDecided() | NotificationsDisabled() | NotificationsEnabled():
                self._listed(decision.open)

    def _tell(self, decision: Decision) -> None:
        """Who is mailed is remembered; who is not may be forgotten, if too many are."""
        if isinstance(decision, NotificationsDisabled) or not decision.recipients:
            return
        if isinstance(decision, EventDecided) and decision.outcome is Outcome.TEST:
            return
        recipients = set(decision.recipients)
        for known in self.open.values():
            known.told &= recipients
            if known.perhaps_told is not None:
                known.perhaps_told |= recipients

    def _listed(self, incidents: tuple[Incident, ...]) -> None:
        for one in incidents:
            if one.incident_id in self.unknown:
                continue
            known = self.open.setdefault(one.incident_id, Known(one.code, one.since, since=one.since))
            known.told.update(one.told)

    def _row(self, row: EventDecided) -> None:
        for one in row.closed:
            self._remove(one.incident_id, one.since)
        if row.evicted is not None:
            known = self.open.get(row.evicted)
            self._remove(row.evicted, None if known is None else known.since)
        if row.confirmed is not None and row.confirmed not in self.unknown:
            known = self.open.setdefault(row.confirmed, Known(row.event.code, row.effective_at))
            known.confirmed, known.is_confirmed = row.effective_at, True
        for one in row.opened:
            if one.incident_id in self.open:
                self._give_up(one.incident_id)
            if one.incident_id in self.unknown:
                continue
            self.open[one.incident_id] = Known(
                one.code,
                row.effective_at,
                is_confirmed=True,
                since=one.since,
                rank=one.severity.rank,
                told=set(one.told),
                perhaps_told=set(row.recipients),
            )
        for incident_id in [each for each, known in self.open.items() if known.stale_at <= row.effective_at]:
            self._give_up(incident_id)

    def _remove(self, incident_id: str, since: datetime | None) -> None:
        self.open.pop(incident_id, None)
        moments = self.gone.setdefault(incident_id, set())
        if since is not None:
            moments.add(milliseconds(since))

    def _give_up(self, incident_id: str) -> None:
        del self.open[incident_id]
        self.unknown.add(incident_id)

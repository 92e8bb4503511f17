"""How a device stands now, by several decisions about it that one person has not been mailed of yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from ups_notifier.domain.addressing import Reader, decided_at
from ups_notifier.domain.event_letter import runtime_of, shown_at
from ups_notifier.domain.framing import Frame
from ups_notifier.domain.letter import Addresses, Situation
from ups_schemas.catalogue import Severity
from ups_schemas.decision import EventDecided, Incident, LateEventsDecided


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits for a person: a decision, its reader with the device as it is now, and what is known beside."""

    decision: EventDecided | LateEventsDecided
    reader: Reader
    situation: Situation


class Group(IntEnum):
    """What matters most about a device, the most pressing first."""

    ON_BATTERY = 0
    OPEN = 1
    HAPPENED = 2
    OVER = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """One device: what is open (the worst first), what has ended and when, and what only happened.

    `runtime` and `charge_percent` are what the device said last, at `read_at`. `last` is its last decision.
    """

    frame: Frame
    last: EventDecided | LateEventsDecided
    open: tuple[Incident, ...]
    ended: tuple[tuple[Incident, datetime], ...]
    happened: tuple[EventDecided, ...]
    runtime: timedelta | None
    charge_percent: float | None
    read_at: datetime | None

    @property
    def group(self) -> Group:
        """Where it belongs."""
        if any(each.code == "ON_BATTERY" for each in self.open):
            return Group.ON_BATTERY
        if self.open:
            return Group.OPEN
        return Group.HAPPENED if self.happened else Group.OVER

    @property
    def worst(self) -> Severity | None:
        """Of what is open, or has only happened; none if all is over."""
        severities = [each.severity for each in self.open] + [each.severity for each in self.happened]
        return max(severities, key=lambda each: each.rank, default=None)

    @property
    def urgency(self) -> tuple[bool, timedelta, int, datetime, str]:
        """Sorts devices: what is open first, there the shortest runtime, then the worst, then the oldest."""
        return (
            not self.open,
            self.runtime if self.open and self.runtime is not None else timedelta.max,
            -self.worst.rank if self.worst else 1,
            decided_at(self.last),
            self.last.device_id,
        )


def standing(pending: Sequence[Pending], addresses: Addresses) -> Standing:
    """How their one device stands, by these in any order."""
    ordered = sorted(pending, key=lambda each: each.decision.device_seq)
    incidents: dict[str, Incident] = {}
    ended: dict[str, datetime] = {}
    happened: list[EventDecided] = []
    read: EventDecided | None = None
    for each in ordered:
        decision = each.decision
        ended |= dict(each.situation.ended)
        if isinstance(decision, LateEventsDecided):
            incidents |= {incident.incident_id: incident for incident in decision.open}
            continue
        incidents |= {incident.incident_id: incident for incident in (*decision.opened, *decision.closed)}
        ended |= {incident.incident_id: shown_at(decision.event) for incident in decision.closed}
        if not (decision.opened or decision.closed):
            happened.append(decision)
        if decision.event.attributes.battery_runtime_s is not None:
            read = decision
    last = ordered[-1]
    still_open = (each for each in incidents.values() if each.incident_id not in ended)
    return Standing(
        frame=Frame(last.decision, last.reader, last.situation, addresses),
        last=last.decision,
        open=tuple(sorted(still_open, key=lambda each: (-each.severity.rank, each.since))),
        ended=tuple((each, ended[each.incident_id]) for each in incidents.values() if each.incident_id in ended),
        happened=tuple(happened),
        runtime=runtime_of(read.event) if read else None,
        charge_percent=read.event.attributes.battery_charge_percent if read else None,
        read_at=shown_at(read.event) if read else None,
    )

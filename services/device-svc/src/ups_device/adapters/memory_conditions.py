"""The fake of the store of conditions: it passes the same contract as the one on MongoDB."""

from collections.abc import Collection, Sequence
from datetime import datetime

from ups_device.domain.condition import Change, Condition, Query
from ups_schemas.ids import DeviceId, IncidentId


class MemoryConditions:
    """What is wrong with devices, and what was."""

    def __init__(self) -> None:
        self.conditions: dict[IncidentId, Condition] = {}

    async def apply(self, changes: Sequence[Change]) -> None:
        """Make these changes."""
        for change in changes:
            if condition := change.applied_to(self.conditions.get(change.incident_id)):
                self.conditions[change.incident_id] = condition

    async def find(self, incident_ids: Collection[IncidentId]) -> Sequence[Condition]:
        """Those of these incidents that are known."""
        return [self.conditions[each] for each in set(incident_ids) if each in self.conditions]

    async def page(self, query: Query) -> Sequence[Condition]:
        """The newest that fit."""
        fitting = [each for each in self.conditions.values() if _fits(each, query)]
        return sorted(fitting, key=_place, reverse=True)[: query.limit]

    async def open_of(self, device_ids: Collection[DeviceId], now: datetime) -> Sequence[Condition]:
        """What is open at these devices."""
        return [each for each in self.conditions.values() if each.device_id in device_ids and each.as_of(now).is_open]


def _place(condition: Condition) -> tuple[datetime, IncidentId]:
    return condition.since, condition.incident_id


def _fits(condition: Condition, query: Query) -> bool:
    after = query.after
    return (
        (condition.device_id, condition.ownership) == (query.device_id, query.ownership)
        and query.is_open in (None, condition.as_of(query.now).is_open)
        and (query.start is None or condition.over_at > query.start)
        and (query.end is None or condition.since < query.end)
        and (after is None or _place(condition) < (after.since, after.incident_id))
    )

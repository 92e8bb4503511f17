"""Conditions: kept as decisions tell them, and read as they are now."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Protocol

from ups_device.domain import condition as conditions
from ups_device.domain.condition import Change, Condition, Decision, Query
from ups_device.domain.device import Device
from ups_device.domain.event_log import Belonging, row_id
from ups_device.handlers.refusals import unknown_device
from ups_schemas.ids import DeviceId, IncidentId


class Store(Protocol):
    """Where conditions are kept."""

    async def apply(self, changes: Sequence[Change]) -> None:
        """Make these changes, of one incident each; those that were made already change nothing."""

    async def find(self, incident_ids: Collection[IncidentId]) -> Sequence[Condition]:
        """Those of these incidents that are known."""

    async def page(self, query: Query) -> Sequence[Condition]:
        """The newest that fit."""

    async def open_of(self, device_ids: Collection[DeviceId], now: datetime) -> Sequence[Condition]:
        """What is open at these devices, in whatever ownership."""


class Devices(Protocol):
    """Which devices there are."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""

    async def belongings(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Belonging]:
        """Whose these devices are, also removed ones; unknown ones are left out."""


class Conditions:
    """What is wrong with devices, and what was."""

    def __init__(self, store: Store, devices: Devices, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._devices = devices
        self._now = now

    async def record(self, decisions: Sequence[Decision]) -> Collection[str]:
        """Keep what the decisions say; those of one device come in their order, and as often as one likes.

        Gives the rows of the events that opened what they are about.
        """
        changes = conditions.changes(decisions)
        if not changes:
            return ()
        await self._store.apply(changes)
        named = [change.incident_id for change in changes if change.told is None]
        openings = [(change.device_id, change.told.event_id) for change in changes if change.told]
        if named:
            openings += [(each.device_id, each.event_id) for each in await self._store.find(named)]
        return {row_id(*opening) for opening in openings}

    async def of(self, incident_ids: Collection[IncidentId]) -> Mapping[IncidentId, Condition]:
        """Those of these incidents that are known, as they are now: one query, or two if any is open."""
        now = self._now()
        found = [each.as_of(now) for each in await self._store.find(incident_ids)] if incident_ids else []
        still = {each.device_id for each in found if each.is_open}
        belongings = await self._devices.belongings(still) if still else {}
        return {each.incident_id: each.as_of(now, owned=_owned(each, belongings)) for each in found}

    async def page(
        self,
        device_id: DeviceId,
        limit: int,
        *,
        is_open: bool | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        after: conditions.Place | None = None,
    ) -> Sequence[Condition]:
        """The newest conditions of the device in its present ownership.

        Raises:
            NotFound: there is no such device, and never was.
        """
        device = await self._devices.find(device_id)
        if device is None:
            raise unknown_device()
        now, owned = self._now(), device.removed_at is None
        if is_open and not owned:
            return []
        wanted = is_open if owned else None
        query = Query(device_id, device.snapshot.ownership, now, limit, wanted, start, end, after)
        return [each.as_of(now, owned=owned) for each in await self._store.page(query)]

    async def open_conditions(self, devices: Iterable[Device]) -> Mapping[DeviceId, Sequence[Condition]]:
        """What is open now at each of these devices, in its present ownership, the worst first: one query for all."""
        ownership_by_id = {each.device_id: each.snapshot.ownership for each in devices if each.removed_at is None}
        found = await self._store.open_of(ownership_by_id, self._now()) if ownership_by_id else []
        ours = [each for each in found if each.ownership == ownership_by_id[each.device_id]]
        ours.sort(key=lambda each: (each.device_id, -each.severity.rank, each.since, each.incident_id))
        return {device_id: list(open_) for device_id, open_ in groupby(ours, key=lambda each: each.device_id)}


def _owned(condition: Condition, belongings: Mapping[DeviceId, Belonging]) -> bool:
    """Whether the device is there, and of the ownership it had; nobody ever owned one that is not known."""
    belonging = belongings.get(condition.device_id)
    return belonging is None or (not belonging.is_removed and belonging.ownership <= condition.ownership)

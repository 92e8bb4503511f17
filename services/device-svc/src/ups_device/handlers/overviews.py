"""Overviews of many devices at once: one query for each kind of thing, however many devices there are."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ups_device.domain import period as periods
from ups_device.domain import plan
from ups_device.domain.condition import Condition
from ups_device.domain.device import Device
from ups_device.domain.event_log import DeviceLog, Presence
from ups_device.domain.member import Member
from ups_device.domain.overview import Overview
from ups_device.domain.period import Period
from ups_device.domain.subscription import hear
from ups_schemas.ids import DeviceId, UserId


class Log(Protocol):
    """Where it is kept when devices were last seen."""

    async def presences(self, logs: Collection[DeviceLog]) -> Mapping[DeviceLog, Presence]:
        """When each device was last seen in that ownership; those that never were are left out."""


class Periods(Protocol):
    """The disabled periods, as the throttle told of them."""

    async def running(self, device_ids: Collection[DeviceId]) -> Sequence[Period]:
        """The periods of these devices, in whatever ownership, that the throttle has not ended."""


class Conditions(Protocol):
    """What is wrong with devices."""

    async def open_conditions(self, devices: Iterable[Device]) -> Mapping[DeviceId, Sequence[Condition]]:
        """What is open now at each of these devices, in its present ownership, the worst first."""


class Users(Protocol):
    """Who is who, as `accounts.users` says."""

    async def members(self, user_ids: Collection[UserId]) -> Mapping[UserId, Member]:
        """Those of these people that there are, as of now.

        Raises:
            Retryable: it is not known yet who there is.
        """


class Overviews:
    """How devices are."""

    def __init__(
        self, log: Log, store: Periods, conditions: Conditions, users: Users, *, now: Callable[[], datetime]
    ) -> None:
        self._log = log
        self._periods = store
        self._conditions = conditions
        self._users = users
        self._now = now

    async def of(self, devices: Sequence[Device]) -> Sequence[Overview]:
        """These devices as they are now, in the same order: three queries at once, for one device or five hundred."""
        logs = {each.device_id: DeviceLog(each.device_id, each.snapshot.ownership) for each in devices}
        presences, periods_there, open_conditions, people = await asyncio.gather(
            self._log.presences(logs.values()),
            self._periods.running(logs.keys()),
            self._conditions.open_conditions(devices),
            self._users.members({user_id for each in devices for user_id in hear(each.snapshot)}),
        )
        running: dict[DeviceLog, Period] = {}
        for period in sorted(periods_there, key=lambda each: each.since):
            running[DeviceLog(period.device_id, period.ownership)] = period
        now = self._now()

        def overview(device: Device) -> Overview:
            snapshot, log = device.snapshot, logs[device.device_id]
            heard = [people[user_id] for user_id in hear(snapshot) if user_id in people]
            return Overview(
                device,
                plan.in_force(snapshot.plan, now),
                periods.state(running.get(log), now),
                running.get(log),
                open_conditions.get(device.device_id, ()),
                presences.get(log),
                sum(person.belongs_to(snapshot.company_id) for person in heard),
            )

        return [overview(device) for device in devices]

"""The Event Log: events and decisions written down in whatever order they come, and read page by page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, assert_never

from ups_device.domain import plan
from ups_device.domain.device import Device
from ups_device.domain.event_log import DeviceLog, Presence, Query, Row, leaves_row
from ups_device.handlers.refusals import NotFound
from ups_schemas.decision import (
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
)
from ups_schemas.event import AcceptedEvent
from ups_schemas.ids import CompanyId, DeviceId

Fact = AcceptedEvent | EventDecided | LateEventsDecided | NotificationsDisabled | NotificationsEnabled


class Log(Protocol):
    """Where rows are kept. Each method may be called again with the same, and in any order."""

    async def add_event(self, event: AcceptedEvent, company_id: CompanyId | None, kept_until: datetime) -> None:
        """Add the event's row; one that is there stays as it is, but for a company that it lacks."""

    async def add_decision(self, decision: EventDecided, kept_until: datetime) -> None:
        """Put the decision into the event's row, and make the row if it is not there."""

    async def add_late_mail(self, mail: LateEventsDecided) -> None:
        """Say in the rows of the events whose conditions it lists that, and when, they were mailed after all."""

    async def seen(self, event: AcceptedEvent) -> None:
        """The device lives; of a STATUS pulse, what it read. An older one changes nothing."""

    async def presence(self, device_id: DeviceId, ownership: int) -> Presence | None:
        """When the device was last seen; None if it never was."""

    async def page(self, query: Query) -> Sequence[Row]:
        """The newest rows that fit."""


class Periods(Protocol):
    """Where disabled periods are kept. Each method may be called again with the same, and in any order."""

    async def began(self, period: NotificationsDisabled) -> None:
        """Notifications of the device are off."""

    async def ended(self, period: NotificationsEnabled) -> None:
        """Notifications of the device are on again."""


class Devices(Protocol):
    """Which devices there are."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""


class EventLog:
    """What happened to each device, and what became of it."""

    def __init__(self, log: Log, periods: Periods, devices: Devices) -> None:
        self._log = log
        self._periods = periods
        self._devices = devices

    async def record(self, fact: Fact) -> None:
        """Write down one record of `ups.events` or `ups.decisions`; again is harmless, and so is any order."""
        match fact:
            case AcceptedEvent():
                await self._log.seen(fact)
                if leaves_row(fact):
                    # The decision will say how long; until it comes, as long as can be.
                    kept_until = fact.received_at + plan.LONGEST_RETENTION
                    await self._log.add_event(fact, await self._company(fact), kept_until)
            case EventDecided():
                kept_until = plan.kept_until(
                    fact.basis.plan, effective_at=fact.effective_at, received_at=fact.event.received_at
                )
                await self._log.add_decision(fact, kept_until)
            case LateEventsDecided():
                await self._log.add_late_mail(fact)
            case NotificationsDisabled():
                await self._periods.began(fact)
            case NotificationsEnabled():
                await self._periods.ended(fact)
            case _:
                assert_never(fact)

    async def of_device(self, device_id: DeviceId) -> DeviceLog:
        """The log of the device in its present ownership.

        Raises:
            NotFound: there is no such device, and never was.
        """
        device = await self._devices.find(device_id)
        if device is None:
            raise NotFound("unknown-device", "There is no such device.")
        return DeviceLog(device_id, device.snapshot.ownership)

    async def page(self, query: Query) -> Sequence[Row]:
        """A page of the log, newest first."""
        return await self._log.page(query)

    async def presence(self, device: Device) -> Presence | None:
        """When the device was last seen in its present ownership; None if it never was."""
        return await self._log.presence(device.device_id, device.snapshot.ownership)

    async def _company(self, event: AcceptedEvent) -> CompanyId | None:
        device = await self._devices.find(event.device_id)
        if device is None or device.snapshot.ownership != event.ownership:
            return None
        return device.snapshot.company_id

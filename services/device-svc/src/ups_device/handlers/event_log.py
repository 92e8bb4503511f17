"""The Event Log: events and decisions written down in whatever order they come, and read page by page."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, assert_never

from ups_device.domain import plan
from ups_device.domain.day_counts import MAX_ROWS, DayCount, DayCounts, Days
from ups_device.domain.device import Device
from ups_device.domain.event_log import (
    Belonging,
    CompanyLog,
    DeviceLog,
    NewDecision,
    NewEvent,
    Presence,
    Query,
    Row,
    leaves_row,
    row_id,
)
from ups_device.handlers.conditions import Conditions
from ups_device.handlers.mails import Mails
from ups_device.handlers.refusals import unknown_device
from ups_schemas.decision import (
    EventDecided,
    LateEventsDecided,
    NotificationsDisabled,
    NotificationsEnabled,
)
from ups_schemas.event import AcceptedEvent
from ups_schemas.ids import CompanyId, DeviceId
from ups_schemas.mail import MailDelivery

Fact = MailDelivery | AcceptedEvent | EventDecided | LateEventsDecided | NotificationsDisabled | NotificationsEnabled


class Log(Protocol):
    """Where rows are kept. Each method may be called again with the same, and in any order."""

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        """Add the events' rows; one that is there stays as it is, but for a company that it lacks."""

    async def add_decisions(self, decisions: Sequence[NewDecision]) -> None:
        """Put the decisions into the events' rows, and make those that are not there."""

    async def touch(self, rows: Collection[str]) -> None:
        """These rows, where they are there, have something new to show, which is kept elsewhere."""

    async def add_late_mail(self, mail: LateEventsDecided) -> None:
        """Say in the rows of the events whose conditions it lists that, and when, they were mailed after all."""

    async def seen(self, events: Sequence[AcceptedEvent]) -> None:
        """The devices live; of a STATUS pulse, what it read. An older one changes nothing."""

    async def presences(self, logs: Collection[DeviceLog]) -> Mapping[DeviceLog, Presence]:
        """When each device was last seen in that ownership; those that never were are left out."""

    async def page(self, query: Query) -> Sequence[Row]:
        """The newest rows that fit."""

    async def rows(self, company_id: CompanyId, row_ids: Collection[str]) -> Sequence[Row]:
        """Those of these rows that the company has, oldest first."""

    async def beyond(self, company: CompanyLog, days: Days, rows: int) -> datetime | None:
        """When the newest came of those rows of the days that are too many; None if there are at most `rows`."""

    async def day_counts(self, company: CompanyLog, days: Days) -> Sequence[DayCount]:
        """How many rows there are of each day and code, where there are any, in any order."""


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

    async def belongings(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Belonging]:
        """Whose these devices are, also removed ones; unknown ones are left out."""


class EventLog:
    """What happened to each device, and what became of it."""

    def __init__(self, log: Log, periods: Periods, devices: Devices, conditions: Conditions, mails: Mails) -> None:
        self._log = log
        self._periods = periods
        self._devices = devices
        self._conditions = conditions
        self._mails = mails

    async def record(self, *facts: Fact) -> None:
        """Write down records of `ups.events`, `ups.decisions` and `mail.deliveries`; again is harmless, in any order.

        Only a mail of late events must not come before the decisions on them, which the same partition has first.
        """
        events = [fact for fact in facts if isinstance(fact, AcceptedEvent)]
        if events:
            # a test is the operator's word, and no sign of life
            await self._log.seen([event for event in events if not event.test])
            await self._add_events([event for event in events if leaves_row(event)])
        # before the rows: whoever sees a row change sees its conditions and mails, too
        decided = [fact for fact in facts if not isinstance(fact, AcceptedEvent | MailDelivery)]
        touched = set(await self._conditions.record(decided))
        await self._mails.expect(decided)
        touched |= set(await self._mails.report([fact for fact in facts if isinstance(fact, MailDelivery)]))
        decisions = [NewDecision(fact, _kept_until(fact)) for fact in facts if isinstance(fact, EventDecided)]
        if decisions:
            await self._log.add_decisions(decisions)
        if others := touched - {row_id(new.decision.device_id, new.decision.event.event_id) for new in decisions}:
            await self._log.touch(others)
        for fact in facts:
            match fact:
                case MailDelivery() | AcceptedEvent() | EventDecided():
                    pass
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
            raise unknown_device()
        return DeviceLog(device_id, device.snapshot.ownership)

    async def page(self, query: Query) -> Sequence[Row]:
        """A page of the log, newest first: its rows, their conditions and their mails are a query each."""
        return await self._whole(await self._log.page(query))

    async def rows(self, company_id: CompanyId, row_ids: Collection[str]) -> Sequence[Row]:
        """Those of these rows that the company has, oldest first."""
        return await self._whole(await self._log.rows(company_id, row_ids)) if row_ids else ()

    async def day_counts(self, company: CompanyLog, days: Days, most: int = MAX_ROWS) -> DayCounts:
        """How many rows there are of each of these days; where they are more than `most`, of the newest ones."""
        beyond = await self._log.beyond(company, days, most)
        counted = days if beyond is None else days.after(beyond)
        return DayCounts(counted, await self._log.day_counts(company, counted), beyond is None)

    async def presence(self, device: Device) -> Presence | None:
        """When the device was last seen in its present ownership; None if it never was."""
        log = DeviceLog(device.device_id, device.snapshot.ownership)
        return (await self._log.presences([log])).get(log)

    async def _whole(self, rows: Sequence[Row]) -> Sequence[Row]:
        confirmed = [row.decision.confirmed if row.decision else None for row in rows]
        named = {each for row in rows for each in row.opened} | {each for each in confirmed if each is not None}
        conditions = await self._conditions.of(named)
        mails = await self._mails.of({each for row in rows for each in row.notifications})
        return [
            replace(
                row,
                conditions=tuple(conditions[each] for each in row.opened if each in conditions),
                confirmed=conditions.get(again) if again is not None else None,
                mails=tuple(copy for each in row.notifications for copy in mails.get(each, ())),
            )
            for row, again in zip(rows, confirmed, strict=True)
        ]

    async def _add_events(self, events: Sequence[AcceptedEvent]) -> None:
        if not events:
            return
        belongings = await self._devices.belongings({event.device_id for event in events})
        # The decision will say how long a row is kept; until it comes, as long as can be.
        await self._log.add_events(
            [
                NewEvent(event, _company(event, belongings), event.received_at + plan.LONGEST_RETENTION)
                for event in events
            ]
        )


def _company(event: AcceptedEvent, belongings: Mapping[DeviceId, Belonging]) -> CompanyId | None:
    belonging = belongings.get(event.device_id)
    return belonging.company_id if belonging and belonging.ownership == event.ownership else None


def _kept_until(decision: EventDecided) -> datetime:
    return plan.kept_until(
        decision.basis.plan, effective_at=decision.effective_at, received_at=decision.event.received_at
    )

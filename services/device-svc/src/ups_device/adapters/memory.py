"""Fakes of the stores: they pass the same contract as those on MongoDB, and remember what they would publish."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ups_device.domain.company import Company
from ups_device.domain.day_counts import DayCount, Days
from ups_device.domain.device import Change, Device, Named, settle
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
from ups_device.domain.gateway import Gateway
from ups_device.domain.policy import Override
from ups_device.domain.subscription import Preferences
from ups_device.handlers.devices import Place
from ups_runtime.errors import AlreadyExists, Changed
from ups_schemas.decision import LateEventsDecided
from ups_schemas.device import Policy
from ups_schemas.event import AcceptedEvent
from ups_schemas.ids import CompanyId, DeviceId, Id, UserId
from ups_schemas.mail import MailRequest


class MemoryPeople:
    """What people prefer."""

    def __init__(self) -> None:
        self.people: dict[UserId, Preferences] = {}
        self.unsettled_people: set[UserId] = set()
        self.mails: list[MailRequest] = []

    async def preferences(self, user_ids: Collection[UserId]) -> Mapping[UserId, Preferences]:
        """What each of these people prefers."""
        return {user_id: self.people.get(user_id, Preferences(user_id)) for user_id in user_ids}

    async def save_preferences(self, preferences: Preferences, mail: MailRequest | None) -> None:
        """Keep someone's next version as not settled, and the mail."""
        there = self.people.get(preferences.user_id, Preferences(preferences.user_id))
        if there.version != preferences.version - 1:
            raise Changed
        self.people[preferences.user_id] = preferences
        self.unsettled_people.add(preferences.user_id)
        self.mails += [mail] if mail else []

    async def settled(self, preferences: Preferences) -> None:
        """Every device has them."""
        if self.people.get(preferences.user_id) == preferences:
            self.unsettled_people.discard(preferences.user_id)

    async def everyone(self) -> Collection[UserId]:
        """Those who ever chose."""
        return set(self.people)

    async def forget(self, user_ids: Collection[UserId]) -> None:
        """Forget what they prefer."""
        for user_id in user_ids:
            self.people.pop(user_id, None)

    async def unsettled(self) -> Collection[UserId]:
        """Whose preferences are perhaps not in every device."""
        return set(self.unsettled_people)


class MemoryDevices:
    """Devices, companies and gateways; `people` is where it is kept what their subscribers prefer."""

    def __init__(self, people: MemoryPeople | None = None) -> None:
        self.devices: dict[DeviceId, Device] = {}
        self.companies: dict[CompanyId, Company] = {}
        self.gateways: dict[Id, Gateway] = {}
        self.people = people or MemoryPeople()
        self.changes: list[Change] = []

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""
        return self.devices.get(device_id)

    async def add(self, change: Change, company: Company) -> None:
        """Keep a new device."""
        if change.device.device_id in self.devices:
            raise AlreadyExists
        if await self.company(company.company_id) != company:
            raise Changed
        self._keep(change)

    async def save(self, *changes: Change, mail: MailRequest | None = None) -> None:
        """Keep the next version of devices, and the mail."""
        if any(self.devices[each.device.device_id].version != each.device.version - 1 for each in changes):
            raise Changed
        self._keep(*changes)
        self.people.mails += [mail] if mail else []

    async def published(self) -> None:
        """What is kept is published."""

    async def page(self, company_id: CompanyId | None, after: Place | None, limit: int) -> Sequence[Device]:
        """Devices that are not removed, oldest first."""
        living = (device for device in self.devices.values() if device.removed_at is None)
        ours = (device for device in living if company_id in (None, device.snapshot.company_id))
        start = (after.created_at, after.device_id) if after else None
        there = sorted((device.created_at, device.device_id) for device in ours)
        return [self.devices[device_id] for at, device_id in there if start is None or (at, device_id) > start][:limit]

    async def names_page(self, company_id: CompanyId, after: Place | None, limit: int) -> Sequence[Named]:
        """What the company's devices are called, in the same order."""
        return [
            Named(each.device_id, each.snapshot.name, each.snapshot.site, each.created_at)
            for each in await self.page(company_id, after, limit)
        ]

    async def company(self, company_id: CompanyId) -> Company:
        """The company; at version 0 if it has set nothing."""
        return self.companies.get(company_id, Company(company_id))

    async def overrides(self) -> Mapping[CompanyId, Override]:
        """What companies have set."""
        return {company.company_id: company.override for company in self.companies.values()}

    async def save_company(self, company: Company) -> None:
        """Keep the company's next version."""
        if (await self.company(company.company_id)).version != company.version - 1:
            raise Changed
        self.companies[company.company_id] = company

    async def devices_other_than(
        self, policy: Policy, company_id: CompanyId | None, but: tuple[CompanyId, ...]
    ) -> tuple[DeviceId, ...]:
        """Devices whose policy, leaving aside what their owners set, is another."""
        return tuple(
            device.device_id
            for device in self.devices.values()
            if device.removed_at is None
            and device.base != policy
            and company_id in (None, device.snapshot.company_id)
            and device.snapshot.company_id not in but
        )

    async def devices_of(self, company_id: CompanyId, device_ids: Collection[DeviceId]) -> Collection[DeviceId]:
        """Those of these that are the company's, and not removed."""
        there = [self.devices[device_id] for device_id in device_ids if device_id in self.devices]
        return {d.device_id for d in there if d.snapshot.company_id == company_id and d.removed_at is None}

    async def belongings(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, Belonging]:
        """Whose these devices are."""
        return {
            device_id: Belonging(
                device.snapshot.ownership, device.snapshot.company_id, is_removed=device.removed_at is not None
            )
            for device_id, device in self.devices.items()
            if device_id in device_ids
        }

    async def names(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, str]:
        """The names of these devices."""
        return {each: self.devices[each].snapshot.name for each in device_ids if each in self.devices}

    async def find_gateway(self, gateway_id: Id) -> Gateway | None:
        """The gateway."""
        return self.gateways.get(gateway_id)

    async def add_gateway(self, gateway: Gateway) -> None:
        """Keep a new gateway."""
        if gateway.gateway_id in self.gateways:
            raise AlreadyExists
        self.gateways[gateway.gateway_id] = gateway

    async def save_gateway(self, gateway: Gateway) -> None:
        """Keep the next version of a gateway's key."""
        if self.gateways[gateway.gateway_id].key.version != gateway.key.version - 1:
            raise Changed
        self.gateways[gateway.gateway_id] = gateway

    async def unlike(self, preferences: Preferences, limit: int) -> Sequence[Device]:
        """Devices in which the person's subscription is not as these preferences have it."""
        living = (device for device in self.devices.values() if device.removed_at is None)
        others = [device for device in living if settle(device, preferences, device.created_at)]
        return sorted(others, key=lambda device: device.device_id)[:limit]

    def _keep(self, *changes: Change) -> None:
        by = {each for change in changes for each in change.preferences}
        if any(self.people.people.get(each.user_id, Preferences(each.user_id)) != each for each in by):
            raise Changed
        self.devices |= {change.device.device_id: change.device for change in changes}
        self.changes += changes


class MemoryLog:
    """The Event Log."""

    def __init__(self) -> None:
        self.rows_by_id: dict[str, Row] = {}
        self.kept_until: dict[str, datetime] = {}
        self.touched: set[str] = set()
        self._presences: dict[tuple[DeviceId, int], Presence] = {}

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        """Add the events' rows."""
        for new in events:
            key = row_id(new.event.device_id, new.event.event_id)
            if key not in self.rows_by_id:
                self.rows_by_id[key] = Row(new.event, new.company_id)
                self.kept_until[key] = new.kept_until
            elif self.rows_by_id[key].company_id is None:
                self.rows_by_id[key] = replace(self.rows_by_id[key], company_id=new.company_id)

    async def add_decisions(self, decisions: Sequence[NewDecision]) -> None:
        """Put the decisions into the events' rows."""
        for new in decisions:
            decision = new.decision
            key = row_id(decision.device_id, decision.event.event_id)
            row = self.rows_by_id.get(key, Row(decision.event, None))
            self.rows_by_id[key] = replace(row, decision=decision, company_id=decision.company_id or row.company_id)
            self.kept_until[key] = new.kept_until

    async def touch(self, rows: Collection[str]) -> None:
        """These rows have something new to show."""
        self.touched |= set(rows)

    async def add_late_mail(self, mail: LateEventsDecided) -> None:
        """Say in the rows that they were mailed after all."""
        for incident in mail.open:
            key = row_id(mail.device_id, incident.event_id)
            if key in self.rows_by_id:
                self.rows_by_id[key] = replace(self.rows_by_id[key], late_mail=mail)

    async def seen(self, events: Sequence[AcceptedEvent]) -> None:
        """The devices live."""
        for event in events:
            key = (event.device_id, event.ownership)
            there = self._presences.get(key, Presence(event.received_at))
            there = replace(there, last_seen=max(there.last_seen, event.received_at))
            if not leaves_row(event) and (there.read_at is None or there.read_at < event.received_at):
                there = replace(there, read_at=event.received_at, readings=event.attributes)
            self._presences[key] = there

    async def presences(self, logs: Collection[DeviceLog]) -> Mapping[DeviceLog, Presence]:
        """When each device was last seen in that ownership."""
        keys = {log: (log.device_id, log.ownership) for log in logs}
        return {log: self._presences[key] for log, key in keys.items() if key in self._presences}

    async def page(self, query: Query) -> Sequence[Row]:
        """The newest rows that fit."""
        fitting = [row for row in self.rows_by_id.values() if _fits(row, query)]
        fitting.sort(key=lambda row: (row.position.received_at, row.position.row_id), reverse=True)
        return fitting[: query.limit]

    async def rows(self, company_id: CompanyId, row_ids: Collection[str]) -> Sequence[Row]:
        """Those of these rows that the company has, oldest first."""
        rows = [self.rows_by_id[each] for each in row_ids if each in self.rows_by_id]
        ours = [row for row in rows if row.company_id == company_id]
        return sorted(ours, key=lambda row: (row.position.received_at, row.position.row_id))

    async def beyond(self, company: CompanyLog, days: Days, rows: int) -> datetime | None:
        """When the newest one came of those rows that are too many."""
        newest_first = sorted((row.event.received_at for row in self._of_days(company, days)), reverse=True)
        return newest_first[rows] if len(newest_first) > rows else None

    async def day_counts(self, company: CompanyLog, days: Days) -> Sequence[DayCount]:
        """How many rows there are of each day and code."""
        found = Counter((days.day_of(row.event.received_at), row.event.code) for row in self._of_days(company, days))
        return [DayCount(day, code, rows) for (day, code), rows in found.items()]

    def _of_days(self, company: CompanyLog, days: Days) -> Sequence[Row]:
        query = Query(company, 0, start=days.start, end=days.end)
        return [row for row in self.rows_by_id.values() if _fits(row, query)]


def _fits(row: Row, query: Query) -> bool:
    match query.scope:
        case DeviceLog(device_id, ownership):
            inside = (row.event.device_id, row.event.ownership) == (device_id, ownership)
        case CompanyLog(company_id):
            inside = row.company_id == company_id
    at, after = row.position, query.after
    return (
        inside
        and (query.code is None or row.event.code == query.code)
        and (query.outcome is None or (row.decision is not None and row.decision.outcome == query.outcome))
        and (query.start is None or at.received_at >= query.start)
        and (query.end is None or at.received_at < query.end)
        and (after is None or (at.received_at, at.row_id) < (after.received_at, after.row_id))
    )

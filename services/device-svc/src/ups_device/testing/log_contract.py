"""What every store of the Event Log and of periods promises: the same tests for the fakes and for MongoDB.

A test module subclasses these and gives the fixtures `devices`, `log` and `periods`.
"""

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

import pytest

from ups_device.adapters.memory_conditions import MemoryConditions
from ups_device.domain.event_log import CompanyLog, DeviceLog, Query, Row
from ups_device.domain.period import PeriodPlace
from ups_device.handlers import event_log as log_ports
from ups_device.handlers import notifications as notification_ports
from ups_device.handlers import overviews as overview_ports
from ups_device.handlers.conditions import Conditions
from ups_device.handlers.event_log import EventLog
from ups_device.testing.device_contract import ACME, DeviceStore
from ups_device.testing.examples import (
    NOW,
    a_decision,
    a_disabling,
    a_late_mail,
    a_new_decision,
    a_new_event,
    a_registration,
    an_enabling,
    an_event,
)
from ups_runtime.errors import Changed
from ups_schemas.decision import EnabledBy, Happened, Outcome
from ups_schemas.device import Actor, EnableNotifications


class PeriodStore(log_ports.Periods, notification_ports.Periods, overview_ports.Periods, Protocol):
    """All that is asked of the store of periods."""


def an_event_log(log: log_ports.Log, periods: log_ports.Periods, devices: log_ports.Devices) -> EventLog:
    """The handler on these stores; conditions are kept in memory."""
    return EventLog(log, periods, devices, Conditions(MemoryConditions(), devices, now=lambda: NOW))


class LogContract:
    """The Event Log."""

    async def test_every_order_and_any_repetition_gives_the_same_row(
        self, log: log_ports.Log, devices: DeviceStore, periods: PeriodStore
    ) -> None:
        """Event and decision come on two topics, each at least once."""
        await devices.add(a_registration(), ACME)
        event_log = an_event_log(log, periods, devices)
        expected = []
        for number, facts in enumerate(itertools.product("ed", repeat=4)):
            event = an_event(number)
            for fact in (*facts, "e", "d") if number % 2 else (*facts, "d", "e"):
                await event_log.record(event if fact == "e" else a_decision(event))
            expected.append(Row(event, "acme", a_decision(event)))

        assert await log.page(Query(DeviceLog("d1", 1), 500)) == expected[::-1]
        assert await log.page(Query(CompanyLog("acme"), 500)) == expected[::-1]

    async def test_many_at_once_are_the_same_as_one_by_one(
        self, log: log_ports.Log, devices: DeviceStore, periods: PeriodStore
    ) -> None:
        """Also where some are there, and the same comes twice among them."""
        await devices.add(a_registration(), ACME)
        event_log = an_event_log(log, periods, devices)
        events = [an_event(number) for number in range(6)]
        await event_log.record(events[0], a_decision(events[1]), a_decision(events[2], company_id=None))
        late, mail = a_decision(events[5], Outcome.LATE), a_late_mail(events[5])

        await event_log.record(*events, *events, *(a_decision(event) for event in events[:4]), late, mail)

        rows = await log.page(Query(CompanyLog("acme"), 500))
        outcomes = [row.decision and row.decision.outcome for row in rows]
        assert [row.event.event_id for row in rows] == ["e5", "e4", "e3", "e2", "e1", "e0"]
        assert outcomes == [Outcome.LATE, None, *[Outcome.NOTIFY] * 4]
        assert rows[0].late_mail == mail

    async def test_a_row_that_lacks_its_company_gets_it(self, log: log_ports.Log) -> None:
        """Whichever of event and decision knows it, and in either order."""
        unknown = [a_decision(an_event(number), company_id=None) for number in (1, 2)]
        await log.add_decisions([a_new_decision(unknown[0])])
        await log.add_events([a_new_event(an_event(1), "acme"), a_new_event(an_event(2), "acme")])
        await log.add_decisions([a_new_decision(unknown[1])])

        assert {row.company_id for row in await log.page(Query(DeviceLog("d1", 1), 9))} == {"acme"}

    async def test_a_row_without_a_decision_yet_is_there(self, log: log_ports.Log) -> None:
        """Logged is logged."""
        await log.add_events([a_new_event(an_event(), None)])

        assert await log.page(Query(DeviceLog("d1", 1), 9)) == [Row(an_event(), None)]

    async def test_what_no_database_likes_is_kept_as_it_is(self, log: log_ports.Log) -> None:
        """Names and numbers in attributes are the sender's."""
        hostile = {"$where": "1", "a.b": 2**70, "": True, "\u0000": "\u0000", "battery_charge_percent": 12.5}
        event = an_event(attributes=hostile)

        await log.add_events([a_new_event(event, "acme")])

        assert (await log.page(Query(DeviceLog("d1", 1), 9)))[0].event == event

    async def test_rows_say_when_late_ones_were_mailed(self, log: log_ports.Log) -> None:
        """The decision stays `late`; only what the mail listed is marked."""
        events = [an_event(number, late=True) for number in (1, 2, 3)]
        for event in events:
            await log.add_decisions([a_new_decision(a_decision(event, Outcome.LATE))])
        mail = a_late_mail(events[0], events[2])

        await log.add_late_mail(mail)
        await log.add_late_mail(mail)

        rows = await log.page(Query(DeviceLog("d1", 1), 9))
        assert [row.late_mail for row in rows] == [mail, None, mail]
        assert {row.decision.outcome for row in rows if row.decision} == {Outcome.LATE}

    async def test_pages_are_stable_while_rows_come_in(self, log: log_ports.Log) -> None:
        """Also where many rows have the same moment: nothing twice, nothing left out."""
        events = [an_event(number, received_at=NOW + timedelta(seconds=number // 4)) for number in range(20)]
        for event in events:
            await log.add_events([a_new_event(event, "acme")])
        seen: list[Row] = []
        query: Query | None = Query(CompanyLog("acme"), 3)
        newer = 1000
        while query:
            page = await log.page(query)
            seen += page
            newer += 1
            await log.add_events([a_new_event(an_event(newer), "acme")])
            query = Query(query.scope, 3, after=page[-1].position) if len(page) == query.limit else None

        assert sorted(row.event.event_id for row in seen) == sorted(event.event_id for event in events)
        assert [row.event.received_at for row in seen] == sorted((e.received_at for e in events), reverse=True)

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            ({"code": "BATTERY_LOW"}, [2]),
            ({"outcome": Outcome.NOTIFY}, [3]),
            ({"start": NOW + timedelta(seconds=2)}, [3, 2]),
            ({"end": NOW + timedelta(seconds=2)}, [1]),
            ({"start": NOW + timedelta(seconds=3), "code": "BATTERY_LOW"}, []),
        ],
    )
    async def test_filters_leave_out_what_they_say(
        self, log: log_ports.Log, filters: dict[str, Any], expected: Sequence[int]
    ) -> None:
        """The start belongs to the range, the end does not."""
        for event in (an_event(1), an_event(2, code="BATTERY_LOW"), an_event(3)):
            await log.add_events([a_new_event(event, "acme")])
        await log.add_decisions([a_new_decision(a_decision(an_event(3)))])

        rows = await log.page(Query(DeviceLog("d1", 1), 9, **filters))

        assert [row.event.event_id for row in rows] == [f"e{number}" for number in expected]

    async def test_each_ownership_has_its_own_log(self, log: log_ports.Log) -> None:
        """Whoever gets the device does not get its past."""
        await log.add_events([a_new_event(an_event(1), "acme")])
        await log.add_events([a_new_event(an_event(2, ownership=2), "other")])

        assert [row.event.event_id for row in await log.page(Query(DeviceLog("d1", 2), 9))] == ["e2"]
        assert [row.event.event_id for row in await log.page(Query(CompanyLog("acme"), 9))] == ["e1"]

    async def test_presence_is_the_latest_whatever_the_order(self, log: log_ports.Log) -> None:
        """Any event shows that the device lives; readings are a STATUS pulse's."""
        ours, other = DeviceLog("d1", 1), DeviceLog("d1", 2)
        assert await log.presences([ours]) == {}
        for event in (
            an_event(2, code="STATUS", attributes={"battery_charge_percent": 80}),
            an_event(1, code="STATUS", attributes={"battery_charge_percent": 90}),
            an_event(3, attributes={"battery_charge_percent": 70}),
            an_event(2, code="STATUS", attributes={"battery_charge_percent": 80}),
        ):
            await log.seen([event])

        found = dict(await log.presences([ours, other, DeviceLog("d2", 1)]))

        presence = found.pop(ours)
        assert not found
        assert presence.last_seen == NOW + timedelta(seconds=3)
        assert presence.read_at == NOW + timedelta(seconds=2)
        assert presence.readings
        assert presence.readings.battery_charge_percent == 80  # noqa: PLR2004 - of the example


class PeriodContract:
    """Disabled periods."""

    async def test_every_order_and_any_repetition_gives_the_same_period(self, periods: PeriodStore) -> None:
        """Beginning and end are each told at least once."""
        seen, expected = [], []
        for number, facts in enumerate(itertools.permutations("bbee"), start=1):
            told = a_disabling(number, NOW + timedelta(days=10 * number))
            for fact in facts:
                await (periods.began(told) if fact == "b" else periods.ended(an_enabling(told)))
            last = await periods.last("d1", 1)
            seen.append(last and (last.period_id, last.tripped_by, last.enabled_at))
            expected.append((told.period_id, told.tripped_by, told.until))

        assert seen == expected

    async def test_the_last_period_of_this_ownership_counts(self, periods: PeriodStore) -> None:
        """By its beginning, not by when it was told."""
        later, earlier = a_disabling(2, NOW + timedelta(days=10)), a_disabling(1)
        await periods.began(later)
        await periods.began(earlier)

        last = await periods.last("d1", 1)

        assert last
        assert last.period_id == later.period_id
        assert await periods.last("d1", 2) is None

    async def test_the_history_has_all_that_was_told_of_each_period_newest_first(self, periods: PeriodStore) -> None:
        """Page by page, whatever came first, of this ownership alone."""
        told = [a_disabling(number, NOW + timedelta(days=number)) for number in (3, 1, 2)]
        other = a_disabling(4).model_copy(update={"ownership": 2})
        happened = (Happened(code="ON_BATTERY", raised=3, cleared=2),)
        said = {
            "actor": Actor(kind="user", user_id="anna"),
            "command_reason": "fixed",
            "happened": happened,
            "suppressed_count": 5,
        }
        for each in (*told, other):
            await periods.began(each)
        await periods.ended(an_enabling(told[1], EnabledBy.HAND).model_copy(update=said))

        first = await periods.page("d1", 1, None, 2)
        rest = await periods.page("d1", 1, PeriodPlace(first[-1].since, first[-1].period_id), 2)

        assert [each.period_id for each in (*first, *rest)] == [told[place].period_id for place in (0, 2, 1)]
        [ended] = rest
        assert (ended.by, ended.actor, ended.reason) == (EnabledBy.HAND, said["actor"], "fixed")
        assert (ended.happened, ended.suppressed_count, ended.tripped_by) == (happened, 5, told[1].tripped_by)
        assert await periods.page("d2", 1, None, 2) == []

    async def test_the_periods_of_several_devices_that_run_are_found(self, periods: PeriodStore) -> None:
        """In whatever ownership; none that has ended."""
        ended, first, second = (a_disabling(number, NOW + timedelta(days=number)) for number in (1, 2, 3))
        second = second.model_copy(update={"device_id": "d2", "ownership": 2})
        others = a_disabling(4).model_copy(update={"device_id": "d3"})
        for each in (ended, first, second, others):
            await periods.began(each)
        await periods.ended(an_enabling(ended))

        found = await periods.running(["d1", "d2", "d4"])

        assert {each.period_id for each in found} == {first.period_id, second.period_id}
        assert {(each.device_id, each.ownership) for each in found} == {("d1", 1), ("d2", 2)}

    async def test_a_period_is_found_by_its_id(self, periods: PeriodStore) -> None:
        """Also when a later one has come."""
        for number in (7, 8):
            await periods.began(a_disabling(number, NOW + timedelta(days=number)))

        found = await periods.find(a_disabling(7).period_id)

        assert found
        assert found.since == NOW + timedelta(days=7)
        assert await periods.find("nobody-told-of-it") is None

    async def test_a_period_is_asked_for_once(self, periods: PeriodStore) -> None:
        """Of two who ask at the same time, the second is told."""
        told = a_disabling()
        await periods.began(told)
        command = EnableNotifications(
            command_id="c1",
            device_id="d1",
            ownership=1,
            period_id=told.period_id,
            enabled_at=NOW + timedelta(hours=1),
            actor=Actor(kind="operator"),
        )

        await periods.request(command)

        with pytest.raises(Changed):
            await periods.request(command)
        last = await periods.last("d1", 1)
        assert last
        assert last.requested == command

    async def test_a_period_that_ended_cannot_be_asked_for(self, periods: PeriodStore) -> None:
        """The end came first."""
        told = a_disabling()
        await periods.began(told)
        await periods.ended(an_enabling(told))
        command = EnableNotifications(
            command_id="c1",
            device_id="d1",
            ownership=1,
            period_id=told.period_id,
            enabled_at=NOW,
            actor=Actor(kind="operator"),
        )

        with pytest.raises(Changed):
            await periods.request(command)

"""What every store of the Event Log promises: the same tests for the fakes and for MongoDB.

A test module subclasses this and gives the fixtures `devices`, `log` and `periods`.
"""

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ups_device.adapters.memory_conditions import MemoryConditions
from ups_device.adapters.memory_mails import MemoryMails
from ups_device.domain.day_counts import DayCount, Days
from ups_device.domain.event_log import CompanyLog, DeviceLog, Query, Row, row_id
from ups_device.handlers import event_log as log_ports
from ups_device.handlers.conditions import Conditions
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.mails import Mails
from ups_device.testing.device_contract import ACME, DeviceStore
from ups_device.testing.examples import (
    NOW,
    a_decision,
    a_late_mail,
    a_new_decision,
    a_new_event,
    a_registration,
    an_event,
)
from ups_device.testing.period_contract import PeriodStore
from ups_schemas.decision import Outcome


def an_event_log(log: log_ports.Log, periods: log_ports.Periods, devices: log_ports.Devices) -> EventLog:
    """The handler on these stores; conditions and mails are kept in memory."""
    conditions = Conditions(MemoryConditions(), devices, now=lambda: NOW)
    return EventLog(log, periods, devices, conditions, Mails(MemoryMails()))


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

    async def test_rows_are_found_by_their_ids_in_the_companys_log_only(self, log: log_ports.Log) -> None:
        """Oldest first."""
        await log.add_events([a_new_event(an_event(2), "acme"), a_new_event(an_event(1), "acme")])
        await log.add_events([a_new_event(an_event(3), "other"), a_new_event(an_event(4), "acme")])
        wanted = [row_id("d1", f"e{number}") for number in (1, 2, 3, 9)]

        assert [row.event.event_id for row in await log.rows("acme", wanted)] == ["e1", "e2"]
        assert not await log.rows("acme", [])

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

    async def test_rows_are_counted_by_the_day_of_a_zone_and_by_code(self, log: log_ports.Log) -> None:
        """Around a day on which clocks change; decided or not, of all devices, and of the company only."""
        berlin = Days(date(2026, 10, 24), date(2026, 10, 26), ZoneInfo("Europe/Berlin"))
        midnights = [datetime(2026, 10, day, tzinfo=berlin.zone).astimezone(UTC) for day in range(24, 28)]
        moments = [moment - timedelta(milliseconds=before) for moment in midnights for before in (1, 0)]
        events = [an_event(number, received_at=moment) for number, moment in enumerate(moments)]
        others = an_event(10, received_at=moments[3], device_id="d2"), an_event(11, received_at=moments[3])
        low = an_event(12, code="BATTERY_LOW", received_at=moments[3])
        await log.add_events([a_new_event(event) for event in (*events, others[0], low)])
        await log.add_events([a_new_event(others[1], "other")])
        await log.add_decisions([a_new_decision(a_decision(event)) for event in events[:4]])

        counts = await log.day_counts(CompanyLog("acme"), berlin)

        assert sorted((each.day.day, each.code, each.rows) for each in counts) == [
            (24, "ON_BATTERY", 2),
            (25, "BATTERY_LOW", 1),
            (25, "ON_BATTERY", 3),
            (26, "ON_BATTERY", 2),
        ]
        assert await log.day_counts(CompanyLog("other"), berlin) == [DayCount(date(2026, 10, 25), "ON_BATTERY", 1)]
        assert await log.day_counts(CompanyLog("acme"), berlin.after(midnights[3] - timedelta(seconds=1))) == []

    async def test_it_is_known_when_the_row_came_that_is_one_too_many(self, log: log_ports.Log) -> None:
        """Of the days that are asked for, from the newest on."""
        days = Days(NOW.date(), NOW.date(), ZoneInfo("UTC"))
        late = an_event(9, received_at=NOW + timedelta(days=1))
        await log.add_events([a_new_event(event) for event in (*map(an_event, (3, 1, 2)), late)])

        assert await log.beyond(CompanyLog("acme"), days, 3) is None
        assert await log.beyond(CompanyLog("acme"), days, 2) == NOW + timedelta(seconds=1)
        assert await log.beyond(CompanyLog("other"), days, 0) is None

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
        await log.seen([])  # a batch may have tests alone, which show nothing

        found = dict(await log.presences([ours, other, DeviceLog("d2", 1)]))

        presence = found.pop(ours)
        assert not found
        assert presence.last_seen == NOW + timedelta(seconds=3)
        assert presence.read_at == NOW + timedelta(seconds=2)
        assert presence.readings
        assert presence.readings.battery_charge_percent == 80  # noqa: PLR2004 - of the example

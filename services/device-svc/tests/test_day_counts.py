"""The Event Log by day: what a day is, what may be asked for, and what is answered."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ups_device.adapters.memory import MemoryDevices, MemoryLog
from ups_device.adapters.memory_periods import MemoryPeriods
from ups_device.domain.day_counts import Days
from ups_device.domain.event_log import CompanyLog
from ups_device.testing.examples import NOW, a_new_event, an_event
from ups_device.testing.log_contract import an_event_log
from ups_device.testing.service import Service

PATH = "/v1/events/counts"
WEEK = {"company_id": "acme", "first": "2026-11-16", "last": "2026-11-22"}


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    async with service.client:
        yield service


def hours(days: Days) -> list[tuple[int, int, float]]:
    return [(run.first.day, run.days, run.length / timedelta(hours=1)) for run in days.runs()]


@pytest.mark.parametrize(
    ("zone", "first", "last", "expected"),
    [
        ("UTC", date(2026, 11, 1), date(2026, 11, 3), [(1, 3, 24)]),
        ("Europe/Berlin", date(2026, 10, 24), date(2026, 10, 27), [(24, 1, 24), (25, 1, 25), (26, 2, 24)]),
        ("Europe/Berlin", date(2026, 3, 29), date(2026, 3, 29), [(29, 1, 23)]),
        ("Australia/Lord_Howe", date(2026, 4, 4), date(2026, 4, 5), [(4, 1, 24), (5, 1, 24.5)]),
        # clocks go forward at midnight: the day begins at one o'clock
        ("Africa/Cairo", date(2026, 4, 23), date(2026, 4, 24), [(23, 1, 24), (24, 1, 23)]),
        # it went over the date line, and had no 30th
        ("Pacific/Apia", date(2011, 12, 29), date(2011, 12, 31), [(29, 1, 24), (31, 1, 24)]),
    ],
)
def test_days_are_as_long_as_their_zone_has_them(
    zone: str, first: date, last: date, expected: list[tuple[int, int, float]]
) -> None:
    days = Days(first, last, ZoneInfo(zone))

    assert hours(days) == expected
    runs = days.runs()
    assert (runs[0].start, runs[-1].end) == (days.start, days.end)


def test_the_days_after_a_moment_begin_with_the_next_midnight() -> None:
    days = Days(date(2026, 11, 1), date(2026, 11, 3), ZoneInfo("Europe/Berlin"))

    assert (days.start.hour, days.end.hour, days.end.day) == (23, 23, 3)
    assert days.after(datetime(2026, 11, 1, 22, 59, tzinfo=UTC)).dates == [date(2026, 11, 2), date(2026, 11, 3)]
    assert days.after(datetime(2026, 11, 3, 12, tzinfo=UTC)).dates == []


async def test_where_there_is_too_much_only_the_newest_days_are_counted() -> None:
    store = MemoryLog()
    log = an_event_log(store, MemoryPeriods(), MemoryDevices())
    moments = [NOW - timedelta(days=number) for number in (0, 0, 1, 2, 2, 3)]
    await store.add_events([a_new_event(an_event(n, received_at=at)) for n, at in enumerate(moments)])
    days = Days(date(2026, 11, 1), date(2026, 11, 22), ZoneInfo("UTC"))

    found = {most: await log.day_counts(CompanyLog("acme"), days, most) for most in (6, 5, 4, 1)}

    assert {most: (each.whole, len(each.days.dates)) for most, each in found.items()} == {
        6: (True, 22),
        5: (False, 3),
        4: (False, 2),
        1: (False, 0),
    }
    assert {most: sum(count.rows for count in each.counts) for most, each in found.items()} == {6: 6, 5: 5, 4: 3, 1: 0}


async def test_each_day_is_answered_the_oldest_first(service: Service) -> None:
    await service.rows.add_events(
        [
            a_new_event(an_event(1, received_at=datetime(2026, 11, 21, 23, 30, tzinfo=UTC))),
            a_new_event(an_event(2, received_at=datetime(2026, 11, 22, 8, tzinfo=UTC))),
            a_new_event(an_event(3, received_at=datetime(2026, 11, 22, 9, tzinfo=UTC), code="POWER_RESTORED")),
        ]
    )

    answer = await service.call("GET", PATH, params={**WEEK, "zone": "Europe/Berlin"})

    told = answer.raise_for_status().json()
    assert (told["zone"], told["whole"]) == ("Europe/Berlin", True)
    assert [day["day"] for day in told["days"]] == [f"2026-11-{day}" for day in range(16, 23)]
    assert [day["events"] for day in told["days"]] == [0, 0, 0, 0, 0, 0, 3]
    assert told["days"][0]["events_by_code"] == {}
    assert told["days"][6]["events_by_code"] == {"ON_BATTERY": 2, "POWER_RESTORED": 1}
    in_utc = (await service.call("GET", PATH, params=WEEK)).json()
    assert [day["events"] for day in in_utc["days"]][5:] == [1, 2]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"first": "2026-11-23"}, "last"),
        ({"first": "2026-08-22"}, "first"),
        ({"first": "yesterday"}, "first"),
        ({"first": "1999-12-31", "last": "2000-01-01"}, "first"),
        ({"first": "2999-12-31", "last": "3000-01-01"}, "last"),
        ({"last": ""}, "last"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"zone": "Europe"}, "zone"),
        ({"zone": ""}, "zone"),
        ({"zone": "Europe/Berlin\x00"}, "zone"),
        ({"zone": "x" * 65}, "zone"),
        ({"company_id": ""}, "company_id"),
        ({"code": "ON_BATTERY"}, "code"),
    ],
)
async def test_what_is_wrong_with_the_days_is_named(service: Service, query: dict[str, Any], field: str) -> None:
    answer = await service.call("GET", PATH, params={**WEEK, **query})

    assert answer.status_code == 422
    assert answer.json()["field"] == field


async def test_a_quarter_of_a_year_can_be_asked_for(service: Service) -> None:
    answer = await service.call("GET", PATH, params={**WEEK, "first": "2026-08-23"})

    assert len(answer.raise_for_status().json()["days"]) == 92


async def test_one_counts_in_ones_own_company_only(service: Service) -> None:
    await service.rows.add_events([a_new_event(an_event(1, received_at=NOW))])
    days = {name: WEEK[name] for name in ("first", "last")}

    async def asked(user_id: str, **query: str) -> Any:
        return await service.call("GET", PATH, params=days | query, headers=service.bearer(user_id))

    own, others = [(await asked(user_id)).json()["days"][-1]["events"] for user_id in ("ben", "eve")]
    named = await asked("eve", company_id="acme")
    nobodys = await service.call("GET", PATH, params=days)

    assert (own, others) == (1, 0)
    assert (named.status_code, named.json()["type"]) == (403, "urn:ridethrough:problem:other-company")
    assert (nobodys.status_code, nobodys.json()["field"]) == (422, "company_id")

"""What the picture of days counts on whoever keeps the Event Log: device-svc, and the fake in tests."""

from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from ups_portal.domain.timeline import Dates
from ups_portal.handlers.days import Counts


class DaysWorld(Protocol):
    """Somebody who is signed in, in a company with one UPS."""

    counts: Counts

    async def happen(self, *codes: str) -> None:
        """Have these events of it logged."""


def _around(now: datetime) -> Dates:
    return Dates((now - timedelta(days=2)).date(), 4, 1)


class DaysContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_each_day_is_told_oldest_first_also_where_nothing_happened(self, world: DaysWorld) -> None:
        """As many as are asked for."""
        dates = _around(datetime.now(UTC))

        told = await world.counts.by_day(dates, ZoneInfo("Europe/Berlin"))

        assert told.whole
        assert [each.day for each in told.days] == [dates.first + timedelta(days=number) for number in range(4)]
        assert not any(each.events_by_code for each in told.days)

    async def test_what_happened_is_counted_by_code_on_the_day_of_the_zone(self, world: DaysWorld) -> None:
        """Which is another one where the sun rises earlier: 26 hours lie between these two."""
        before = datetime.now(UTC)
        await world.happen("OVERLOAD", "OVERLOAD_CLEARED", "ON_BATTERY", "OVERLOAD")
        after = datetime.now(UTC)

        for zone in (ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Etc/GMT+12")):
            told = await world.counts.by_day(_around(before), zone)
            found = {each.day: dict(each.events_by_code) for each in told.days if each.events_by_code}

            assert set(found) <= {moment.astimezone(zone).date() for moment in (before, after)}
            counted = [sum(codes.get(code, 0) for codes in found.values()) for code in ("OVERLOAD", "ON_BATTERY")]
            assert counted == [2, 1]
            assert sum(sum(codes.values()) for codes in found.values()) == 4  # noqa: PLR2004 - as many as happened

"""The route of how many rows the Event Log has of each day."""

from collections import Counter
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from ups_device.adapters.log_routes import Caller, log_of_company
from ups_device.domain.day_counts import MAX_DAYS, DayCounts, Days
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.members import Members
from ups_runtime.errors import Refused
from ups_runtime.http import RequestBody
from ups_schemas.event import Code
from ups_schemas.ids import CompanyId, UserId

# The days before and after are days in every zone, too.
Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(3000, 1, 1))]


class DayCountsOf(RequestBody):
    """Which days, both included, of which zone: the operator says of which company."""

    first: Day
    last: Day
    zone: str = Field("UTC", max_length=64, description="IANA time zone")
    company_id: CompanyId | None = None

    def days(self) -> Days:
        """The days.

        Raises:
            Refused: there is no such zone, or there are no days, or too many.
        """
        try:
            zone = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Refused("unknown-zone", "There is no such time zone; give one like Europe/Berlin.", "zone") from None
        if self.last < self.first:
            raise Refused("no-days", "The last day is before the first.", "last")
        days = Days(self.first, self.last, zone)
        if len(days.dates) > MAX_DAYS:
            raise Refused("too-many-days", f"These are more than {MAX_DAYS} days.", "first")
        return days


class DayView(BaseModel):
    """A day: how many events, and how many of each code."""

    day: date
    events: int
    events_by_code: dict[Code, int]


class DayCountsView(BaseModel):
    """Each day, oldest first. Not `whole`: there is too much to be counted at once; only the newest days are here."""

    zone: str
    whole: bool
    days: list[DayView]

    @classmethod
    def of(cls, counted: DayCounts) -> "DayCountsView":
        """What was counted, and the days of which there is nothing."""
        by_day: dict[date, Counter[Code]] = {day: Counter() for day in counted.days.dates}
        for each in counted.counts:
            by_day[each.day][each.code] += each.rows
        days = [DayView(day=day, events=codes.total(), events_by_code=codes) for day, codes in by_day.items()]
        return cls(zone=counted.days.zone.key, whole=counted.whole, days=days)


def day_count_router(log: EventLog, members: Members, caller: Caller) -> APIRouter:
    """How much happened, by day and code."""
    router = APIRouter(prefix="/v1/events", tags=["event log"])

    @router.get("/counts")
    async def counts(
        asked: Annotated[DayCountsOf, Query()], user_id: Annotated[UserId | None, Depends(caller)]
    ) -> DayCountsView:
        """Count the rows of the company's Event Log, by the day on which they were received and by code."""
        scope = await log_of_company(asked.company_id, user_id, members)
        return DayCountsView.of(await log.day_counts(scope, asked.days()))

    return router

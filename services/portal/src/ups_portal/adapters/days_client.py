"""How much happened by day, at device-svc: implements `Counts`."""

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints

from ups_portal.adapters.backend import Answer
from ups_portal.adapters.bearer import Bearer
from ups_portal.domain.days_view import Counted, DayCount
from ups_portal.domain.timeline import Dates

Code = Annotated[str, StringConstraints(max_length=200)]
Number = Annotated[int, Field(ge=0, le=10**9)]


class _Day(Answer):
    day: date
    events_by_code: dict[Code, Number]


class _Counts(Answer):
    whole: bool
    days: tuple[_Day, ...]


class DaysClient:
    """Asks for one request."""

    def __init__(self, device_svc: Bearer) -> None:
        self._device_svc = device_svc

    async def by_day(self, dates: Dates, zone: ZoneInfo) -> Counted:
        """How many rows there are of each of these days."""
        query = {"first": dates.first.isoformat(), "last": dates.last.isoformat(), "zone": zone.key}
        told = await self._device_svc.get("count events", "/v1/events/counts", _Counts, query)
        return Counted(tuple(DayCount(each.day, each.events_by_code) for each in told.days), told.whole)

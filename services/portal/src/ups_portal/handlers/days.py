"""How much happened by day: asks for what it shows."""

from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from ups_portal.domain.days_view import Counted, DaysView, days_view
from ups_portal.domain.timeline import Dates, Range, dates_of
from ups_portal.handlers.parts import Missing, part


class Counts(Protocol):
    """Who counts what is in the Event Log, asked on behalf of whoever is signed in."""

    async def by_day(self, dates: Dates, zone: ZoneInfo) -> Counted:
        """How many rows there are of each of these days, as the zone has them.

        Raises:
            AwayError: that cannot be said now.
        """


async def days(counts: Counts, shown: Range, now: datetime, zone: ZoneInfo) -> DaysView:
    """The page."""
    dates = dates_of(shown, now, zone)
    counted = await part(counts.by_day(dates, zone))
    return days_view(None if isinstance(counted, Missing) else counted, shown, dates)

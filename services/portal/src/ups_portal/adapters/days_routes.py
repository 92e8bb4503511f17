"""The route of how much happened by day."""

from collections.abc import Callable, Sequence
from datetime import datetime

from ups_portal.adapters.days_client import DaysClient
from ups_portal.adapters.visit import Answer, FramedPage, Shown, Visit
from ups_portal.domain.shell import Section
from ups_portal.domain.timeline import WHOLE_DAYS, Range
from ups_portal.handlers.days import days
from ups_schemas.wording import zone_of


def days_pages(now: Callable[[], datetime]) -> Sequence[FramedPage]:
    """The page, of `range` or a week."""

    async def show(visit: Visit) -> Answer:
        asked = visit.request.query_params.get("range")
        shown = next((each for each in WHOLE_DAYS if each == asked), Range.WEEK)
        return Shown("days.html.j2", await days(DaysClient(visit.device_svc), shown, now(), zone_of(visit.person.zone)))

    return (FramedPage("/events/days", Section.EVENT_LOG, show),)

"""The route of a UPS's timeline."""

from collections.abc import Callable, Sequence
from datetime import datetime

from ups_portal.adapters.timeline_client import TimelineClient
from ups_portal.adapters.visit import Answer, FramedPage, Shown, Visit
from ups_portal.domain.shell import Section
from ups_portal.domain.timeline import Range
from ups_portal.handlers.timeline import timeline
from ups_schemas.wording import zone_of


def timeline_pages(now: Callable[[], datetime]) -> Sequence[FramedPage]:
    """The page, of `range` or a week."""

    async def show(visit: Visit) -> Answer:
        asked = visit.request.query_params.get("range")
        shown = next((each for each in Range if each == asked), Range.WEEK)
        past = TimelineClient(visit.device_svc, visit.request.path_params["device_id"])
        return Shown("timeline.html.j2", await timeline(past, shown, now(), zone_of(visit.person.zone)))

    return (FramedPage("/devices/{device_id}/timeline", Section.DEVICES, show),)

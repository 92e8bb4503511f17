"""The timeline of a UPS: asks for everything that it shows, at the same time."""

from datetime import datetime
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from ups_portal.domain.timeline import Range, Span, span_of
from ups_portal.domain.timeline_view import Condition, History, Period, Reading, TimelineView, Told, timeline_view
from ups_portal.handlers.parts import Missing, together

T = TypeVar("T")


class Past(Protocol):
    """Who knows what became of one UPS, asked on behalf of whoever is signed in.

    Each raises `NotFoundError` if it is none of the company's, and `AwayError` if that cannot be said now.
    """

    device_id: str

    async def name(self) -> str:
        """What it is called."""

    async def conditions(self, span: Span) -> Told[Condition]:
        """What was wrong at some moment of it."""

    async def periods(self, span: Span) -> Told[Period]:
        """When notifications were disabled."""

    async def readings(self, span: Span) -> Told[Reading]:
        """What events carried."""


async def timeline(past: Past, shown: Range, now: datetime, zone: ZoneInfo) -> TimelineView:
    """The page; without what nobody can tell just now."""
    span = span_of(shown, now, zone)
    name, conditions, periods, readings = await together(
        past.name(), past.conditions(span), past.periods(span), past.readings(span)
    )
    history = History(_told(name), _told(conditions), _told(periods), _told(readings))
    return timeline_view(past.device_id, shown, span, history, now, zone)


def _told(part: T | Missing) -> T | None:
    return None if isinstance(part, Missing) else part

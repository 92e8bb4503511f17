"""Where moments stand in a picture of time: in percent of its width, days as the reader's zone has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from ups_schemas.wording import day

# Narrower ones are not seen: 1 px of a phone's width.
_THINNEST = 0.35
_QUARTER = timedelta(minutes=15)  # all zones are whole quarters of an hour off
_HOURS_APART = 4
_ROOM = 87.0  # further right the hour would not fit into a phone's width
# Of a curve: as many columns as a phone is wide; two points in each are all that can be seen.
_COLUMNS = 300
_WIDTH, _HEIGHT, _EDGE = 1000.0, 100.0, 6.0


class Range(StrEnum):
    """How much time is shown."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"


# Days that are shown, and how far apart those with a line are.
_DAYS = {Range.WEEK: (7, 1), Range.MONTH: (30, 5), Range.QUARTER: (90, 15)}
WHOLE_DAYS = tuple(_DAYS)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the width, in percent."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is shown, `[start, end)`."""

    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        """Where the moment is, in percent; at the edge if it is outside."""
        share = (at - self.start) / (self.end - self.start)
        return round(min(max(share, 0.0), 1.0) * 100, 3)

    def stretch(self, since: datetime, until: datetime) -> Stretch | None:
        """From `since` to `until`, wide enough to be seen; none if it is outside."""
        if until < self.start or since >= self.end:
            return None
        left, right = self.x(since), self.x(until)
        width = round(max(right - left, _THINNEST), 3)
        return Stretch(round(min(left, 100 - width), 3), width)


@dataclass(frozen=True, slots=True)
class Dates:
    """So many days from the first one on; those with a line are so far `apart`."""

    first: date
    number: int
    apart: int

    @property
    def last(self) -> date:
        """The last one."""
        return self.after(self.number - 1)

    def after(self, number: int) -> date:
        """The day so many days after the first one."""
        return self.first + timedelta(days=number)

    @property
    def marked(self) -> Sequence[date]:
        """Those with a line."""
        return [self.after(number) for number in range(0, self.number, self.apart)]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the picture, and what stands beside it."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time as a path in a box of 1000 by 100, and the same points as dots."""

    line: str
    dots: str


def dates_of(shown: Range, now: datetime, zone: ZoneInfo) -> Dates:
    """The days of a range that has whole ones, today the last."""
    number, apart = _DAYS[shown]
    return Dates(now.astimezone(zone).date() - timedelta(days=number - 1), number, apart)


def span_of(shown: Range, now: datetime, zone: ZoneInfo) -> Span:
    """The last 24 hours; or whole days, today the last: one on which clocks change has 23 or 25 hours."""
    if shown is Range.DAY:
        return Span(now - timedelta(days=1), now)
    dates = dates_of(shown, now, zone)
    return Span(_midnight(dates.first, zone), _midnight(dates.after(dates.number), zone))


def ticks(shown: Range, span: Span, zone: ZoneInfo) -> Sequence[Tick]:
    """The beginnings of days, or hours of the day."""
    if shown is not Range.DAY:
        marked = Dates(span.start.astimezone(zone).date(), *_DAYS[shown]).marked
        return [Tick(span.x(_midnight(each, zone)), day(each)) for each in marked]
    begun = span.start.replace(minute=0, second=0, microsecond=0)
    quarters = [begun + number * _QUARTER for number in range(4 * 25 + 1)]
    local = [at.astimezone(zone) for at in quarters if span.start <= at < span.end]
    hours = [at for at in local if at.minute == 0 and at.hour % _HOURS_APART == 0]
    return [Tick(span.x(at), f"{at:%H:%M}" if span.x(at) < _ROOM else "") for at in hours]


def curve(span: Span, points: Sequence[tuple[datetime, float]], low: float, high: float) -> Curve:
    """The values from `low` to `high`, oldest first; of those on one another the least and the greatest."""
    height = _HEIGHT - 2 * _EDGE
    scale = height / (high - low) if high > low else 0.0
    top = _EDGE if scale else _HEIGHT / 2
    placed = [
        (round(span.x(at) * _WIDTH / 100, 1), round(top + (high - value) * scale, 1))
        for at, value in _thinned(span, points)
    ]
    line = "".join(f"{'L' if number else 'M'}{x} {y}" for number, (x, y) in enumerate(placed))
    return Curve(line, "".join(f"M{x} {y}h0" for x, y in placed))


def _thinned(span: Span, points: Sequence[tuple[datetime, float]]) -> Sequence[tuple[datetime, float]]:
    kept: list[tuple[datetime, float]] = []
    for _, column in groupby(points, key=lambda point: int(span.x(point[0]) * _COLUMNS / 100)):
        there = list(column)
        kept += sorted({min(there, key=lambda point: point[1]), max(there, key=lambda point: point[1])})
    return kept


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time(), zone).astimezone(UTC)

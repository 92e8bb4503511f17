"""How many rows the Event Log has of each day and code: days as a zone has them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from ups_schemas.event import Code

# A quarter of a year, which has 92 days at the most.
MAX_DAYS = 92
# Counting takes a second or so of the database for as many; whoever asks waits 5 s. More rows: fewer days.
MAX_ROWS = 1_000_000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Run:
    """Days that follow one another and are as long: the day on which clocks change is one of its own."""

    first: date
    days: int
    start: datetime
    length: timedelta

    @property
    def end(self) -> datetime:
        """When the day after them begins."""
        return self.start + self.days * self.length


@dataclass(frozen=True, slots=True)
class Days:
    """From the first day to the last one, both included; none where that is before the first."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """When the first one begins."""
        return self._midnight(self.first)

    @property
    def end(self) -> datetime:
        """When the day after the last one begins."""
        return self._midnight(self.last + _DAY)

    @property
    def dates(self) -> Sequence[date]:
        """Each of them."""
        return [self.first + number * _DAY for number in range((self.last - self.first).days + 1)]

    def day_of(self, at: datetime) -> date:
        """The day of the moment."""
        return at.astimezone(self.zone).date()

    def after(self, at: datetime) -> "Days":
        """Those that begin after the moment, which is in one of them."""
        return replace(self, first=self.day_of(at) + _DAY)

    def runs(self) -> Sequence[Run]:
        """All of them, oldest first; a day that a zone left out is in none."""
        begun = [(each, self._midnight(each), self._midnight(each + _DAY)) for each in self.dates]
        as_long = [list(run) for _, run in groupby(begun, key=lambda each: each[2] - each[1])]
        return [Run(run[0][0], len(run), run[0][1], run[0][2] - run[0][1]) for run in as_long if run[0][1] < run[0][2]]

    def _midnight(self, on: date) -> datetime:
        return datetime.combine(on, time(), self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DayCount:
    """So many rows of the day have this code."""

    day: date
    code: Code
    rows: int


@dataclass(frozen=True, slots=True)
class DayCounts:
    """What was counted, in any order. Not `whole`: of the days that were asked for, only the newest were counted."""

    days: Days
    counts: Sequence[DayCount]
    whole: bool

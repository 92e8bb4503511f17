"""How much happened in the company by day and kind: a picture, and the same as tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from ups_portal.domain.event_groups import NAMES, Group, group_of
from ups_portal.domain.text import Text
from ups_portal.domain.timeline import Dates, Range, Tick
from ups_portal.domain.wording import condition_name, local_day
from ups_schemas.wording import day

HEIGHT = 220
# Above the highest column, for the figure at the line that is there.
_HEAD = 16
_MOST_LINES = 4
# Of a column's width: the rest is between it and the next one.
_FILLED = 0.8
# Less than that would not be seen.
_THINNEST = 1.0


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many events of each code a day has."""

    day: date
    events_by_code: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Counted:
    """Days, oldest first. Not `whole`: those before were too much to be counted."""

    days: tuple[DayCount, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Series:
    """A kind of events as the legend has it."""

    group: Group
    name: Text


@dataclass(frozen=True, slots=True)
class Piece:
    """The events of a day of one kind, in pixels from the top: the first kind stands at the bottom."""

    group: Group
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """A day in the picture, in percent of the width; `query` leads to its rows of the Event Log."""

    title: Text
    x: float
    width: float
    pieces: tuple[Piece, ...]
    query: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line across the picture, in pixels from the top, and the number that it stands for."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class DayRow:
    """A row of the table of days: a number for each series, in their order."""

    day: Text
    query: str
    events: tuple[int, ...]
    total: int


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A row of the table of what happened most."""

    name: Text
    group: Text
    query: str
    total: int


@dataclass(frozen=True, slots=True)
class DaysView:
    """The page. No `days`: they cannot be said just now."""

    title: Text
    shown: Range
    series: tuple[Series, ...]
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    days: tuple[DayRow, ...] | None
    codes: tuple[CodeRow, ...]
    total: int
    whole: bool


def days_view(counted: Counted | None, shown: Range, dates: Dates) -> DaysView:
    """The page of these days."""
    days = counted.days if counted else ()
    by_group = {each.day: _by_group(each) for each in days}
    most = max((groups.total() for groups in by_group.values()), default=0)
    step = _step(most)
    top = -(-most // step) * step
    return DaysView(
        title=Text("Events by day"),
        shown=shown,
        series=tuple(Series(group, NAMES[group]) for group in Group),
        columns=tuple(_column(on, groups, dates, top) for on, groups in by_group.items() if groups),
        lines=tuple(Line(_y(number, top), f"{number}") for number in range(0, top + 1, step)),
        ticks=tuple(_ticks(dates)),
        days=tuple(_row(on, groups) for on, groups in reversed(by_group.items())) if counted else None,
        codes=tuple(_codes(days)),
        total=sum(groups.total() for groups in by_group.values()),
        whole=counted is None or counted.whole,
    )


def _by_group(counted: DayCount) -> Counter[Group]:
    groups: Counter[Group] = Counter()
    for code, number in counted.events_by_code.items():
        groups[group_of(code)] += number
    return groups


def _step(most: int) -> int:
    """From line to line: 1, 2 or 5 of tens, and never more than `_MOST_LINES` steps to the top."""
    tens = 1
    while True:
        for step in (tens, 2 * tens, 5 * tens):
            if most <= step * _MOST_LINES:
                return step
        tens *= 10


def _y(number: float, top: int) -> float:
    return round(HEIGHT - (HEIGHT - _HEAD) * number / max(top, 1), 1)


def _column(on: date, groups: Counter[Group], dates: Dates, top: int) -> Column:
    x, width = _place(on, dates)
    pieces: list[Piece] = []
    below = 0
    for group in Group:
        if number := groups[group]:
            y = _y(below + number, top)
            pieces.append(Piece(group, y, max(round(_y(below, top) - y, 1), _THINNEST)))
            below += number
    title = Text("{day}: 1 event", "{day}: {number} events", day=local_day(on), number=groups.total())
    return Column(title, round(x + width * (1 - _FILLED) / 2, 3), round(width * _FILLED, 3), tuple(pieces), _of(on))


def _place(on: date, dates: Dates) -> tuple[float, float]:
    width = 100 / dates.number
    return round((on - dates.first).days * width, 3), width


def _ticks(dates: Dates) -> Sequence[Tick]:
    return [Tick(_place(on, dates)[0], day(on)) for on in dates.marked]


def _row(on: date, groups: Counter[Group]) -> DayRow:
    return DayRow(local_day(on), _of(on), tuple(groups[group] for group in Group), groups.total())


def _codes(days: Sequence[DayCount]) -> Sequence[CodeRow]:
    totals: Counter[str] = Counter()
    for each in days:
        totals.update(each.events_by_code)
    known = {code: number for code, number in totals.items() if number}
    return [
        CodeRow(condition_name(code), NAMES[group_of(code)], _of(days[0].day, days[-1].day, code), number)
        for code, number in sorted(known.items(), key=lambda each: (-each[1], each[0]))
    ]


def _of(first: date, last: date | None = None, code: str = "") -> str:
    asked = {"code": code, "first": first.isoformat(), "last": (last or first).isoformat()}
    return "?" + urlencode({name: value for name, value in asked.items() if value})

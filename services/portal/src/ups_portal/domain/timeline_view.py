"""What a UPS went through over some time: conditions, disabled periods and readings, as pictures and as tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from ups_portal.domain.lasting import lasted
from ups_portal.domain.own_device import figure, named
from ups_portal.domain.text import Text
from ups_portal.domain.timeline import Curve, Range, Span, Stretch, Tick, curve, ticks
from ups_schemas.catalogue import Severity

T = TypeVar("T")

# More would be no picture any more; the table has them all.
_MAX_LANES = 24
# What a sensor of a UPS cannot mean: it would leave nothing to see of the rest.
_NO_VOLTAGE_V = 100_000


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What a service told, newest first; not `whole`: there are older ones that it was not asked for."""

    found: tuple[T, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """One occurrence. `end` says how it ended, and is none while it is open; `ended_at` is none where nobody knows."""

    code: str
    text: str
    severity: Severity
    since: datetime
    ended_at: datetime | None
    end: str | None
    confirmed_at: datetime
    repeats: int


@dataclass(frozen=True, slots=True)
class Period:
    """Notifications were disabled since, and until `enabled_at`, or, while that is none, `until`."""

    since: datetime
    until: datetime
    enabled_at: datetime | None

    @property
    def end(self) -> datetime:
        """When they are, or were, on again."""
        return self.enabled_at or self.until


@dataclass(frozen=True, slots=True)
class Reading:
    """What an event carried."""

    at: datetime
    charge_percent: float | None
    battery_v: float | None
    input_v: float | None
    output_v: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """An occurrence in the picture; an open one goes on."""

    place: Stretch
    severity: Severity
    is_open: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """All occurrences of one condition in the picture."""

    name: Text
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A row of the table. `ended_at` or, if that is none, `ended` says when it was over; `how` more about that."""

    name: Text
    severity: Severity
    since: datetime
    ended_at: datetime | None
    ended: Text
    how: Text | None
    lasted: Text | None
    repeats: int


@dataclass(frozen=True, slots=True)
class Chart:
    """One quantity over time, from `low` to `high` as the picture has it."""

    name: Text
    curve: Curve
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A row of the table of readings; empty where the event said nothing."""

    at: datetime
    charge: str
    battery: str
    input: str
    output: str


@dataclass(frozen=True, slots=True)
class TimelineView:
    """The page. None: it cannot be said just now. `name` is the UPS's; not `…_whole`: older ones are left out."""

    title: Text
    device_id: str
    name: str | None
    shown: Range
    ticks: tuple[Tick, ...]
    now_x: float
    lanes: tuple[Lane, ...]
    lanes_left_out: int
    occurrences: tuple[Occurrence, ...] | None
    occurrences_whole: bool
    shades: tuple[Stretch, ...]
    periods: tuple[Period, ...] | None
    periods_whole: bool
    charts: tuple[Chart, ...]
    readings: tuple[Measured, ...] | None
    readings_whole: bool


_HOW = {
    "not_reported": Text("Taken as over: it was not reported any more."),
    "evicted": Text("Given up for newer ones: too much was wrong at once."),
    "ownership_ended": Text("The UPS was removed or handed over."),
}


@dataclass(frozen=True, slots=True)
class History:
    """What was told of a UPS: none where its service is away."""

    name: str | None
    conditions: Told[Condition] | None
    periods: Told[Period] | None
    readings: Told[Reading] | None


def timeline_view(
    device_id: str, shown: Range, span: Span, history: History, now: datetime, zone: ZoneInfo
) -> TimelineView:
    """The page."""
    conditions, periods, readings = history.conditions, history.periods, history.readings
    lanes = _lanes(conditions.found if conditions else (), span, now)
    shaded = [span.stretch(each.since, each.end) for each in (periods.found if periods else ())]
    return TimelineView(
        title=Text("Timeline"),
        device_id=device_id,
        name=history.name,
        shown=shown,
        ticks=tuple(ticks(shown, span, zone)),
        now_x=span.x(now),
        lanes=tuple(lanes[:_MAX_LANES]),
        lanes_left_out=max(0, len(lanes) - _MAX_LANES),
        occurrences=tuple(_occurrence(each, now) for each in conditions.found) if conditions else None,
        occurrences_whole=conditions is None or conditions.whole,
        shades=tuple(each for each in shaded if each),
        periods=periods.found if periods else None,
        periods_whole=periods is None or periods.whole,
        charts=tuple(_charts(readings.found if readings else (), span)),
        readings=tuple(_measured(each) for each in readings.found) if readings else None,
        readings_whole=readings is None or readings.whole,
    )


def _lanes(conditions: Sequence[Condition], span: Span, now: datetime) -> Sequence[Lane]:
    """The worst first; of two as bad the one that was there last."""
    by_kind: dict[tuple[str, str], list[Condition]] = {}
    for each in conditions:
        by_kind.setdefault((each.code, each.text), []).append(each)
    ordered = sorted(
        by_kind.values(),
        key=lambda kind: (-max(each.severity.rank for each in kind), -max(each.since for each in kind).timestamp()),
    )
    drawn = [(named(kind[0].code, kind[0].text), [_bar(each, span, now) for each in kind]) for kind in ordered]
    lanes = [Lane(name, tuple(bar for bar in bars if bar)) for name, bars in drawn]
    return [lane for lane in lanes if lane.bars]


def _bar(condition: Condition, span: Span, now: datetime) -> Bar | None:
    is_open = condition.end is None
    until = condition.ended_at or (now if is_open else condition.confirmed_at)
    place = span.stretch(condition.since, until)
    return Bar(place, condition.severity, is_open) if place else None


def _occurrence(condition: Condition, now: datetime) -> Occurrence:
    length: timedelta | None = None
    if condition.end is None:
        length = now - condition.since
    elif condition.end == "cleared" and condition.ended_at:
        length = condition.ended_at - condition.since
    return Occurrence(
        named(condition.code, condition.text),
        condition.severity,
        condition.since,
        condition.ended_at,
        Text("Still so") if condition.end is None else Text("Not known"),
        _HOW.get(condition.end or ""),
        None if length is None else lasted(length),
        condition.repeats,
    )


def _charts(readings: Sequence[Reading], span: Span) -> Sequence[Chart]:
    oldest_first = sorted(readings, key=lambda each: each.at)
    charge = [(each.at, each.charge_percent) for each in oldest_first]
    voltages = (
        (Text("Battery voltage"), [(each.at, each.battery_v) for each in oldest_first]),
        (Text("Input voltage"), [(each.at, each.input_v) for each in oldest_first]),
        (Text("Output voltage"), [(each.at, each.output_v) for each in oldest_first]),
    )
    charts = []
    if known := _known(charge):
        charts.append(Chart(Text("Battery charge"), curve(span, known, 0, 100), figure(0, "%"), figure(100, "%")))
    for name, values in voltages:
        if known := [(at, value) for at, value in _known(values) if abs(value) < _NO_VOLTAGE_V]:
            low, high = min(value for _, value in known), max(value for _, value in known)
            charts.append(Chart(name, curve(span, known, low, high), _volts(low), _volts(high)))
    return charts


def _known(values: Sequence[tuple[datetime, float | None]]) -> Sequence[tuple[datetime, float]]:
    return [(at, value) for at, value in values if value is not None]


def _measured(reading: Reading) -> Measured:
    return Measured(
        reading.at,
        figure(reading.charge_percent, "%"),
        _volts(reading.battery_v),
        _volts(reading.input_v),
        _volts(reading.output_v),
    )


def _volts(value: float | None) -> str:
    # no-break space: a figure and its unit stay together
    return "" if value is None else f"{value:.4g}\u00a0V"

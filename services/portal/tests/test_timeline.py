"""The timeline of a UPS: where what stands in the picture, and what the page says."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from ups_portal.adapters.jinja import assets
from ups_portal.domain.event_groups import Group
from ups_portal.domain.timeline import Curve, Range, Span, Stretch, curve, span_of, ticks
from ups_portal.domain.timeline_view import Condition, History, Period, Reading, Told, timeline_view
from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_log import FakeLog
from ups_portal.testing.fake_timeline import FakePast
from ups_portal.testing.timeline_gallery import (
    a_carrying_row,
    a_disabled_period,
    a_discharge,
    a_past_condition,
    an_eventful_past,
    many_rows,
)
from ups_schemas.catalogue import Severity

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
SPAN = Span(NOW - timedelta(hours=100), NOW)
CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def hours_ago(hours):
    return NOW - timedelta(hours=hours)


def a_condition(since, until, code="ON_BATTERY", severity=CRITICAL, end="cleared", text=""):
    ended = None if until is None else hours_ago(until)
    return Condition(code, text, severity, hours_ago(since), ended, end, hours_ago(since - 1), 0)


def view_of(conditions=(), periods=(), readings=(), *, whole=True):
    told = [Told(tuple(found), whole) for found in (conditions, periods, readings)]
    return timeline_view("d-1", Range.WEEK, SPAN, History("Rack 1", *told), NOW, BERLIN)


@pytest.mark.parametrize(
    ("shown", "now", "zone", "hours"),
    [
        (Range.DAY, NOW, "Europe/Berlin", 24),
        (Range.WEEK, NOW, "Europe/Berlin", 168),
        (Range.WEEK, datetime(2026, 10, 26, 12, tzinfo=UTC), "Europe/Berlin", 169),
        (Range.WEEK, datetime(2026, 3, 30, 12, tzinfo=UTC), "Europe/Berlin", 167),
        (Range.MONTH, NOW, "Asia/Kolkata", 720),
        (Range.QUARTER, NOW, "Europe/Berlin", 2161),
    ],
)
def test_days_have_the_hours_that_they_have_in_the_readers_zone(shown, now, zone, hours):
    span = span_of(shown, now, ZoneInfo(zone))

    assert span.end - span.start == timedelta(hours=hours)


def test_today_is_the_last_day_that_is_shown():
    span = span_of(Range.WEEK, datetime(2026, 11, 22, 23, 30, tzinfo=UTC), BERLIN)

    assert span == Span(datetime(2026, 11, 16, 23, tzinfo=UTC), datetime(2026, 11, 23, 23, tzinfo=UTC))


def test_the_day_on_which_clocks_go_back_is_an_hour_wider():
    shown = ticks(Range.WEEK, span_of(Range.WEEK, datetime(2026, 10, 26, 12, tzinfo=UTC), BERLIN), BERLIN)

    assert [tick.label for tick in shown] == [f"{day} Oct" for day in range(20, 27)]
    widths = [after.x - before.x for before, after in pairwise(shown)]
    assert [round(width * 169 / 100) for width in widths] == [24, 24, 24, 24, 24, 25]


@pytest.mark.parametrize(
    ("shown", "labels"),
    [
        (Range.MONTH, ["24 Oct", "29 Oct", "3 Nov", "8 Nov", "13 Nov", "18 Nov"]),
        (Range.QUARTER, ["25 Aug", "9 Sep", "24 Sep", "9 Oct", "24 Oct", "8 Nov"]),
    ],
)
def test_a_longer_time_has_lines_further_apart(shown, labels):
    span = span_of(shown, NOW, BERLIN)

    assert [tick.label for tick in ticks(shown, span, BERLIN)] == labels
    assert ticks(shown, span, BERLIN)[0].x == 0


def test_a_day_has_the_hours_of_the_readers_clock_where_there_is_room():
    now = datetime(2026, 11, 22, 18, 29, 59, 5, tzinfo=UTC)
    shown = ticks(Range.DAY, span_of(Range.DAY, now, BERLIN), ZoneInfo("Asia/Kolkata"))

    assert [tick.label for tick in shown] == ["00:00", "04:00", "08:00", "12:00", "16:00", "20:00"]
    assert shown[0].x == pytest.approx(0, abs=0.01)


def test_an_hour_at_the_right_edge_has_no_room_for_words():
    shown = ticks(Range.DAY, Span(NOW - timedelta(hours=24), NOW), ZoneInfo("UTC"))

    assert [tick.label for tick in shown] == ["20:00", "00:00", "04:00", "08:00", "12:00", ""]


@pytest.mark.parametrize(
    ("since", "until", "stretch"),
    [
        (75, 50, Stretch(25, 25)),
        (120, 90, Stretch(0, 10)),
        (10, -5, Stretch(90, 10)),
        (50, 50, Stretch(50, 0.35)),
        (0.001, 0, Stretch(99.65, 0.35)),
        (130, 101, None),
        (0, -3, None),
    ],
)
def test_what_lasted_stands_where_it_was_and_can_always_be_seen(since, until, stretch):
    assert SPAN.stretch(hours_ago(since), hours_ago(until)) == stretch


def test_a_curve_goes_through_its_values():
    points = [(hours_ago(100), 0.0), (hours_ago(50), 100.0), (NOW, 50.0)]

    assert curve(SPAN, points, 0, 100) == Curve(
        "M0.0 94.0L500.0 6.0L1000.0 50.0", "M0.0 94.0h0M500.0 6.0h0M1000.0 50.0h0"
    )
    assert curve(SPAN, [(hours_ago(50), 230.0)], 230, 230).line == "M500.0 50.0"


def test_of_values_on_one_another_the_least_and_the_greatest_are_kept():
    many = [(hours_ago(100 - number / 100), float(number % 7)) for number in range(10_000)]
    many[5000] = (many[5000][0], 99.0)

    shown = curve(SPAN, many, 0, 99).line

    assert shown.count("L") < 650
    assert " 6.0" in shown


def test_each_condition_has_a_lane_the_worst_first():
    view = view_of(
        [
            a_condition(2, 1, "AVR_ON", INFO),
            a_condition(5, 4, "UPS_FAULT", CRITICAL, text="Fan"),
            a_condition(30, 20),
            a_condition(60, 50),
            a_condition(70, 65, "UPS_FAULT", CRITICAL, text="Relay"),
            a_condition(300, 200, "OVERLOAD"),
        ]
    )

    named = [(lane.name.said(str).translate({0x2068: "", 0x2069: ""}), len(lane.bars)) for lane in view.lanes]
    assert named == [
        ("UPS fault: Fan", 1),
        ("On battery", 2),
        ("UPS fault: Relay", 1),
        ("Correcting the input voltage", 1),
    ]
    assert len(view.occurrences) == 6


def test_what_is_open_goes_on_to_now_and_what_ended_unknown_ends_where_it_was_last_reported():
    view = view_of([a_condition(40, None, end=None), a_condition(50, None, "OVERLOAD", end="evicted")])

    open_, unknown = (lane.bars[0] for lane in view.lanes)
    assert (open_.place, open_.is_open) == (Stretch(60, 40), True)
    assert (unknown.place, unknown.is_open) == (Stretch(50, 1), False)
    rows = [(row.ended.said(str), row.lasted and row.lasted.said(str)) for row in view.occurrences]
    assert rows == [("Still so", "1 day 16 hours"), ("Not known", None)]


def test_how_long_it_lasted_is_said_of_what_was_reported_as_over_only():
    view = view_of([a_condition(40, 38), a_condition(60, 36, end="not_reported")])

    assert [row.lasted and row.lasted.said(str) for row in view.occurrences] == ["2 hours", None]
    assert [row.how is None for row in view.occurrences] == [True, False]


def test_disabled_periods_are_shaded_to_their_end_or_as_long_as_they_will_last():
    ended = Period(hours_ago(90), hours_ago(-70), hours_ago(80))
    running = Period(hours_ago(20), hours_ago(-100), None)

    assert view_of(periods=[running, ended]).shades == (Stretch(80, 20), Stretch(10, 10))


def test_a_picture_with_too_many_lanes_says_how_many_are_left_out():
    view = view_of([a_condition(20, 10, "UPS_FAULT", text=str(number)) for number in range(30)])

    assert (len(view.lanes), view.lanes_left_out, len(view.occurrences)) == (24, 6, 30)


def test_there_is_a_curve_of_what_events_carried_and_of_nothing_else():
    view = view_of(
        readings=[Reading(hours_ago(10), 40, None, 228.04, None), Reading(hours_ago(50), 100, None, 231.5, 1e300)]
    )

    assert [(chart.name.said(str), chart.low, chart.high) for chart in view.charts] == [
        ("Battery charge", "0\u00a0%", "100\u00a0%"),
        ("Input voltage", "228\u00a0V", "231.5\u00a0V"),
    ]
    assert view.charts[0].curve.line == "M500.0 6.0L900.0 58.8"


def of_past(past, name="Rack 1", **state):
    return FakeDeviceSvc(own=FakeDevices([a_device(1, name=name)], past=past, **state))


def bars(page):
    return re.findall(r'class="bar (\w+)(?: open)?" x="([\d.]+)%" width="([\d.]+)%"', page.text)


async def test_the_page_has_a_picture_and_the_same_as_tables(signed_in):
    browsing = await signed_in(of_past(an_eventful_past(), log=FakeLog(a_discharge())))

    page = await browsing.get("/devices/d-1/timeline")

    assert page.status_code == 200
    assert len(bars(page)) == 12
    assert len(re.findall(r'<tr><th scope="row">', page.text)) == 12 + 12
    assert page.text.count("Still so") == 1
    assert "Rack 1" in page.text
    assert "style=" not in page.text


@pytest.mark.parametrize(
    ("query", "shown"), [("", "7d"), ("?range=24h", "24h"), ("?range=90d", "90d"), ("?range=x", "7d")]
)
async def test_how_much_is_shown_can_be_chosen(signed_in, query, shown):
    browsing = await signed_in(of_past(FakePast()))

    page = await browsing.get(f"/devices/d-1/timeline{query}")

    assert re.findall(r'range=(\w+)" aria-current="true"', page.text) == [shown]


async def test_what_was_before_the_time_that_is_shown_is_not_shown(signed_in):
    past = FakePast([a_past_condition("ON_BATTERY", "critical", 30, 3)])
    log = FakeLog([a_carrying_row(SINCE - timedelta(hours=30), input_voltage_v=1)])
    browsing = await signed_in(of_past(past, periods=[a_disabled_period(60, 10)], log=log))

    page = await browsing.get("/devices/d-1/timeline?range=24h")

    assert "Nothing was wrong in this time." in page.text
    assert "No event in this time carried" in page.text
    assert 'class="shade"' not in page.text


@pytest.mark.parametrize("part", ["conditions", "notifications/periods", "events"])
async def test_a_part_that_is_away_is_said_and_the_rest_shown(signed_in, part):
    browsing = await signed_in(
        of_past(
            an_eventful_past(), without={part}, log=FakeLog(a_discharge(), failing=503 if part == "events" else None)
        )
    )

    page = await browsing.get("/devices/d-1/timeline")

    assert page.status_code == 200
    assert page.text.count("at the moment") == 1
    assert bool(bars(page)) is (part != "conditions")
    assert ('class="line"' in page.text) is (part != "events")


async def test_as_much_is_asked_for_as_can_be_seen_and_the_rest_is_said_to_be_there(signed_in):
    conditions = [a_past_condition("COMM_LOST", "warning", 1 + number / 10, 0.05) for number in range(9)]
    past, log = FakePast(conditions, page_size=3), FakeLog(many_rows())
    browsing = await signed_in(of_past(past, log=log))

    page = await browsing.get("/devices/d-1/timeline")

    assert (past.pages, len(log.asked)) == (2, 5)
    assert len(bars(page)) == 6
    assert page.text.count("only the newest is") == 2


async def test_a_ups_of_another_company_is_not_there(signed_in):
    browsing = await signed_in(of_past(FakePast()))

    assert (await browsing.get("/devices/d-2/timeline")).status_code == 404


async def test_names_from_outside_stay_text(signed_in):
    hostile = '</text><script>alert(1)</script>\u202e"'
    past = FakePast([a_past_condition("UPS_FAULT", "critical", 2, 1, text=hostile)])
    browsing = await signed_in(of_past(past, name=hostile))

    page = await browsing.get("/devices/d-1/timeline")

    assert "<script>" not in page.text
    assert "\u202e" not in page.text


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# axe does not see what words and bars in a drawing stand on. WCAG 2.2, 1.4.3 and 1.4.11.
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("colour", "ground", "ratio"),
    [
        ("soft", "card", 4.5),
        ("soft", "panel", 4.5),
        *((each, "panel", 3) for each in ("critical", "warning", "info", "curve")),
        *((each, "panel", 3) for each in Group),
    ],
)
def test_words_and_bars_stand_out_from_their_ground(scheme, colour, ground, ratio):
    sheets = [assets()[name].content.decode() for name in ("portal.css", "timeline.css")]
    light, dark = ("".join(each.partition("prefers-color-scheme: dark")[at] for each in sheets) for at in (0, 2))
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", light + (dark if scheme == "dark" else "")))

    dim, bright = sorted((luminance(colours[colour]), luminance(colours[ground])))

    assert (bright + 0.05) / (dim + 0.05) >= ratio

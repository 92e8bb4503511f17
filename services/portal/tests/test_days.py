"""How much happened by day: which kinds there are, what stands where in the picture, and what the page says."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ups_portal.domain.days_view import HEIGHT, Counted, DayCount, days_view
from ups_portal.domain.event_groups import Group, group_of
from ups_portal.domain.timeline import Dates, Range, dates_of
from ups_portal.testing.days_gallery import some_days
from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices
from ups_portal.testing.fake_log import FakeLog, a_row
from ups_schemas.catalogue import CODES, CONDITIONS

WEEK = Dates(date(2026, 11, 16), 7, 1)


def view_of(*days, whole=True):
    counted = [DayCount(WEEK.after(number), codes) for number, codes in enumerate(days)]
    return days_view(Counted(tuple(counted), whole), Range.WEEK, WEEK)


def labels(view):
    return [line.label for line in view.lines]


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("ON_BATTERY", Group.MAINS),
        ("POWER_RESTORED", Group.MAINS),
        ("SELFTEST_PASSED", Group.BATTERY),
        ("OUTPUT_ON", Group.LOAD),
        ("COMM_RESTORED", Group.CONTACT),
        ("UPS_FAULT", Group.OTHER),
        ("SECURITY_ALERT", Group.OTHER),
        ("OF_A_LATER_RELEASE", Group.OTHER),
    ],
)
def test_a_code_is_of_the_kind_of_its_condition(code, group):
    assert group_of(code) is group


def test_what_ends_a_condition_is_of_its_kind():
    for condition in CONDITIONS:
        assert {group_of(clear) for clear in condition.clears} <= {group_of(condition.code)}, condition.code


def test_every_kind_has_codes():
    assert {group_of(code) for code in CODES} == set(Group)


def test_the_days_are_those_of_the_readers_zone_today_the_last():
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)

    assert dates_of(Range.WEEK, late, ZoneInfo("UTC")) == WEEK
    assert dates_of(Range.MONTH, late, ZoneInfo("Europe/Berlin")).last == date(2026, 11, 23)


def test_kinds_stand_on_one_another_in_their_order():
    view = view_of({}, {"OVERLOAD": 4, "ON_BATTERY": 10, "POWER_RESTORED": 6})

    (column,) = view.columns
    mains, load = column.pieces
    assert (mains.group, load.group) == (Group.MAINS, Group.LOAD)
    assert mains.y + mains.height == HEIGHT
    assert load.y + load.height == pytest.approx(mains.y)
    assert mains.height == pytest.approx(4 * load.height)
    assert view.lines[-1].y == load.y
    assert column.title.said() == "Tue 17 Nov 2026: 20 events"


def test_a_day_stands_where_it_is_in_the_time_that_is_shown():
    view = view_of(*[{"ON_BATTERY": 1}] * 7)

    assert [round(column.x) for column in view.columns] == [1, 16, 30, 44, 59, 73, 87]
    assert {round(column.width, 1) for column in view.columns} == {11.4}
    assert [tick.label for tick in view.ticks][::6] == ["16 Nov", "22 Nov"]


def test_a_quarter_has_a_word_for_each_fifteenth_day():
    view = days_view(Counted((), whole=True), Range.QUARTER, Dates(date(2026, 8, 25), 90, 15))

    assert [tick.label for tick in view.ticks] == ["25 Aug", "9 Sep", "24 Sep", "9 Oct", "24 Oct", "8 Nov"]


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1, ["0", "1"]),
        (4, ["0", "1", "2", "3", "4"]),
        (5, ["0", "2", "4", "6"]),
        (21, ["0", "10", "20", "30"]),
        (81, ["0", "50", "100"]),
        (1_000_000, ["0", "500000", "1000000"]),
    ],
)
def test_lines_are_at_round_numbers_and_few(most, expected):
    assert labels(view_of({"ON_BATTERY": most})) == expected


def test_a_single_event_can_be_seen_beside_thousands():
    view = view_of({"ON_BATTERY": 900_000}, {"OVERLOAD": 1})

    assert view.columns[1].pieces[0].height == 1


def test_tables_say_the_same_and_lead_to_the_rows():
    view = view_of({"ON_BATTERY": 2, "OTHER": 1}, {}, {"POWER_RESTORED": 2, "ON_BATTERY": 0})

    rows = [(row.day.said(), row.events, row.total) for row in view.days]
    assert rows == [
        ("Wed 18 Nov 2026", (2, 0, 0, 0, 0), 2),
        ("Tue 17 Nov 2026", (0, 0, 0, 0, 0), 0),
        ("Mon 16 Nov 2026", (2, 0, 0, 0, 1), 3),
    ]
    assert view.days[2].query == "?first=2026-11-16&last=2026-11-16"
    codes = [(row.name.said(), row.group.said(), row.total) for row in view.codes]
    assert codes == [
        ("On battery", "Mains power", 2),
        ("Power restored", "Mains power", 2),
        ("Event of the device", "The UPS itself, and others", 1),
    ]
    assert view.codes[0].query == "?code=ON_BATTERY&first=2026-11-16&last=2026-11-18"


def of_log(*args, **state):
    return FakeDeviceSvc(own=FakeDevices(log=FakeLog(*args, **state)))


async def test_the_page_has_a_picture_and_the_same_as_tables(signed_in):
    browsing = await signed_in(of_log(some_days(7)))

    page = await browsing.get("/events/days")

    assert page.status_code == 200
    assert len(re.findall(r'<rect class="whole"', page.text)) == 6
    assert len(re.findall(r'<tr><th scope="row">', page.text)) >= 7
    assert "style=" not in page.text
    assert "<details open>" in page.text


async def test_it_is_asked_for_once_with_the_days_and_the_zone_of_the_reader(signed_in):
    device_svc = of_log(some_days(30))
    browsing = await signed_in(device_svc)

    page = await browsing.get("/events/days?range=30d")

    (asked,) = device_svc.own.log.asked
    today = SINCE.astimezone(ZoneInfo(asked["zone"])).date()
    assert asked["zone"] == "Europe/Berlin"
    assert (date.fromisoformat(asked["last"]) - date.fromisoformat(asked["first"])).days == 29
    assert asked["last"] >= f"{today}"
    assert "<details>" in page.text


@pytest.mark.parametrize(
    ("query", "shown"),
    [("", "7d"), ("?range=30d", "30d"), ("?range=90d", "90d"), ("?range=24h", "7d"), ("?range=x", "7d")],
)
async def test_how_much_is_shown_can_be_chosen(signed_in, query, shown):
    browsing = await signed_in(of_log())

    page = await browsing.get(f"/events/days{query}")

    assert re.findall(r'range=(\w+)" aria-current="true"', page.text) == [shown]
    assert "range=24h" not in page.text


async def test_a_day_leads_to_its_rows_of_the_event_log(signed_in):
    on = SINCE - timedelta(days=1)
    browsing = await signed_in(of_log([a_row(1), a_row(2, received_at=on.isoformat())]))

    page = await browsing.get("/events/days")
    link = re.findall(r'<th scope="row"><a href="([^"]+first=[^"]+)">', page.text)[1].replace("&amp;", "&")
    rows = await browsing.get(link)

    assert rows.status_code == 200
    assert rows.text.count('<li id="row-') == 1


async def test_the_event_log_leads_to_it(signed_in):
    browsing = await signed_in(of_log())

    assert 'href="/events/days"' in (await browsing.get("/events")).text
    assert 'href="/events/days"' not in (await browsing.get("/devices/d-1/events")).text


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (FakeLog(), "Nothing happened in this time."),
        (FakeLog(failing=503), "cannot be shown at the moment"),
        (FakeLog([a_row(0, received_at=SINCE.isoformat())], most_counted=0), "only the newest days are shown"),
    ],
)
async def test_where_there_is_no_picture_the_page_says_why(signed_in, log, said):
    browsing = await signed_in(FakeDeviceSvc(own=FakeDevices(log=log)))

    page = await browsing.get("/events/days")

    assert page.status_code == 200
    assert said in page.text
    assert '<svg class="columns"' not in page.text


async def test_days_that_were_too_much_to_be_counted_are_said_to_be_missing(signed_in):
    browsing = await signed_in(of_log(some_days(30), most_counted=200))

    page = await browsing.get("/events/days?range=30d")

    assert "only the newest days are shown" in page.text
    assert 0 < len(re.findall(r'<rect class="whole"', page.text)) < 10

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ups_schemas.wording import duration, in_utc, masked, moment, one_line, shortened, zone_of

AT = datetime(2026, 11, 22, 23, 31, 5, tzinfo=UTC)
BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def test_times_are_the_readers_with_utc_beside():
    assert moment(AT, BERLIN) == "Mon 23 Nov 2026, 00:31:05 (UTC+01:00)"
    assert in_utc(AT, BERLIN) == "22 Nov, 23:31:05 UTC"
    assert moment(AT, ZoneInfo("America/St_Johns")) == "Sun 22 Nov 2026, 20:01:05 (UTC−03:30)"
    assert moment(AT, UTC_ZONE) == "Sun 22 Nov 2026, 23:31:05 (UTC)"
    assert in_utc(AT, UTC_ZONE) is None


def test_times_keep_their_offset_across_daylight_saving():
    berlin = zone_of("Europe/Berlin")

    assert "(UTC+02:00)" in moment(datetime(2026, 10, 25, 0, 59, tzinfo=UTC), berlin)
    assert "(UTC+01:00)" in moment(datetime(2026, 10, 25, 1, 1, tzinfo=UTC), berlin)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "\0", "x" * 300])
def test_a_zone_that_is_none_is_utc(name):
    assert zone_of(name) == UTC_ZONE


def test_a_line_from_outside_does_not_break_turn_or_hide():
    assert one_line("a\r\nb\0c\u202ed\u200b e\ud800") == "a b cd e"
    assert one_line("\U0001f469\u200d\U0001f4bb") == "\U0001f469\u200d\U0001f4bb"
    assert one_line("\u200d \u200c\u202e") == ""


def test_a_short_line_stays_and_a_long_one_is_cut_between_whole_characters():
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abc\U0001f469\u200d\U0001f4bbdef", 6) == "abc\U0001f469…"
    assert shortened("abcde\u0301f", 6) == "abcde…"


@pytest.mark.parametrize(("address", "shown"), [("alex@example.com", "a…@example.com"), ("ß@x.de", "ß…@x.de")])
def test_an_address_is_masked(address, shown):
    assert masked(address) == shown


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "less than a second"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(days=7), "7 days"),
        (timedelta(hours=2, seconds=5), "2 hours"),
        (timedelta(days=1, hours=3, minutes=9), "1 day 3 hours"),
        (timedelta(seconds=-5), "less than a second"),
    ],
)
def test_durations_have_two_units(length, text):
    assert duration(length) == text

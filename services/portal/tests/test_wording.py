from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ups_portal.domain.wording import clean, in_utc, moment, roughly, time_of_day, zone_of

AT = datetime(2026, 11, 22, 23, 31, 5, tzinfo=UTC)
BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


def test_times_are_the_readers_with_utc_beside():
    assert moment(AT, BERLIN) == "Mon 23 Nov 2026, 00:31:05 (UTC+01:00)"
    assert in_utc(AT, BERLIN) == "22 Nov, 23:31:05 UTC"
    assert moment(AT, ZoneInfo("America/St_Johns")) == "Sun 22 Nov 2026, 20:01:05 (UTC−03:30)"
    assert moment(AT, UTC_ZONE) == "Sun 22 Nov 2026, 23:31:05 (UTC)"
    assert in_utc(AT, UTC_ZONE) is None


def test_a_time_of_another_day_has_its_date():
    assert time_of_day(AT, AT, BERLIN) == "00:31:05 (UTC+01:00)"
    assert time_of_day(AT - timedelta(hours=1), AT, BERLIN) == "Sun 22 Nov 2026, 23:31:05 (UTC+01:00)"


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "\0", "x" * 300])
def test_a_zone_that_is_none_is_utc(name):
    assert zone_of(name) == UTC_ZONE


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "a few seconds"),
        (59, "a few seconds"),
        (61, "a minute"),
        (3000, "50 minutes"),
        (3700, "an hour"),
        (7300, "2 hours"),
        (90_000, "a day"),
        (604_790, "7 days"),
    ],
)
def test_a_time_to_wait_is_said_roughly(seconds, said):
    assert roughly(timedelta(seconds=seconds)) == said


def test_names_from_outside_are_one_line_without_tricks():
    assert clean("a\r\nb\0c\u202ed\u200b e") == "a b cd e"
    assert clean("\U0001f469\u200d\U0001f4bb") == "\U0001f469\u200d\U0001f4bb"
    assert len(clean("x" * 1000)) == 300

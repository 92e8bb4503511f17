from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ups_portal.domain.wording import clean, roughly, time_of_day

AT = datetime(2026, 11, 22, 23, 31, 5, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def test_a_time_of_another_day_has_its_date():
    assert time_of_day(AT, AT, BERLIN) == "00:31:05 (UTC+01:00)"
    assert time_of_day(AT - timedelta(hours=1), AT, BERLIN).said() == "Sun 22 Nov 2026, 23:31:05 (UTC+01:00)"


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
    assert roughly(timedelta(seconds=seconds)).said() == said


def test_names_from_outside_are_one_line_without_tricks():
    assert clean("a\r\nb\0c\u202ed\u200b e") == "a b cd e"
    assert clean("\U0001f469\u200d\U0001f4bb") == "\U0001f469\u200d\U0001f4bb"
    assert len(clean("x" * 1000)) == 300

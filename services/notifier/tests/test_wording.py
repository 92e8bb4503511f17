from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_notifier.domain.wording import (
    clean,
    condition_name,
    isolated,
    moment_with_utc,
    time_of_day,
    times,
)
from ups_schemas.wording import zone_of

AT = datetime(2026, 11, 22, 17, 31, 5, tzinfo=UTC)


@given(st.text(max_size=400), st.integers(2, 120))
def test_a_cleaned_name_is_one_short_visible_line(text, limit):
    line = clean(text, limit)

    assert len(line) <= limit
    assert not set(line) & {"\r", "\n", "\0", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f", "\u0085"}
    line.encode()  # no half surrogates
    assert line == line.strip()


@pytest.mark.parametrize(
    ("given_text", "line"),
    [
        ("Rack 4\r\nBcc: a@b.example", "Rack 4 Bcc: a@b.example"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        ("  a \t b ", "a b"),
        ("bad\ud800half", "badhalf"),
        ("=?utf-8?q?=0d=0aBcc:_x@y?=", "= ?utf-8?q?=0d=0aBcc:_x@y?="),
    ],
)
def test_names_lose_only_what_harms(given_text, line):
    assert clean(given_text) == line


def test_a_cut_name_ends_in_a_whole_character():
    assert clean("abc\U0001f469\u200d\U0001f4bbdef", 6) == "abc\U0001f469…"


def test_only_right_to_left_text_is_isolated():
    assert isolated("Rack 4") == "Rack 4"
    assert isolated("مركز") == "\u2068مركز\u2069"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Europe/Berlin", "Sun 22 Nov 2026, 18:31:05 (UTC+01:00) = 17:31:05 UTC"),
        ("Asia/Kolkata", "Sun 22 Nov 2026, 23:01:05 (UTC+05:30) = 17:31:05 UTC"),
        ("Pacific/Auckland", "Mon 23 Nov 2026, 06:31:05 (UTC+13:00) = 22 Nov, 17:31:05 UTC"),
        ("America/St_Johns", "Sun 22 Nov 2026, 14:01:05 (UTC−03:30) = 17:31:05 UTC"),
        ("UTC", "Sun 22 Nov 2026, 17:31:05 (UTC)"),
        ("No/Such_Zone", "Sun 22 Nov 2026, 17:31:05 (UTC)"),
        ("../../etc/passwd", "Sun 22 Nov 2026, 17:31:05 (UTC)"),
    ],
)
def test_times_are_the_readers_with_utc_beside(zone, text):
    assert moment_with_utc(AT, zone_of(zone)) == text


def test_a_list_of_one_day_says_the_day_once():
    berlin = zone_of("Europe/Berlin")

    assert time_of_day(AT, AT, berlin) == "18:31:05 (UTC+01:00) = 17:31:05 UTC"
    assert time_of_day(AT, AT + timedelta(days=1), berlin).startswith("Sun 22 Nov 2026, 18:31:05")


def test_counts_read_as_people_say_them():
    assert [times(number) for number in (1, 2, 3)] == ["once", "twice", "3 times"]


@pytest.mark.parametrize(
    ("code", "text", "name"),
    [
        ("ON_BATTERY", "ignored", "On battery"),
        ("UPS_FAULT", "Fuse 3", "UPS fault: Fuse 3"),
        ("OTHER", "Door open", "Door open"),
        ("OTHER", None, "Event of the device"),
        ("NEVER_HEARD_OF", None, "NEVER_HEARD_OF"),
    ],
)
def test_conditions_have_names(code, text, name):
    assert condition_name(code, text) == name

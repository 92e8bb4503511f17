from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ups_schemas.envelope import (
    format_milliseconds,
    format_timestamp,
    from_milliseconds,
    milliseconds,
    to_utc_milliseconds,
)
from ups_schemas.event import RawEvent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999

moments = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@given(st.integers(FIRST_MS, LAST_MS))
def test_milliseconds_survive_the_way_to_a_moment_and_back(number: int) -> None:
    assert milliseconds(from_milliseconds(number)) == number


@given(st.integers(FIRST_MS, LAST_MS))
def test_milliseconds_are_spelt_as_their_moment_is(number: int) -> None:
    assert format_milliseconds(number) == format_timestamp(from_milliseconds(number))


@pytest.mark.parametrize("number", [FIRST_MS - 1, LAST_MS + 1, 10**30])
def test_no_spelling_is_found_outside_the_years(number: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        format_milliseconds(number)


@given(st.integers(FIRST_MS, LAST_MS))
def test_a_moment_is_exactly_its_milliseconds_from_the_epoch(number: int) -> None:
    assert from_milliseconds(number) == EPOCH + timedelta(milliseconds=number)


@given(moments)
def test_a_moment_is_cut_to_milliseconds_never_rounded_up(moment: datetime) -> None:
    cut = to_utc_milliseconds(moment)

    assert timedelta(0) <= moment - cut < timedelta(milliseconds=1)
    assert cut.utcoffset() == timedelta(0)
    assert milliseconds(cut) == milliseconds(moment)


@given(moments)
def test_what_is_written_reads_back_as_the_same_millisecond(moment: datetime) -> None:
    text = format_timestamp(moment)

    assert len(text) == len("2026-11-22T10:15:30.125Z")
    assert text.endswith("Z")
    assert RawEvent(code="STATUS", occurred_at=text).occurred_at == to_utc_milliseconds(moment)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-11-22T10:15:30Z", "2026-11-22T10:15:30.000Z"),
        ("2026-11-22T10:15:30.1259Z", "2026-11-22T10:15:30.125Z"),
        ("2026-11-22T10:15:30.125+05:30", "2026-11-22T04:45:30.125Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_a_timestamp_has_one_spelling_on_the_wire(sent: str, read: str) -> None:
    event = RawEvent.model_validate({"code": "STATUS", "occurred_at": sent})

    assert event.model_dump(mode="json")["occurred_at"] == read


@pytest.mark.parametrize(
    "sent",
    [
        "2026-11-22T10:15:30",
        "22.11.2026",
        "",
        "2026-02-30T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00",
        True,
        1e300,
        {},
    ],
)
def test_a_timestamp_that_is_none_is_refused_and_never_crashes(sent: object) -> None:
    with pytest.raises(ValidationError):
        RawEvent.model_validate({"code": "STATUS", "occurred_at": sent})

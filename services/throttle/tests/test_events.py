"""The quick reading of events gives what the model gives, or leaves it to the model."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_schemas.catalogue import Severity
from ups_schemas.event import AcceptedEvent, Attributes, Phase, Source
from ups_throttle.adapters.events import _Attributes, _Event, read_canonical
from ups_throttle.domain.event import event_of
from ups_throttle.testing.damage import changed, damaged
from ups_throttle.testing.samples import event

number = st.none() | st.floats(min_value=0, max_value=100)
text = st.none() | st.text(max_size=200)
moment = st.none() | st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
accepted = st.builds(
    AcceptedEvent,
    event_id=st.from_regex(r"\A[A-Za-z0-9._:@/+=~-]{1,128}\Z"),
    device_id=st.just("d-1"),
    ownership=st.integers(1, 2**62),
    device_version=st.integers(0, 2**62),
    code=st.from_regex(r"\A[A-Z][A-Z0-9_]{0,63}\Z"),
    phase=st.sampled_from(Phase),
    severity=st.sampled_from(Severity),
    received_at=moment.filter(lambda when: when is not None),
    occurred_at=moment,
    sent_at=moment,
    seq=st.none() | st.integers(0, 2**62),
    source=st.sampled_from(Source),
    native_code=text,
    native_text=text,
    late=st.booleans(),
    attributes=st.builds(
        Attributes,
        battery_charge_percent=number,
        battery_voltage_v=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        status=text,
        cause=text,
    ),
)


def test_it_knows_the_fields_of_the_model_in_their_order() -> None:
    assert _Event.__struct_fields__ == tuple(AcceptedEvent.model_fields)
    assert _Attributes.__struct_fields__ == tuple(Attributes.model_fields)


@given(accepted)
def test_an_event_as_ingest_writes_it_is_read_as_the_model_reads_it(original: AcceptedEvent) -> None:
    value = original.model_dump_json().encode()

    read = read_canonical(value)

    # a number or text that two libraries spell differently is left to the model
    if read is not None:
        model = AcceptedEvent.model_validate_json(value)
        assert read == event_of(model)
        assert model.model_dump_json().encode() == value


@given(accepted.flatmap(lambda original: damaged(original.model_dump_json().encode())))
def test_what_is_read_of_damaged_bytes_the_model_reads_alike(value: bytes) -> None:
    read = read_canonical(value)

    if read is not None:
        model = AcceptedEvent.model_validate_json(value)
        assert read == event_of(model)
        assert model.model_dump_json().encode() == value


def test_a_usual_event_is_read_here() -> None:
    assert read_canonical(event().model_dump_json().encode()) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"ownership":1', '"ownership":0'),
        ('"ownership":1', '"ownership":"1"'),
        ('"ownership":1', '"ownership": 1'),
        ('"late":false', '"late":"false"'),
        ('"late":false', '"late":false,"added":1'),
        ('"late":false,"suspect":false', '"suspect":false,"late":false'),
        ('"ups.event.v1"', '"ups.event.v2"'),
        ("UPS_FAULT", "ups_fault"),
        ("UPS_FAULT", "UPS_FAULT\\n"),
        ("d-1-e-1", "d 1"),
        ("d-1-e-1", "d-1\\n"),
        (".000Z", "Z"),
        (".000Z", ".000+00:00"),
        ("T12", "T25"),
        ("T12", " 12"),
        ('"mode":null', '"mode":null,"text":"of its own"'),
        ('"battery_charge_percent":null', '"battery_charge_percent":101.0'),
        ('"battery_charge_percent":null', '"battery_charge_percent":1e1'),
        ('"battery_voltage_v":null', '"battery_voltage_v":NaN'),
        ('"battery_voltage_v":null', '"battery_voltage_v":1e16'),
        ('"temperature_c":null', '"temperature_c":-1e300'),
        ('"load_percent":null', '"load_percent":1e16'),
    ],
)
def test_anything_else_is_left_to_the_model(old: str, new: str) -> None:
    assert read_canonical(changed(event().model_dump_json().encode(), old, new)) is None


@pytest.mark.parametrize("value", [b"", b"\xff", b"null", b"[]", b"{}", b"[" * 100_000])
def test_what_is_no_event_is_left_to_the_model(value: bytes) -> None:
    assert read_canonical(value) is None

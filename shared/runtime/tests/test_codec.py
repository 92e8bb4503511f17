"""Any bytes are either an event or a reason why not."""

import contextlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_runtime.codec import decode, encode, message_event, parse
from ups_runtime.errors import Permanent, Undecodable
from ups_schemas.device import DeviceKey, EnableNotifications
from ups_schemas.envelope import CloudEvent, DeadLetterReason
from ups_schemas.event import AcceptedEvent, RawEvent

NOW = datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC)
MODELS = AcceptedEvent | EnableNotifications


@dataclass(frozen=True)
class ARecord:
    value: bytes | None
    key: bytes | None = b"dev_01"
    headers: tuple[tuple[str, bytes | None], ...] = ()
    topic: str = "ups.events.v1"
    partition: int = 3
    offset: int = 17
    timestamp: int = 1_795_348_800_123


@pytest.fixture
def event() -> CloudEvent[AcceptedEvent]:
    data = AcceptedEvent.model_validate(
        {
            "event_id": "e-1",
            "device_id": "dev_01JD0000000000000000000000",
            "ownership": 1,
            "device_version": 1,
            "code": "ONBATT",
            "phase": "raise",
            "severity": "warning",
            "received_at": NOW,
        }
    )
    return message_event(data, id="e-1", source="/event-ingest", subject=data.device_id, time=NOW)


def as_record(event: CloudEvent[AcceptedEvent]) -> ARecord:
    encoded = encode(event, key=event.subject)
    return ARecord(encoded.value, encoded.key, tuple(encoded.headers), timestamp=encoded.timestamp_ms)


def test_what_was_encoded_is_decoded_to_the_same_event(event: CloudEvent[AcceptedEvent]) -> None:
    traced = replace(event, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    assert decode(as_record(traced), MODELS) == traced


def test_the_headers_are_those_of_the_cloudevents_kafka_binding(event: CloudEvent[AcceptedEvent]) -> None:
    headers = dict(encode(event, key="k").headers)

    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"e-1",
        "ce_source": b"/event-ingest",
        "ce_type": b"ups.event.v1",
        "ce_subject": event.subject.encode(),
        "ce_time": b"2026-11-22T12:00:00.123Z",
        "content-type": b"application/json",
    }


@pytest.mark.parametrize(
    "headers",
    [(), (("ce_id", None),), (("ce_id", b"\xff\xfe"), ("ce_time", b"yesterday")), (("ce_id", b"x" * 2000),)],
    ids=["none", "null", "binary", "overlong"],
)
def test_the_value_alone_is_enough(
    event: CloudEvent[AcceptedEvent], headers: tuple[tuple[str, bytes | None], ...]
) -> None:
    decoded = decode(replace(as_record(event), headers=headers), MODELS)

    assert decoded.data == event.data
    assert (decoded.type, decoded.subject, decoded.time) == (event.type, event.subject, event.time)
    assert decoded.id == "ups.events.v1/3/17"


def test_the_type_in_the_value_wins_over_the_header(event: CloudEvent[AcceptedEvent]) -> None:
    record = replace(as_record(event), headers=(("ce_type", b"ups.enable-notifications.v1"),))

    assert decode(record, MODELS).type == "ups.event.v1"


@pytest.mark.parametrize("models", [AcceptedEvent, MODELS, (AcceptedEvent,), (AcceptedEvent, EnableNotifications)])
def test_a_model_a_union_and_a_tuple_of_models_all_do(event: CloudEvent[AcceptedEvent], models: object) -> None:
    assert decode(as_record(event), models).data == event.data


def test_unknown_fields_are_passed_over(event: CloudEvent[AcceptedEvent]) -> None:
    value = json.dumps(json.loads(encode(event, key="k").value) | {"later": {"than": "us"}}).encode()

    assert parse(value, MODELS) == event.data


@pytest.mark.parametrize("value", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"type": "\\ud800"}', b"nonsense"])
def test_what_is_no_json_is_undecodable(value: bytes) -> None:
    with pytest.raises(Undecodable) as raised:
        decode(ARecord(value), MODELS)

    assert raised.value.reason is DeadLetterReason.UNDECODABLE


@pytest.mark.parametrize(
    "value", [None, b"null", b"[]", b"{}", b'{"type":"ups.other.v1"}', b'{"type":"ups.event.v1"}', b'{"type":1e999}']
)
def test_json_that_breaks_the_contract_is_invalid(value: bytes | None) -> None:
    with pytest.raises(Permanent) as raised:
        decode(ARecord(value), MODELS)

    assert raised.value.reason is DeadLetterReason.INVALID


def test_an_error_shows_fields_and_no_values() -> None:
    with pytest.raises(Permanent) as raised:
        parse(b'{"type":"ups.device-key.v1","key_id":"someone@example.org","version":"top secret"}', DeviceKey)

    assert "version" in str(raised.value)
    assert "secret" not in str(raised.value).replace("secret_sha256", "")
    assert "example.org" not in str(raised.value)


def test_a_value_that_is_no_cloudevent_is_parsed_too() -> None:
    assert parse(b'{"code":"ONBATT"}', RawEvent).code == "ONBATT"


@given(
    value=st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.floats() | st.integers(), st.lists).map(
        lambda thing: json.dumps(thing).encode()
    ),
    headers=st.lists(
        st.tuples(st.sampled_from(["ce_id", "ce_time", "traceparent", "CE_TYPE"]), st.none() | st.binary())
    ),
    key=st.none() | st.binary(max_size=20),
    timestamp=st.integers(-1, 2**63 - 1),
)
def test_any_bytes_give_an_event_or_a_reason(
    value: bytes, headers: list[tuple[str, bytes | None]], key: bytes | None, timestamp: int
) -> None:
    record = ARecord(value, key, tuple(headers), timestamp=timestamp)

    outcome = None
    with contextlib.suppress(Permanent):
        outcome = decode(record, MODELS)

    assert outcome is None or outcome.type


@given(
    headers=st.lists(
        st.tuples(st.sampled_from(["ce_id", "ce_time", "ce_source", "traceparent"]), st.none() | st.binary(max_size=40))
    ),
    key=st.none() | st.binary(max_size=20),
    timestamp=st.integers(-1, 2**63 - 1),
)
def test_any_headers_key_and_timestamp_leave_a_good_value_good(
    headers: list[tuple[str, bytes | None]], key: bytes | None, timestamp: int
) -> None:
    value = b'{"type":"ups.event.v1","event_id":"e","device_id":"d","ownership":1,"device_version":1,"code":"X"'
    value += b',"phase":"raise","severity":"info","received_at":"2026-11-22T12:00:00Z"}'

    assert decode(ARecord(value, key, tuple(headers), timestamp=timestamp), MODELS).data.event_id == "e"

"""Hostile records: each comes to a letter that the brokers take, and none ends the worker."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from ups_runtime.testing import FakeClock
from ups_schemas.envelope import DeadLetterReason
from ups_schemas.topics import DEVICES, EVENTS, Service
from ups_throttle.adapters.memory_log import LogRecord
from ups_throttle.adapters.wire import CloudEventsWire, read_device
from ups_throttle.partition import Partition
from ups_throttle.records import Record, Unreadable
from ups_throttle.testing.samples import START, device

WIRE = CloudEventsWire(Service.THROTTLE, FakeClock(START))
# message.max.bytes, without what a batch adds
BROKERS_LIMIT = 1_048_588 - 61


def letter_bytes(key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]) -> int:
    raw = LogRecord(EVENTS.name, 0, 7, 0, key, value, headers)
    letter = WIRE.dead_letter(raw, DeadLetterReason.UNDECODABLE, "the value is not JSON")
    size: int = DefaultRecordBatchBuilder.estimate_size_in_bytes(letter.key, letter.value, list(letter.headers))
    return size


@pytest.mark.parametrize("field", ["version", "ownership"])
def test_a_device_with_a_number_that_memory_cannot_hold_is_put_aside(field: str) -> None:
    value = device(**{field: 2**64}).model_dump_json().encode()

    parsed = read_device(LogRecord(DEVICES.name, 0, 7, 0, b"d-1", value, ()))

    assert isinstance(parsed, Record)
    assert isinstance(parsed.message, Unreadable)
    assert parsed.message.reason is DeadLetterReason.INVALID


def test_a_device_with_the_largest_numbers_is_followed() -> None:
    value = device(version=2**63 - 1, ownership=2**63 - 1).model_dump_json().encode()

    parsed = read_device(LogRecord(DEVICES.name, 0, 7, 0, b"d-1", value, ()))

    assert isinstance(parsed, tuple)
    Partition(0, 1, WIRE).follow(*parsed)


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"d-1", b"x" * 1_048_400, []),
        (b"k" * 1_048_400, None, []),
        (None, b"{", [("h", b"x" * 1_048_400)]),
        (b"d-1", b"{", [("h", b"")] * 349_480),
        (b"d-1", b"{", [("h", None)] * 349_480),
        (b"d-1", b"x" * 250, [("\U0001f4a5" * 100, b"")] * 2_601),
    ],
    ids=["value", "key", "header", "empty headers", "headers of nothing", "names"],
)
def test_a_letter_of_the_largest_record_is_not_refused(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    assert letter_bytes(key, value, headers) < BROKERS_LIMIT

"""The quick reading of devices gives what the model gives, or leaves it to the model."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_runtime.testing import FakeClock
from ups_schemas.catalogue import Severity
from ups_schemas.device import DeviceSnapshot, Plan, Policy, Subscription
from ups_schemas.topics import DEVICES, Service
from ups_throttle.adapters.devices import _Device, _Plan, _Policy, _Subscription, read_canonical_device
from ups_throttle.adapters.memory_log import LogRecord
from ups_throttle.adapters.wire import CloudEventsWire, parse_device, read_device
from ups_throttle.domain.device import project
from ups_throttle.partition import Partition
from ups_throttle.records import Record
from ups_throttle.testing.damage import changed, damaged
from ups_throttle.testing.samples import START, device

ids = st.from_regex(r"\A[A-Za-z0-9._:@/+=~-]{1,128}\Z")
codes = st.from_regex(r"\A[A-Z][A-Z0-9_]{0,63}\Z")
moments = st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
names = st.text(min_size=1, max_size=300)
snapshots = st.builds(
    DeviceSnapshot,
    device_id=st.just("d-1"),
    version=st.integers(1, 2**65),
    ownership=st.integers(1, 2**65),
    company_id=ids,
    owner=st.none() | ids,
    name=names,
    site=st.none() | names,
    plan=st.builds(Plan, name=st.sampled_from(("advanced", "standard", "basic")), until=st.none() | moments),
    policy=st.builds(Policy, limit=st.integers(1, 60), window_s=st.integers(1, 86_400), period_s=st.integers(1, 10**6)),
    subscriptions=st.lists(
        st.builds(
            Subscription,
            # few, so that some are there twice
            user_id=st.sampled_from(("ann", "bob")) | ids,
            on=st.booleans(),
            min_severity=st.sampled_from(Severity),
            codes=st.none() | st.lists(codes, max_size=3).map(tuple),
        ),
        max_size=4,
    ).map(tuple),
    severity_overrides=st.dictionaries(codes, st.sampled_from(Severity), max_size=3),
    pass_while_disabled=st.lists(codes, max_size=3).map(tuple),
    changed_at=moments,
)


def raw(value: bytes | None, key: bytes = b"d-1") -> LogRecord:
    return LogRecord(DEVICES.name, 0, 7, 0, key, value, ())


def as_the_model_reads(record: LogRecord) -> Any:
    parsed = parse_device(record)
    if isinstance(parsed, Record) or parsed[1] is None:
        return parsed
    return parsed[0], project(parsed[1])


def test_it_knows_the_fields_of_the_models_in_their_order() -> None:
    for quick, model in ((_Device, DeviceSnapshot), (_Plan, Plan), (_Policy, Policy), (_Subscription, Subscription)):
        assert quick.__struct_fields__ == tuple(model.model_fields)


@given(snapshots)
def test_a_device_as_its_service_writes_it_is_read_as_the_model_reads_it(original: DeviceSnapshot) -> None:
    record = raw(original.model_dump_json().encode())

    assert read_device(record) == as_the_model_reads(record)


@given(snapshots.flatmap(lambda original: damaged(original.model_dump_json().encode())))
def test_damaged_bytes_are_read_as_the_model_reads_them(value: bytes) -> None:
    record = raw(value)

    assert read_device(record) == as_the_model_reads(record)


def full() -> bytes:
    wishes = (Subscription(user_id="u-1", codes=("ON_BATTERY",)), Subscription(user_id="u-2"))
    plan = Plan(name="standard", until=START)
    more: dict[str, Any] = {"severity_overrides": {"AVR_ON": Severity.INFO}, "pass_while_disabled": ("UPS_FAULT",)}
    return device(plan=plan, subscriptions=wishes, **more).model_dump_json().encode()


@pytest.mark.parametrize("value", [full(), device().model_dump_json().encode()])
def test_a_usual_device_is_read_here(value: bytes) -> None:
    assert read_canonical_device(value) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"version":1', '"version":0'),
        ('"version":1', '"version":9223372036854775808'),
        ('"version":1', '"version":"1"'),
        ('"version":1', '"version":1.0'),
        ('"version":1', '"version": 1'),
        ('"version":1', '"version":1,"added":1'),
        ('"version":1,"ownership":1', '"ownership":1,"version":1'),
        ('"ups.device.v1"', '"ups.device.v2"'),
        ('"device_id":"d-1"', '"device_id":"d 1"'),
        ('"device_id":"d-1"', '"device_id":"d-1\\n"'),
        ('"name":"Rack 1"', '"name":""'),
        ('"standard"', '"gold"'),
        ('"limit":6', '"limit":61'),
        ('"limit":6', '"limit":0'),
        ('"on":true', '"on":"true"'),
        ('"warning"', '"grave"'),
        ("ON_BATTERY", "on_battery"),
        ("ON_BATTERY", "ON_BATTERY\\n"),
        ('{"AVR_ON":"info"}', '{"AVR_ON":"info","AVR_ON":"info"}'),
        ('"serial":null,', ""),
        (".000Z", "Z"),
        (".000Z", ".000+00:00"),
        ("T12", "T25"),
        ("T12", " 12"),
    ],
)
def test_anything_else_is_left_to_the_model(old: str, new: str) -> None:
    record = raw(changed(full(), old, new))

    assert record.value is not None
    assert read_canonical_device(record.value) is None
    assert read_device(record) == as_the_model_reads(record)


def test_a_device_under_the_key_of_another_is_put_aside() -> None:
    assert isinstance(read_device(raw(full(), b"d-2")), Record)


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"null", b"[]", b"{}", b"[" * 100_000])
def test_what_is_no_device_is_left_to_the_model(value: bytes | None) -> None:
    assert read_device(raw(value)) == as_the_model_reads(raw(value))


def test_what_was_read_here_is_followed() -> None:
    parsed = read_device(raw(full()))

    assert isinstance(parsed, tuple)
    partition = Partition(0, 1, CloudEventsWire(Service.THROTTLE, FakeClock(START)))
    partition.follow(*parsed)
    assert partition._device("d-1") == parsed[1]

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_event_ingest.domain.acceptance import accept, parse
from ups_event_ingest.domain.authority import Device
from ups_event_ingest.domain.refusal import Reason, Refusal
from ups_schemas.catalogue import CODES, CONDITIONS, NATIVE, Kind, Severity
from ups_schemas.event import AcceptedEvent, Phase, RawEvent, Source

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DEVICE = Device("dev-1", ownership=2, version=7)


def accepted(value: object, *, received_at: datetime = NOW, snapshot: bool = False) -> AcceptedEvent:
    verdict = judged(value, received_at=received_at, snapshot=snapshot)
    assert isinstance(verdict, AcceptedEvent), verdict
    return verdict


def refused(value: object) -> Refusal:
    verdict = judged(value)
    assert isinstance(verdict, Refusal), verdict
    return verdict


def judged(value: object, *, received_at: datetime = NOW, snapshot: bool = False) -> AcceptedEvent | Refusal:
    raw = parse(value)
    if isinstance(raw, Refusal):
        return raw
    return accept(raw, DEVICE, received_at=received_at, made_id="made", snapshot=snapshot)


def native(source: str, code: str, text: str = "", **others: Any) -> dict[str, Any]:
    return {"native": {"source": source, "code": code, "text": text}, **others}


def test_an_event_carries_the_device_the_ownership_and_the_version_that_ingest_saw() -> None:
    event = accepted({"code": "ON_BATTERY"})

    assert (event.device_id, event.ownership, event.device_version) == ("dev-1", 2, 7)
    assert event.received_at == NOW


def test_the_senders_id_survives_and_a_made_one_stands_in_where_there_is_none() -> None:
    assert accepted({"code": "ON_BATTERY", "event_id": "mine-1"}).event_id == "mine-1"
    assert accepted({"code": "ON_BATTERY"}).event_id == "made"


@pytest.mark.parametrize("code", sorted(set(CODES) - {"DEVICE_SILENT", "DEVICE_SEEN", "OTHER"}))
def test_every_code_has_the_severity_and_the_phase_of_the_catalogue(code: str) -> None:
    event = accepted({"code": code, "severity": "critical"})

    assert event.code == code
    assert event.severity is CODES[code].severity
    assert event.phase == {Kind.RAISE: Phase.RAISE, Kind.CLEAR: Phase.CLEAR, Kind.PULSE: Phase.PULSE}[CODES[code].kind]


@pytest.mark.parametrize(("source", "code"), sorted(NATIVE))
def test_every_mapped_native_code_says_what_the_catalogue_says_it_means(source: str, code: str) -> None:
    event = accepted(native(source, code, "in its own words"))

    assert event.code == NATIVE[source, code].code
    assert event.source == source
    assert event.native_text == "in its own words"
    for name, said in NATIVE[source, code].attributes.items():
        assert getattr(event.attributes, name) == said


def test_a_cause_that_the_native_code_implies_sets_the_severity() -> None:
    assert accepted({"code": "BYPASS_ON"}).severity is Severity.WARNING
    assert accepted(native("powernet", "20")).severity is Severity.CRITICAL
    assert accepted({"code": "BYPASS_ON", "attributes": {"cause": "fault"}}).severity is Severity.CRITICAL


def test_what_the_sender_says_itself_outranks_what_the_native_code_implies() -> None:
    event = accepted(native("powernet", "20", attributes={"cause": "maintenance"}))

    assert event.attributes.cause == "maintenance"
    assert event.severity is Severity.WARNING


@pytest.mark.parametrize("value", [{"code": "FLUX_CAPACITOR_LOW"}, native("powernet", "99999"), native("native", "é")])
def test_an_unknown_code_is_an_other_that_keeps_its_native_code(value: dict[str, Any]) -> None:
    event = accepted(value)

    assert (event.code, event.phase, event.severity) == ("OTHER", Phase.PULSE, Severity.INFO)
    assert event.native_code == (value.get("code") or value["native"]["code"])


@pytest.mark.parametrize("phase", ["raise", "repeat", "pulse"])
def test_an_other_has_the_phase_and_severity_that_the_sender_says(phase: str) -> None:
    event = accepted({"code": "MINE", "phase": phase, "severity": "critical"})

    assert (event.code, event.phase, event.severity) == ("OTHER", phase, Severity.CRITICAL)


@pytest.mark.parametrize(
    ("value", "native_code"),
    [
        ({"code": "MINE", "phase": "clear"}, "MINE"),
        ({"code": "OTHER", "phase": "clear"}, None),
        (native("powernet", "99999", phase="clear"), "99999"),
        (native("ups-mib", "alarm:99:removed"), "alarm:99"),
        (native("nut", "NOTOTHER"), "OTHER"),
        (native("nut", "OTHER", phase="clear"), "OTHER"),
    ],
)
def test_the_end_of_an_other_names_the_native_code_that_began_it(value: dict[str, Any], native_code: str) -> None:
    event = accepted(value)

    assert (event.code, event.phase, event.native_code) == ("OTHER_CLEARED", Phase.CLEAR, native_code)


def test_a_suffix_alone_is_an_unknown_code() -> None:
    assert accepted(native("ups-mib", ":removed")).code == "OTHER"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("UPS ups@db: one or more active alarms: [Replace battery!]", "BATTERY_REPLACE"),
        ("[No battery installed! Fan failure!]", "FAN_FAULT"),
        ("[Something nobody mapped]", "UPS_FAULT"),
        ("", "UPS_FAULT"),
    ],
)
def test_an_alarm_of_nut_is_the_worst_condition_that_its_text_names(text: str, code: str) -> None:
    assert accepted(native("nut", "ALARM", text)).code == code


@pytest.mark.parametrize("code", ["BATTERY_LOW_CLEARED", "COMM_LOST_ON_BATTERY", "FAN_FAULT", "STATUS"])
def test_what_nut_has_no_word_for_is_said_in_ours(code: str) -> None:
    event = accepted(native("nut", code))

    assert (event.code, event.source, event.native_code) == (code, "nut", code)


@pytest.mark.parametrize(
    ("code", "phase"),
    [
        ("ON_BATTERY", "clear"),
        ("ON_BATTERY", "pulse"),
        ("SHUTDOWN_STARTED", "clear"),
        ("POWER_RESTORED", "raise"),
        ("POWER_RESTORED", "repeat"),
        ("SECURITY_ALERT", "raise"),
        ("STATUS", "raise"),
        ("OTHER_CLEARED", "raise"),
    ],
)
def test_a_phase_that_contradicts_the_code_is_refused_by_its_field(code: str, phase: str) -> None:
    refusal = refused({"code": code, "phase": phase})

    assert (refusal.reason, refusal.field) == (Reason.PHASE, "phase")


def test_who_clears_with_the_raising_code_is_told_the_right_one() -> None:
    assert "POWER_RESTORED" in refused({"code": "ON_BATTERY", "phase": "clear"}).detail


def test_a_repeat_stays_one() -> None:
    assert accepted({"code": "ON_BATTERY", "phase": "repeat"}).phase is Phase.REPEAT


@pytest.mark.parametrize("code", ["DEVICE_SILENT", "DEVICE_SEEN"])
def test_a_device_cannot_report_its_own_silence(code: str) -> None:
    refusal = refused({"code": code})

    assert (refusal.reason, refusal.field) == (Reason.PLATFORM_CODE, "code")


@pytest.mark.parametrize(("source", "code"), [("powernet", "4"), ("powernet", "733")])
def test_what_the_nut_watcher_derives_a_card_may_report_itself(source: str, code: str) -> None:
    assert accepted(native(source, code)).code == NATIVE[source, code].code


@pytest.mark.parametrize(
    ("delay", "late"), [(timedelta(minutes=15), False), (timedelta(minutes=15, milliseconds=1), True)]
)
def test_late_is_sent_over_fifteen_minutes_after_it_occurred(delay: timedelta, late: bool) -> None:  # noqa: FBT001
    value = {"code": "ON_BATTERY", "occurred_at": NOW.isoformat(), "sent_at": (NOW + delay).isoformat()}

    assert accepted(value).late is late


def test_without_a_sending_time_nothing_is_late() -> None:
    value = {"code": "ON_BATTERY", "occurred_at": (NOW - timedelta(hours=5)).isoformat()}

    assert not accepted(value).late


@pytest.mark.parametrize(
    ("ahead", "untrusted"),
    [
        (timedelta(minutes=5), False),
        (timedelta(minutes=5, milliseconds=1), True),
        (-timedelta(days=30), False),
        (-timedelta(days=30, milliseconds=1), True),
    ],
)
def test_a_clock_far_from_ours_is_not_trusted(ahead: timedelta, untrusted: bool) -> None:  # noqa: FBT001
    event = accepted({"code": "ON_BATTERY", "occurred_at": (NOW + ahead).isoformat()})

    assert event.clock_untrusted is untrusted


@pytest.mark.parametrize(
    ("code", "status", "suspect"),
    [
        ("ON_BATTERY", "OB LB", False),
        ("ON_BATTERY", "OL CHRG", True),
        ("POWER_RESTORED", "OL", False),
        ("POWER_RESTORED", "OB", True),
        ("BATTERY_LOW", "OB", True),
        ("BATTERY_LOW", "OB LB", False),
        ("BATTERY_LOW_CLEARED", "OL", False),
        ("BATTERY_LOW_CLEARED", "OL LB", True),
        ("BATTERY_REPLACE", "OL", True),
        ("BATTERY_REPLACE", "OL ALARM", False),
        ("BATTERY_LOW", "OL ALARM", True),
        ("OUTPUT_ON", "OFF", True),
        ("SHUTDOWN_STARTED", "OB LB", False),
        ("COMM_LOST", "OL", False),
        ("STATUS", "OL", False),
        ("ON_BATTERY", "", False),
        ("ON_BATTERY", "ONBATT", False),
        ("ON_BATTERY", "WAIT", False),
    ],
)
def test_a_status_that_says_otherwise_makes_an_event_suspect(code: str, status: str, suspect: bool) -> None:  # noqa: FBT001
    assert accepted({"code": code, "attributes": {"status": status}}).suspect is suspect


@pytest.mark.parametrize("condition", [c for c in CONDITIONS if c.nut_flag], ids=lambda c: c.code)
def test_no_condition_is_suspect_under_its_own_flag_nor_its_end_without_it(condition: Any) -> None:
    assert not accepted({"code": condition.code, "attributes": {"status": condition.nut_flag}}).suspect
    for clear in condition.clears:
        assert not accepted({"code": clear, "attributes": {"status": "OL"}}).suspect


def test_a_state_found_on_connecting_is_marked_as_such() -> None:
    assert accepted({"code": "ON_BATTERY"}, snapshot=True).snapshot


def test_the_rest_of_the_event_passes_as_it_is() -> None:
    value = {"code": "STATUS", "seq": 3, "attributes": {"battery_charge_percent": 93.5, "firmware": "1.2", "ok": True}}

    event = accepted(value)

    assert event.seq == 3
    assert event.attributes.model_dump(exclude_none=True) == value["attributes"]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, None),
        ([], None),
        (None, None),
        ("ON_BATTERY", None),
        ({"code": "A", "native": {"code": "1"}}, None),
        ({"code": ""}, "code"),
        ({"code": 7}, "code"),
        ({"cod": "ON_BATTERY"}, "cod"),
        ({"code": "ON_BATTERY", "event_id": "a b"}, "event_id"),
        ({"code": "ON_BATTERY", "event_id": "a\n"}, "event_id"),
        ({"code": "ON_BATTERY", "occurred_at": "2026-11-22T12:00:00"}, "occurred_at"),
        ({"code": "ON_BATTERY", "occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"code": "ON_BATTERY", "sent_at": "yesterday"}, "sent_at"),
        ({"code": "ON_BATTERY", "phase": "over"}, "phase"),
        ({"code": "ON_BATTERY", "seq": -1}, "seq"),
        ({"code": "ON_BATTERY", "attributes": {"battery_charge_percent": 101}}, "attributes.battery_charge_percent"),
        ({"code": "ON_BATTERY", "attributes": {"notes": ["a"]}}, "attributes.notes"),
        ({"code": "ON_BATTERY", "attributes": {"notes": "a" * 201}}, "attributes.notes"),
        ({"code": "ON_BATTERY", "attributes": {"count": 2**64}}, "attributes.count"),
        ({"code": "ON_BATTERY", "attributes": {"a\0b": 1}}, "attributes"),
        ({"code": "ON_BATTERY", "attributes": {"": 1}}, "attributes"),
        ({"code": "ON_BATTERY", "attributes": {str(n): n for n in range(65)}}, "attributes"),
        ({"native": {"source": "snmp", "code": "1"}}, "native.source"),
        ({"native": {"source": "nut", "code": "ALARM", "text": "a" * 1001}}, "native.text"),
    ],
)
def test_what_is_not_an_event_is_refused_by_its_field(value: object, field: str | None) -> None:
    refusal = refused(value)

    assert (refusal.reason, refusal.field) == (Reason.INVALID, field)
    assert refusal.detail


def test_a_long_unknown_field_is_not_echoed_whole() -> None:
    refusal = refused({"code": "ON_BATTERY", "x" * 5000: 1})

    assert len(refusal.field or "") <= 100


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
events = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.text(max_size=5) | json_values,
        "device_id": st.just("dev-1") | json_values,
        "code": st.sampled_from(sorted(CODES)) | st.text(max_size=10) | json_values,
        "native": json_values
        | st.fixed_dictionaries(
            {"code": st.sampled_from(sorted({code for _, code in NATIVE})) | st.text(max_size=5)},
            optional={"source": st.sampled_from(list(Source)), "text": st.text()},
        ),
        "phase": st.sampled_from(list(Phase)) | json_values,
        "occurred_at": st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()) | json_values,
        "sent_at": st.integers() | json_values,
        "seq": st.integers() | json_values,
        "severity": st.sampled_from(list(Severity)) | json_values,
        "attributes": st.dictionaries(st.text(), st.integers() | st.text() | st.floats()) | json_values,
    },
)


@given(events | json_values)
def test_any_json_is_either_accepted_or_refused_and_what_is_accepted_survives_the_wire(value: object) -> None:
    verdict = judged(value)

    if isinstance(verdict, AcceptedEvent):
        text = verdict.model_dump_json()
        assert AcceptedEvent.model_validate_json(text) == verdict
        assert json.loads(text)["code"] in CODES
    else:
        assert verdict.detail


def test_a_parsed_event_parses_to_itself() -> None:
    raw = RawEvent(code="ON_BATTERY")

    assert parse(raw) is raw

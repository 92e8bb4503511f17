from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ups_schemas import ids

DEVICE, EVENT, USER = "ups-7f3a", "0190a5c2", "user-anna"


def test_derived_ids_never_change() -> None:
    # a change would mail everything in the topics a second time
    assert {
        "ingest": ids.ingest_event_id("ups.ingest.v1", 3, 42),
        "event": ids.event_notification_id(DEVICE, EVENT),
        "late": ids.late_notification_id(DEVICE, EVENT),
        "period": ids.period_id(DEVICE, EVENT),
        "disabled": ids.disabled_notification_id("period-1"),
        "enabled": ids.enabled_notification_id("period-1"),
        "incident": ids.incident_id(DEVICE, EVENT, "ON_BATTERY"),
        "delivery": ids.delivery_id("notification-1", USER),
    } == {
        "ingest": "b032fc8d-1b9c-52f1-8158-c85bd8c47b5a",
        "event": "b98a2e56-2195-5363-903a-56f29efb7296",
        "late": "409eb1b1-ca50-5efb-bc01-faa8f99d7771",
        "period": "4204857a-aeef-50ec-ab2f-4b84571fa49b",
        "disabled": "4013ac49-374c-5fd8-ac39-744ae79c5000",
        "enabled": "4e9b1eb5-afbf-53ef-b548-8c9138a0fe70",
        "incident": "a42b6898-77de-58a7-b7ab-122276cfd68b",
        "delivery": "7e0b6992-1ee8-5936-8248-6154b312d09c",
    }


parts = st.lists(st.from_regex(r"\A[A-Za-z0-9._:@/+=~-]{1,20}\Z"), min_size=1, max_size=4)


@given(parts)
def test_a_derived_id_is_the_uuid_5_of_its_parts(some: list[str]) -> None:
    namespace = UUID("6f0f5e9c-3c0b-5d1e-9a55-2d8d3a1d7b10")

    assert ids.derived("event", *some) == str(uuid5(namespace, "\x1f".join(("event", *some))))


@given(parts, parts)
def test_other_parts_give_another_id(some: list[str], others: list[str]) -> None:
    assert (ids.derived("event", *some) == ids.derived("event", *others)) == (some == others)


def test_the_kind_is_part_of_the_id() -> None:
    kinds = {
        ids.event_notification_id(DEVICE, EVENT),
        ids.late_notification_id(DEVICE, EVENT),
        ids.period_id(DEVICE, EVENT),
    }

    assert len(kinds) == 3


@given(st.text())
def test_a_short_hash_has_eight_bytes_whatever_the_text(text: str) -> None:
    assert len(ids.short_hash(text)) == 8


def test_short_hashes_never_change() -> None:
    assert ids.short_hash("Internal UPS fault! ü").hex() == "72d08d2d6db1d6da"


@pytest.mark.parametrize("text", ["", "a b", "a\n", "a\r\nBcc: x", "a\x00", "a<b>", 'a"b', "ü", "a" * 129, "a\x1fb"])
def test_an_id_from_outside_that_could_break_a_header_or_a_log_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ids.Id).validate_python(text)


def test_a_derived_id_is_an_id() -> None:
    TypeAdapter(ids.Id).validate_python(ids.period_id(DEVICE, EVENT))

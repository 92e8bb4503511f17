"""What a row of the Event Log says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ups_portal.domain.log_row import Copy, Devices, End, Opened, Row, happened, shown
from ups_schemas.catalogue import Severity
from ups_schemas.event import Phase

AT = datetime(2026, 11, 22, 18, tzinfo=UTC)
ROW = Row("r", "d-1", AT, AT, "ON_BATTERY", Phase.RAISE, Severity.CRITICAL, "", "Mailed to Ada.", (), ())


def seen(people=None, **changes):
    devices = Devices({"d-1": "Rack 1"}, {})
    return shown(replace(ROW, **changes), devices, people or {}, "u-1", AT + timedelta(hours=1))


@pytest.mark.parametrize(
    ("code", "phase", "detail", "said"),
    [
        ("ON_BATTERY", Phase.RAISE, "", "On battery"),
        ("ON_BATTERY", Phase.RAISE, "ups on battery", "On battery"),
        ("ON_BATTERY", Phase.REPEAT, "", "On battery, still"),
        ("POWER_RESTORED", Phase.CLEAR, "", "Power restored"),
        ("SHUTDOWN_STARTED", Phase.CLEAR, "", "Load shutdown under way, ended"),
        ("UPS_FAULT", Phase.RAISE, "Fan 2", "UPS fault: \u2068Fan 2\u2069"),
        ("OTHER", Phase.RAISE, "1234", "Event of the device: \u20681234\u2069"),
        ("OF_LATER_VERSIONS", Phase.RAISE, "x", "\u2068OF_LATER_VERSIONS\u2069"),
    ],
)
def test_what_happened_is_said_as_people_know_it(code, phase, detail, said):
    assert happened(code, phase, detail).said(str) == said


@pytest.mark.parametrize(
    ("opened", "said"),
    [
        (Opened(AT, None, None, 0), ["It has lasted 1 hour so far."]),
        (Opened(AT, End.CLEARED, timedelta(minutes=2), 1), ["It lasted 2 minutes.", "It was reported once more."]),
        (Opened(AT, End.CLEARED, None, 0), ["It is over."]),
        (Opened(AT, End.NOT_REPORTED, None, 5), ["Its end was never reported.", "It was reported 5 times more."]),
    ],
)
def test_how_long_it_lasted_and_how_often_it_was_reported_is_said(opened, said):
    assert [each.said(str) for each in seen(opened=(opened,)).lasting] == said


def test_co_workers_whose_mails_fared_alike_are_named_and_who_has_gone_is_counted():
    people = {"u-1": "Ada", "u-2": "Ben", "u-3": "Anna", "u-5": "\u202eEve"}
    copies = tuple(Copy(f"u-{number}", "event", "the mail server took it") for number in (9, 2, 3, 1))
    alert = Copy("u-5", "disabled", "the mail server took it")

    told = [mail.who.said(str) for mail in seen(people, copies=(*copies, alert)).mails]

    assert told == [
        "The mail to you",
        "The mail to \u2068Anna\u2069, \u2068Ben\u2069",
        "The alert to \u2068\u202eEve\u2069",
        "The mail to a co-worker",
    ]


def test_more_co_workers_than_fit_into_a_line_are_counted():
    people = {f"u-{number}": f"Person {number}" for number in range(10)}
    copies = tuple(Copy(f"u-{number}", "event", "x") for number in range(2, 8))

    assert [mail.who.said(str) for mail in seen(people, copies=copies).mails] == ["The mails to 6 co-workers"]


def test_what_became_of_mails_is_said_with_ones_own_first_and_co_workers_counted_where_nobody_knows_their_names():
    went, back = "the mail server took it", "the mail server refused it (550)"
    copies = (Copy("u-2", "event", went), Copy("u-3", "event", went), Copy("u-4", "event", back))
    own = (Copy("u-1", "event", went), Copy("u-1", "disabled", went), Copy("u-5", "disabled", back))

    told = [(mail.who.said(str), mail.fate) for mail in seen(copies=copies + own).mails]

    assert told == [
        ("The mail to you", went),
        ("The alert to you", went),
        ("The mail to a co-worker", back),
        ("The mails to 2 co-workers", went),
        ("The alert to a co-worker", back),
    ]


def test_a_clear_is_marked_as_over_and_anything_else_by_its_severity():
    assert seen(phase=Phase.CLEAR, severity=Severity.INFO).look == "over"
    assert [seen(severity=each).look for each in Severity] == ["info", "warning", "critical"]


@pytest.mark.parametrize(("apart_s", "told"), [(59, False), (60, True), (-3600, True)])
def test_the_time_of_the_device_is_told_where_it_is_another_one(apart_s, told):
    occurred_at = AT - timedelta(seconds=apart_s)

    assert seen(occurred_at=occurred_at).by_its_clock == (occurred_at if told else None)


@pytest.mark.parametrize(
    ("there", "named", "called", "removed"),
    [
        ({"d-1": "Rack 1"}, {}, "\u2068Rack 1\u2069", False),
        ({"d-1": "Rack 1"}, {"d-1": "Rack"}, "\u2068Rack 1\u2069", False),
        ({}, {"d-1": "Rack 1"}, "\u2068Rack 1\u2069 (removed)", True),
        ({}, {}, "A UPS that was removed", True),
        (None, {"d-1": "Rack 1"}, "\u2068Rack 1\u2069", False),
        (None, {}, "A UPS", False),
    ],
)
def test_a_device_is_called_by_its_name_also_when_it_was_removed(there, named, called, removed):
    row = shown(ROW, Devices(there, named), {}, "u-1", AT)

    assert (row.device.said(str), row.removed) == (called, removed)

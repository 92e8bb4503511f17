from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups_event_ingest.domain.nut import (
    CONFIRM_EVERY,
    PULSE_EVERY,
    STALE_GRACE,
    UNREACHABLE_GRACE,
    Graces,
    Known,
    NoReading,
    Open,
    Reading,
    observe,
    readings,
)
from ups_schemas.catalogue import CODES, Kind
from ups_schemas.event import Phase

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STALE, UNREACHABLE = NoReading("stale"), NoReading("unreachable")


def status(text: str, **variables: str) -> Reading:
    return Reading({"ups.status": text} | {name.replace("_", "."): value for name, value in variables.items()})


class Line:
    """A time line: each step is so many seconds after the one before, and gives what was said, pulses left out."""

    def __init__(self, known: Known | None = None) -> None:
        self.known = known or Known()
        self.now = START

    def __call__(self, answer: Reading | NoReading, after_s: float = 5) -> list[str]:
        self.now += timedelta(seconds=after_s)
        self.known, said = observe(self.known, answer, self.now)
        return [
            f"{what.code} {what.phase}{' snapshot' if what.snapshot else ''}" for what in said if what.code != "STATUS"
        ]


@pytest.fixture
def line() -> Line:
    line = Line()
    line(status("OL CHRG", battery_charge="100"))
    return line


def test_a_healthy_ups_says_nothing_but_its_pulse() -> None:
    _, said = observe(Known(), status("OL", battery_charge="97"), START)

    assert [(what.code, what.phase) for what in said] == [("STATUS", Phase.PULSE)]
    assert said[0].attributes == {"battery_charge_percent": 97.0, "status": "OL"}


def test_an_outage_is_told_from_its_beginning_to_its_end(line) -> None:
    assert line(status("OB DISCHRG")) == ["ON_BATTERY raise"]
    assert line(status("OB DISCHRG")) == []
    assert line(status("OB DISCHRG LB")) == ["BATTERY_LOW raise"]
    assert line(status("OL CHRG LB")) == ["POWER_RESTORED clear"]
    assert line(status("OL CHRG")) == ["BATTERY_LOW_CLEARED clear"]


def test_the_state_found_on_connecting_is_marked_as_a_snapshot() -> None:
    assert Line()(status("OB LB")) == ["ON_BATTERY raise snapshot", "BATTERY_LOW raise snapshot"]


def test_what_ended_while_nobody_looked_is_cleared_on_connecting() -> None:
    line = Line(Known(open=frozenset({Open("ON_BATTERY"), Open("BATTERY_REPLACE")})))

    assert line(status("OL RB")) == ["POWER_RESTORED clear snapshot"]


def test_a_short_absence_of_data_is_no_event(line) -> None:
    assert line(STALE) == []
    assert line(STALE, after_s=STALE_GRACE.total_seconds() - 1) == []
    assert line(status("OL")) == []


def test_a_restart_of_the_server_in_mid_outage_invents_nothing(line) -> None:
    line(status("OB"))

    assert line(UNREACHABLE) == []
    assert line(UNREACHABLE, after_s=60) == []
    assert line(status("WAIT")) == []
    assert line(status("")) == []
    assert line(status("OB")) == []


def test_stale_data_beyond_the_grace_is_lost_contact_once_and_its_return_is_told(line) -> None:
    line(STALE)

    assert line(STALE, after_s=STALE_GRACE.total_seconds()) == ["COMM_LOST raise"]
    assert line(STALE, after_s=3600) == []
    assert line(status("OL")) == ["COMM_RESTORED clear snapshot"]


def test_a_server_that_stays_away_is_lost_contact_later(line) -> None:
    line(UNREACHABLE)

    assert line(UNREACHABLE, after_s=UNREACHABLE_GRACE.total_seconds() - 1) == []
    assert line(UNREACHABLE, after_s=1) == ["COMM_LOST raise"]


def test_a_server_that_comes_back_before_its_driver_is_given_the_drivers_grace(line) -> None:
    line(UNREACHABLE)

    assert line(STALE, after_s=120) == []
    assert line(UNREACHABLE, after_s=STALE_GRACE.total_seconds() - 1) == []
    assert line(STALE) == []
    assert line(STALE, after_s=STALE_GRACE.total_seconds()) == ["COMM_LOST raise"]


def test_contact_lost_on_battery_is_a_condition_of_its_own(line) -> None:
    line(status("OB"))
    line(STALE)

    assert line(STALE, after_s=60) == ["COMM_LOST_ON_BATTERY raise"]
    assert line(status("OL")) == ["POWER_RESTORED clear snapshot", "COMM_RESTORED clear snapshot"]


def test_a_status_without_power_state_changes_nothing_about_power(line) -> None:
    line(status("OB LB"))

    assert line(status("BYPASS")) == ["BYPASS_ON raise"]
    assert line(status("OL")) == ["POWER_RESTORED clear", "BATTERY_LOW_CLEARED clear", "BYPASS_OFF clear"]


@pytest.mark.parametrize(("token", "mode"), [("BOOST", "boost"), ("TRIM", "trim")])
def test_voltage_correction_says_its_mode(line, token, mode) -> None:
    _, said = observe(line.known, status(f"OL {token}"), START)

    (correction,) = [what for what in said if what.code == "AVR_ON"]
    assert correction.attributes["mode"] == mode
    assert correction.native_code == token


def test_alarms_are_mapped_and_unknown_ones_are_faults_told_apart_by_their_text(line) -> None:
    alarm = {"ups_alarm": "[battery] Replace battery! Phase B out of range! Fan failure!"}
    _, said = observe(line.known, status("OL ALARM", **alarm), START)

    raised = {(what.code, what.native_text) for what in said if what.phase is Phase.RAISE}
    assert raised == {("BATTERY_REPLACE", ""), ("FAN_FAULT", ""), ("UPS_FAULT", "Phase B out of range")}


def test_two_faults_do_not_clear_each_other(line) -> None:
    line(status("OL ALARM", ups_alarm="First fault! Second fault!"))

    _, said = observe(line.known, status("OL ALARM", ups_alarm="Second fault!"), line.now)

    assert [(what.code, what.native_text) for what in said if what.code != "STATUS"] == [
        ("UPS_FAULT_CLEARED", "First fault")
    ]


def test_an_alarm_without_a_text_is_still_told(line) -> None:
    assert line(status("OL ALARM")) == ["UPS_FAULT raise"]


def test_alarms_without_end_are_cut(line) -> None:
    said = line(status("OL ALARM", ups_alarm="".join(f"Fault {number}!" for number in range(5000))))

    assert 0 < len(said) < 100


def test_how_long_nothing_may_be_known_can_be_said(line) -> None:
    known, _ = observe(line.known, STALE, START, Graces(stale=timedelta(seconds=1)))

    _, said = observe(known, STALE, START + timedelta(seconds=1), Graces(stale=timedelta(seconds=1)))

    assert [what.code for what in said] == ["COMM_LOST"]


def test_a_battery_that_does_not_recharge_is_one_condition_while_its_charge_sways(line) -> None:
    low = {"battery_charge_low": "30"}

    assert line(status("OL CHRG", battery_charge="29", **low)) == ["BATTERY_DISCHARGED raise"]
    assert line(status("OL CHRG", battery_charge="31", **low)) == []
    assert line(status("OL CHRG", battery_charge="40", **low)) == ["BATTERY_RECHARGED clear"]


def test_a_low_charge_during_an_outage_is_not_a_failure_to_recharge(line) -> None:
    assert line(status("OB", battery_charge="5")) == ["ON_BATTERY raise"]


def test_a_failed_self_test_stays_until_one_passes(line) -> None:
    assert line(status("OL", ups_test_result="Done and error")) == ["SELFTEST_FAILED raise"]
    assert line(status("OL", ups_test_result="In progress")) == []
    assert line(status("OL", ups_test_result="Done and passed")) == ["SELFTEST_PASSED clear"]


def test_an_ordered_shutdown_ends_with_the_return_of_power(line) -> None:
    assert line(status("OB LB FSD")) == ["ON_BATTERY raise", "BATTERY_LOW raise", "SHUTDOWN_STARTED raise"]
    assert line(status("OL")) == ["POWER_RESTORED clear", "BATTERY_LOW_CLEARED clear"]


def test_a_condition_that_lasts_is_confirmed_before_it_counts_as_over(line) -> None:
    line(status("OL RB"))

    assert line(status("OL RB"), after_s=CONFIRM_EVERY.total_seconds()) == ["BATTERY_REPLACE repeat"]
    assert line(status("OL RB")) == []


def test_pulses_come_at_their_interval(line) -> None:
    _, early = observe(line.known, status("OL"), line.now + PULSE_EVERY - timedelta(seconds=1))
    _, due = observe(line.known, status("OL"), line.now + PULSE_EVERY)

    assert [what.code for what in early] == []
    assert [what.code for what in due] == ["STATUS"]


def test_readings_that_are_no_numbers_or_out_of_range_are_left_out() -> None:
    assert readings(
        {"battery.charge": "101", "ups.load": "n/a", "input.voltage": "nan", "ups.temperature": "24.5"}
    ) == {"temperature_c": 24.5}


TOKENS = [
    "OL",
    "OB",
    "LB",
    "RB",
    "CHRG",
    "DISCHRG",
    "BYPASS",
    "CAL",
    "OFF",
    "OVER",
    "TRIM",
    "BOOST",
    "FSD",
    "ALARM",
    "ECO",
    "X",
]
ANSWERS = st.one_of(
    st.builds(
        lambda tokens, alarm, charge: Reading(
            {"ups.status": " ".join(tokens), "ups.alarm": alarm, "battery.charge": charge}
        ),
        st.lists(st.sampled_from(TOKENS), max_size=6),
        st.sampled_from(["", "Fan failure!", "One! Two!", "\x00", "!"]) | st.text(max_size=30),
        st.text(max_size=4),
    ),
    st.sampled_from([STALE, UNREACHABLE]),
)


@given(st.lists(st.tuples(ANSWERS, st.integers(0, 100_000)), max_size=20))
def test_whatever_nut_shows_each_condition_is_raised_once_and_cleared_only_when_open(steps) -> None:
    known, now = Known(), START
    open_before: frozenset[Open] = frozenset()
    for answer, wait_s in steps:
        now += timedelta(seconds=wait_s)
        known, said = observe(known, answer, now)
        for what in said:
            assert what.code in CODES
            if what.phase is Phase.RAISE:
                assert not {
                    each for each in open_before if (each.code, each.text) == (what.code, what.native_text)
                } or (what.code == "AVR_ON")
            elif what.phase is Phase.CLEAR:
                assert CODES[what.code].kind is Kind.CLEAR
                assert {each.code for each in open_before} & set(CODES[what.code].ends)
        open_before = known.open

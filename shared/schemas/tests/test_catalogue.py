from datetime import timedelta

import pytest

from ups_schemas.catalogue import CODES, CONDITION_BY_CODE, CONDITIONS, NATIVE, STATUS, Kind, Severity, Told, name_of

# The core, by name: code, default severity, the clear of its own, seconds it must last before it is mailed.
CORE = [
    ("ON_BATTERY", "critical", "POWER_RESTORED", 10),
    ("BATTERY_LOW", "critical", "BATTERY_LOW_CLEARED", 0),
    ("BATTERY_DISCHARGED", "warning", "BATTERY_RECHARGED", 0),
    ("BATTERY_REPLACE", "critical", "BATTERY_REPLACED", 600),
    ("BATTERY_DISCONNECTED", "warning", "BATTERY_CONNECTED", 60),
    ("SELFTEST_FAILED", "critical", "SELFTEST_PASSED", 0),
    ("SELFTEST_STARTED", "info", "SELFTEST_PASSED", 0),
    ("CALIBRATION_STARTED", "info", "CALIBRATION_ENDED", 0),
    ("OVERLOAD", "critical", "OVERLOAD_CLEARED", 5),
    ("COMM_LOST", "warning", "COMM_RESTORED", 120),
    ("COMM_LOST_ON_BATTERY", "critical", "COMM_RESTORED", 0),
    ("DEVICE_SILENT", "warning", "DEVICE_SEEN", 900),
    ("BYPASS_ON", "warning", "BYPASS_OFF", 5),
    ("AVR_ON", "info", "AVR_OFF", 60),
    ("OUTPUT_OFF", "warning", "OUTPUT_ON", 10),
    ("OVER_TEMPERATURE", "warning", "TEMPERATURE_OK", 60),
    ("CHARGER_FAULT", "warning", "CHARGER_OK", 30),
    ("UPS_FAULT", "critical", "UPS_FAULT_CLEARED", 5),
    ("SHUTDOWN_STARTED", "critical", None, 0),
    ("OTHER", "info", "OTHER_CLEARED", 0),
]

ENDS = {
    "POWER_RESTORED": {"ON_BATTERY", "SHUTDOWN_STARTED"},
    "AVR_ON": {"ON_BATTERY"},
    "SELFTEST_PASSED": {"SELFTEST_FAILED", "SELFTEST_STARTED"},
    "SELFTEST_FAILED": {"SELFTEST_STARTED"},
    "COMM_RESTORED": {"COMM_LOST", "COMM_LOST_ON_BATTERY"},
    "COMM_LOST_ON_BATTERY": {"COMM_LOST"},
    "OUTPUT_ON": {"OUTPUT_OFF", "SHUTDOWN_STARTED", "REBOOT_STARTED"},
    "FIRMWARE_UPDATE_FAILED": {"FIRMWARE_UPDATE_STARTED"},
}

# NOTIFYTYPEs of upsmon and what they mean here.
NUT = {
    "ONBATT": "ON_BATTERY",
    "ONLINE": "POWER_RESTORED",
    "LOWBATT": "BATTERY_LOW",
    "REPLBATT": "BATTERY_REPLACE",
    "ALARM": "UPS_FAULT",
    "NOTALARM": "UPS_FAULT_CLEARED",
    "CAL": "CALIBRATION_STARTED",
    "NOTCAL": "CALIBRATION_ENDED",
    "OVER": "OVERLOAD",
    "NOTOVER": "OVERLOAD_CLEARED",
    "COMMBAD": "COMM_LOST",
    "NOCOMM": "COMM_LOST",
    "COMMOK": "COMM_RESTORED",
    "BYPASS": "BYPASS_ON",
    "NOTBYPASS": "BYPASS_OFF",
    "BOOST": "AVR_ON",
    "TRIM": "AVR_ON",
    "NOTBOOST": "AVR_OFF",
    "NOTTRIM": "AVR_OFF",
    "OFF": "OUTPUT_OFF",
    "NOTOFF": "OUTPUT_ON",
    "ECO": "ECO_ON",
    "NOTECO": "ECO_OFF",
    "FSD": "SHUTDOWN_STARTED",
    "SHUTDOWN": "SHUTDOWN_STARTED",
    "SHUTDOWN_HOSTSYNC": "SHUTDOWN_STARTED",
    "NOPARENT": "AGENT_PROBLEM",
    "SUSPEND_STARTING": "AGENT_PROBLEM",
    "SUSPEND_FINISHED": "AGENT_PROBLEM",
    "SUSPEND_TIMEJUMP_UNEXPECTED": "AGENT_PROBLEM",
    "OTHER": "OTHER",
    "NOTOTHER": "OTHER_CLEARED",
}

NUT_ALARMS = {
    "Replace battery!": "BATTERY_REPLACE",
    "Battery voltage too low!": "BATTERY_FAILED",
    "No battery installed!": "BATTERY_DISCONNECTED",
    "Temperature too high!": "OVER_TEMPERATURE",
    "Battery charger fail!": "CHARGER_FAULT",
    "Fan failure!": "FAN_FAULT",
    "Internal UPS fault!": "UPS_FAULT",
}


def test_the_core_has_20_conditions_and_37_codes() -> None:
    codes = {code for code, *_ in CORE} | {clear for _, _, clear, _ in CORE if clear}

    assert len(CORE) == 20
    assert len(codes) == 37
    assert codes <= CODES.keys()


@pytest.mark.parametrize(("code", "severity", "clear", "hold_s"), CORE)
def test_a_core_condition_is_as_described(code: str, severity: str, clear: str | None, hold_s: int) -> None:
    condition = CONDITION_BY_CODE[code]

    assert condition.severity == severity
    assert condition.clears == ((clear,) if clear else ())
    assert condition.hold == timedelta(seconds=hold_s)
    assert condition.stale_after == timedelta(hours=24)


def test_a_code_ends_exactly_what_it_should() -> None:
    own = {clear: {condition.code} for condition in CONDITIONS for clear in condition.clears}

    assert {code: set(known.ends) for code, known in CODES.items() if known.ends} == own | ENDS


def test_every_condition_is_ended_by_something_or_is_a_pulse() -> None:
    ended = {code for known in CODES.values() for code in known.ends}

    for condition in CONDITIONS:
        assert condition.pulse == (condition.code not in ended)
        assert CODES[condition.code].kind == (Kind.PULSE if condition.pulse else Kind.RAISE)


def test_what_ends_a_condition_is_told_apart_the_same_way() -> None:
    for known in CODES.values():
        if known.kind is Kind.CLEAR:
            assert {CODES[code].told_apart_by for code in known.ends} == {known.told_apart_by}


def test_faults_contacts_and_unknown_events_do_not_clear_each_other() -> None:
    told = {code: CODES[code].told_apart_by for code in ("UPS_FAULT", "ENV_CONTACT_ABNORMAL", "OTHER", "ON_BATTERY")}

    assert told == {
        "UPS_FAULT": Told.TEXT,
        "ENV_CONTACT_ABNORMAL": Told.CONTACT,
        "OTHER": Told.NATIVE,
        "ON_BATTERY": Told.CODE,
    }


def test_every_clear_is_info_and_every_code_has_a_name_of_its_own_kind() -> None:
    for known in CODES.values():
        assert known.name
        if known.kind is Kind.CLEAR:
            assert known.severity is Severity.INFO


def test_what_can_be_mailed_by_default_says_what_to_do() -> None:
    # a reboot, a contact and an agent's trouble have no advice that fits all
    without = {"REBOOT_STARTED", "ENV_CONTACT_ABNORMAL", "AGENT_PROBLEM"}

    assert {c.code for c in CONDITIONS if c.severity is not Severity.INFO and not c.advice} == without


def test_a_bypass_for_a_fault_is_critical() -> None:
    assert CONDITION_BY_CODE["BYPASS_ON"].severity_by_cause == {"fault": Severity.CRITICAL}
    assert NATIVE["powernet", "20"].attributes == {"cause": "fault"}


def test_every_notifytype_of_nut_means_what_it_should() -> None:
    assert {native: mapped.code for (source, native), mapped in NATIVE.items() if source == "nut"} == NUT


def test_every_alarm_text_of_nut_means_what_it_should() -> None:
    meaning = {text: condition.code for condition in CONDITIONS for text in condition.nut_alarms}

    assert meaning.items() >= NUT_ALARMS.items()


def test_no_native_code_means_two_things() -> None:
    for said in ("nut_flag", "nut_notify", "nut_alarms", "apcupsd", "powernet", "ups_mib_alarms"):
        seen: dict[object, str] = {}
        for condition in CONDITIONS:
            raising = getattr(condition, said) or ()
            clearing = getattr(condition, f"{said}_clear", ())
            for native in ((raising,) if isinstance(raising, str) else raising) + clearing:
                assert seen.setdefault(native, condition.code) == condition.code, (said, native)


def test_every_native_code_of_every_condition_is_in_the_table() -> None:
    for condition in CONDITIONS:
        for number in condition.powernet:
            assert NATIVE["powernet", str(number)].code == condition.code
        for number in condition.powernet_clear:
            assert NATIVE["powernet", str(number)].code == condition.clears[0]
        for number in condition.ups_mib_alarms:
            assert NATIVE["ups-mib", f"alarm:{number}"].code == condition.code
        for event in condition.apcupsd_clear:
            assert NATIVE["apcupsd", event].code == condition.clears[0]


def test_rfc_1628_test_in_progress_does_not_claim_a_passed_test_when_it_ends() -> None:
    # alarm 24 is any test: its removal says that it is over, not that the battery is well
    assert NATIVE["ups-mib", "alarm:24:removed"].code == "CALIBRATION_ENDED"


def test_rfc_1628_bad_bypass_supply_is_bad_input_on_the_bypass_line() -> None:
    for native, code in (("alarm:10", "INPUT_BAD"), ("alarm:10:removed", "INPUT_OK")):
        assert NATIVE["ups-mib", native].code == code
        assert NATIVE["ups-mib", native].attributes == {"line": "bypass"}


def test_rfc_1628_on_battery_ends_by_the_removed_alarm() -> None:
    assert NATIVE["ups-mib", "trap:1"].code == "ON_BATTERY"
    assert NATIVE["ups-mib", "alarm:2:removed"].code == "POWER_RESTORED"


def test_status_is_no_condition() -> None:
    assert CODES[STATUS].kind is Kind.PULSE
    assert STATUS not in CONDITION_BY_CODE


def test_an_unknown_code_is_its_own_name() -> None:
    assert name_of("ON_BATTERY") == "On battery"
    assert name_of("FLUX_CAPACITOR_LOW") == "FLUX_CAPACITOR_LOW"

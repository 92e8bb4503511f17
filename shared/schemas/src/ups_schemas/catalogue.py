"""What a UPS can say: conditions, the codes that raise and clear them, and how other dialects say the same.

Sources: NUT (NOTIFYTYPE of upsmon, `ups.status`, `ups.alarm`), apccontrol of apcupsd, PowerNet-MIB traps, RFC 1628.
This is data with a version: a code never changes its meaning, and is never removed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

CATALOGUE_VERSION = 1


class Severity(StrEnum):
    """How bad it is, by the catalogue's judgement; `rank` orders."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for critical."""
        return _RANKS[self]


_RANKS = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


class Told(StrEnum):
    """What tells two conditions of the same code on one device apart."""

    CODE = "code"  # nothing: one at a time
    TEXT = "text"  # its text: two different faults must not clear each other
    CONTACT = "contact"  # the number of the contact or probe
    NATIVE = "native"  # the native code, for events we do not know


STATUS = "STATUS"
OTHER = "OTHER"
OTHER_CLEARED = "OTHER_CLEARED"

_HOURS_24 = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. `code` raises it; each of `clears` ends it; `ended_by` are raises of others that end it, too.

    `hold` is how long it must last before a mail goes out (data only, for now). Not confirmed for `stale_after`, it is
    taken as over. `nut_flag` is its token in `ups.status`, `nut_alarms` are texts in `ups.alarm`. `severity_by_cause`
    replaces `severity` where the event's `cause` says so. `derived`: made by the NUT watcher only.
    """

    code: str
    name: str
    severity: Severity
    clears: tuple[str, ...] = ()
    clear_name: str = ""
    ended_by: tuple[str, ...] = ()
    hold: timedelta = timedelta(0)
    stale_after: timedelta = _HOURS_24
    told_apart_by: Told = Told.CODE
    severity_by_cause: Mapping[str, Severity] = field(default_factory=dict)
    advice: str = ""
    nut_flag: str | None = None
    nut_notify: tuple[str, ...] = ()
    nut_notify_clear: tuple[str, ...] = ()
    nut_alarms: tuple[str, ...] = ()
    apcupsd: tuple[str, ...] = ()
    apcupsd_clear: tuple[str, ...] = ()
    powernet: tuple[int, ...] = ()
    powernet_clear: tuple[int, ...] = ()
    ups_mib_alarms: tuple[int, ...] = ()
    derived: bool = False

    @property
    def pulse(self) -> bool:
        """Whether it happens rather than lasts: nothing ends it."""
        return not self.clears and not self.ended_by


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


_C, _W, _I = Severity.CRITICAL, Severity.WARNING, Severity.INFO

CONDITIONS: tuple[Condition, ...] = (
    Condition(
        "ON_BATTERY",
        "On battery",
        _C,
        clears=("POWER_RESTORED",),
        clear_name="Power restored",
        # some units report the corrected voltage instead of the return of power
        ended_by=("AVR_ON",),
        hold=_s(10),
        advice="Check the mains supply and breaker. Prepare an orderly shutdown if power does not return.",
        nut_flag="OB",
        nut_notify=("ONBATT",),
        nut_notify_clear=("ONLINE",),
        apcupsd=("onbattery", "powerout"),
        apcupsd_clear=("offbattery", "mainsback"),
        powernet=(5, 777),
        powernet_clear=(9, 778),
        ups_mib_alarms=(2,),
    ),
    Condition(
        "BATTERY_LOW",
        "Battery low, shutdown near",
        _C,
        clears=("BATTERY_LOW_CLEARED",),
        clear_name="Battery no longer low",
        advice="Shut the load down now if power does not return at once.",
        nut_flag="LB",
        nut_notify=("LOWBATT",),
        apcupsd=("failing",),
        powernet=(7,),
        powernet_clear=(11,),
        ups_mib_alarms=(3,),
    ),
    Condition(
        "BATTERY_DISCHARGED",
        "Battery not recharged: the next outage has no runtime",
        _W,
        clears=("BATTERY_RECHARGED",),
        clear_name="Battery recharged",
        advice="Let it recharge. If it does not within a day, have the battery and charger checked.",
        powernet=(4,),
        powernet_clear=(38,),
        ups_mib_alarms=(4,),
        derived=True,
    ),
    Condition(
        "BATTERY_REPLACE",
        "Replace battery",
        _C,
        clears=("BATTERY_REPLACED",),
        clear_name="Battery replaced",
        hold=_s(600),
        advice="Run a self-test. If it is reported again, order a replacement battery.",
        nut_flag="RB",
        nut_notify=("REPLBATT",),
        nut_alarms=("Replace battery!",),
        apcupsd=("changeme",),
        powernet=(17,),
        powernet_clear=(36,),
        ups_mib_alarms=(1,),
    ),
    Condition(
        "BATTERY_FAILED",
        "Battery failure",
        _C,
        clears=("BATTERY_OK",),
        clear_name="Battery works again",
        advice="Have the battery replaced: the load is not protected.",
        nut_alarms=("Battery voltage too low!", "Battery voltage too high!"),
        apcupsd=("emergency",),
        powernet=(715, 506),
        powernet_clear=(716, 507),
    ),
    Condition(
        "BATTERY_DISCONNECTED",
        "Battery missing",
        _W,
        clears=("BATTERY_CONNECTED",),
        clear_name="Battery connected",
        hold=_s(60),
        advice="Check the battery and its connector.",
        nut_alarms=("No battery installed!",),
        apcupsd=("battdetach",),
        apcupsd_clear=("battattach",),
        powernet=(80, 26),
        powernet_clear=(81, 27),
    ),
    Condition(
        "SELFTEST_FAILED",
        "Self-test failed",
        _C,
        clears=("SELFTEST_PASSED",),
        clear_name="Self-test passed",
        advice="Repeat the test when the battery is charged. If it fails again, replace the battery.",
        powernet=(3,),
        powernet_clear=(10,),
        ups_mib_alarms=(19,),
    ),
    Condition(
        "SELFTEST_STARTED",
        "Self-test running",
        _I,
        clears=("SELFTEST_PASSED",),
        clear_name="Self-test passed",
        ended_by=("SELFTEST_FAILED",),
        apcupsd=("startselftest",),
        apcupsd_clear=("endselftest",),
    ),
    Condition(
        "CALIBRATION_STARTED",
        "Runtime calibration running",
        _I,
        clears=("CALIBRATION_ENDED",),
        clear_name="Runtime calibration ended",
        nut_flag="CAL",
        nut_notify=("CAL",),
        nut_notify_clear=("NOTCAL",),
        powernet=(28,),
        powernet_clear=(37,),
        ups_mib_alarms=(24,),
    ),
    Condition(
        "OVERLOAD",
        "Overload",
        _C,
        clears=("OVERLOAD_CLEARED",),
        clear_name="Load back within limits",
        hold=_s(5),
        advice="Take load off this UPS: it may switch off, and has no runtime to speak of.",
        nut_flag="OVER",
        nut_notify=("OVER",),
        nut_notify_clear=("NOTOVER",),
        powernet=(2, 713, 717),
        powernet_clear=(33, 714, 718),
        ups_mib_alarms=(8,),
    ),
    Condition(
        "COMM_LOST",
        "Contact with the UPS lost",
        _W,
        clears=("COMM_RESTORED",),
        clear_name="Contact with the UPS restored",
        ended_by=("COMM_LOST_ON_BATTERY",),
        hold=_s(120),
        advice="Check the cable or network between the UPS and its monitor. Until then its state is unknown.",
        nut_notify=("COMMBAD", "NOCOMM"),
        nut_notify_clear=("COMMOK",),
        apcupsd=("commfailure",),
        apcupsd_clear=("commok",),
        powernet=(1,),
        powernet_clear=(8,),
        ups_mib_alarms=(20,),
    ),
    Condition(
        "COMM_LOST_ON_BATTERY",
        "Contact lost while on battery",
        _C,
        clears=("COMM_RESTORED",),
        clear_name="Contact with the UPS restored",
        advice="The UPS may have switched off with its load. Look at the site.",
        apcupsd=("remotedown",),
        powernet=(733,),
        derived=True,
    ),
    Condition(
        "DEVICE_SILENT",
        "No heartbeat",
        _W,
        clears=("DEVICE_SEEN",),
        clear_name="Heartbeat is back",
        hold=_s(900),
        advice="Neither the UPS nor its monitor has been heard from. Check the site and its network.",
    ),
    Condition(
        "BYPASS_ON",
        "On bypass: the load is not protected",
        _W,
        clears=("BYPASS_OFF",),
        clear_name="Back from bypass",
        hold=_s(5),
        severity_by_cause={"fault": _C},
        advice="Find out why it is on bypass: an outage now takes the load down.",
        nut_flag="BYPASS",
        nut_notify=("BYPASS",),
        nut_notify_clear=("NOTBYPASS",),
        powernet=(21, 22, 787, 20),
        powernet_clear=(23,),
        ups_mib_alarms=(9,),
    ),
    Condition(
        "AVR_ON",
        "Correcting the input voltage",
        _I,
        clears=("AVR_OFF",),
        clear_name="No longer correcting the input voltage",
        hold=_s(60),
        nut_notify=("BOOST", "TRIM"),
        nut_notify_clear=("NOTBOOST", "NOTTRIM"),
        powernet=(6, 31),
        powernet_clear=(34, 35),
    ),
    Condition(
        "INPUT_BAD",
        "Input out of tolerance",
        _W,
        clears=("INPUT_OK",),
        clear_name="Input within tolerance",
        hold=_s(30),
        advice="Have the mains supply checked.",
        powernet=(703, 705),
        powernet_clear=(704, 706),
        ups_mib_alarms=(6, 10),
    ),
    Condition(
        "OUTPUT_BAD",
        "Output out of tolerance",
        _W,
        clears=("OUTPUT_OK",),
        clear_name="Output within tolerance",
        hold=_s(5),
        advice="Have the UPS checked: it feeds the load with a wrong voltage.",
        powernet=(49, 711),
        powernet_clear=(50, 712),
        ups_mib_alarms=(7,),
    ),
    Condition(
        "OUTPUT_OFF",
        "Output off or asleep",
        _W,
        clears=("OUTPUT_ON",),
        clear_name="Output on",
        hold=_s(10),
        advice="The load has no power from this UPS. Switch the output on if that was not intended.",
        nut_flag="OFF",
        nut_notify=("OFF",),
        nut_notify_clear=("NOTOFF",),
        powernet=(12, 13, 299),
        powernet_clear=(30, 14, 298),
        ups_mib_alarms=(11, 12, 14, 15, 21),
    ),
    Condition(
        "EPO_ACTIVE",
        "Emergency power off",
        _C,
        clears=("EPO_CLEARED",),
        clear_name="Emergency power off released",
        advice="Somebody or something pressed emergency power off. Make sure it is safe before switching on.",
        nut_alarms=("Emergency power off!", "EPO active!"),
        powernet=(771, 723),
        powernet_clear=(772,),
    ),
    Condition(
        "OVER_TEMPERATURE",
        "Too hot",
        _W,
        clears=("TEMPERATURE_OK",),
        clear_name="Temperature back to normal",
        hold=_s(60),
        advice="Check air flow and cooling. Heat shortens the battery's life.",
        nut_alarms=("Temperature too high!",),
        powernet=(53, 353, 504, 59, 63),
        powernet_clear=(54, 354, 505, 60, 64),
        ups_mib_alarms=(5,),
    ),
    Condition(
        "CHARGER_FAULT",
        "Charger failed",
        _W,
        clears=("CHARGER_OK",),
        clear_name="Charger works again",
        hold=_s(30),
        advice="Have the UPS serviced: its battery is no longer charged.",
        nut_alarms=("Battery charger fail!",),
        powernet=(51,),
        powernet_clear=(52,),
        ups_mib_alarms=(13,),
    ),
    Condition(
        "FAN_FAULT",
        "Fan failed",
        _C,
        clears=("FAN_OK",),
        clear_name="Fan works again",
        hold=_s(30),
        advice="Have the fan replaced before the UPS overheats.",
        nut_alarms=("Fan failure!",),
        powernet=(25,),
        powernet_clear=(637,),
        ups_mib_alarms=(16,),
    ),
    Condition(
        "UPS_FAULT",
        "UPS fault",
        _C,
        clears=("UPS_FAULT_CLEARED",),
        clear_name="UPS fault cleared",
        hold=_s(5),
        told_apart_by=Told.TEXT,
        advice="Look the fault up in the maker's manual, and have the UPS serviced.",
        # an alarm whose text is no other condition's
        nut_notify=("ALARM",),
        nut_notify_clear=("NOTALARM",),
        nut_alarms=("Internal UPS fault!",),
        powernet=(77, 734, 736, 738, 608, 612, 620, 622),
        powernet_clear=(78, 735, 737, 739, 609, 613, 621, 623),
        ups_mib_alarms=(17, 18),
    ),
    Condition(
        "ECO_ON",
        "Eco mode",
        _I,
        clears=("ECO_OFF",),
        clear_name="Eco mode off",
        nut_flag="ECO",
        nut_notify=("ECO",),
        nut_notify_clear=("NOTECO",),
    ),
    Condition(
        "SHUTDOWN_STARTED",
        "Load shutdown under way",
        _C,
        ended_by=("OUTPUT_ON", "POWER_RESTORED"),
        advice="The load is being shut down. Nothing is left to do but to restore power.",
        nut_flag="FSD",
        nut_notify=("FSD", "SHUTDOWN", "SHUTDOWN_HOSTSYNC"),
        apcupsd=("doshutdown", "timeout", "loadlimit", "runlimit"),
        powernet=(39,),
        ups_mib_alarms=(22, 23),
    ),
    Condition(
        "REBOOT_STARTED",
        "UPS rebooting",
        _W,
        ended_by=("OUTPUT_ON",),
        powernet=(15,),
    ),
    Condition(
        "FIRMWARE_UPDATE_STARTED",
        "Firmware update running",
        _I,
        clears=("FIRMWARE_UPDATED",),
        clear_name="Firmware updated",
        ended_by=("FIRMWARE_UPDATE_FAILED",),
        powernet=(758,),
        powernet_clear=(759,),
    ),
    Condition(
        "FIRMWARE_UPDATE_FAILED",
        "Firmware update failed",
        _W,
        advice="Repeat the update, or ask the maker.",
        powernet=(760, 761),
    ),
    Condition(
        "ENV_CONTACT_ABNORMAL",
        "Dry contact or probe abnormal",
        _W,
        clears=("ENV_CONTACT_NORMAL",),
        clear_name="Dry contact or probe normal",
        hold=_s(5),
        told_apart_by=Told.CONTACT,
        powernet=(18, 808, 57, 61),
        powernet_clear=(19, 809, 58, 62),
    ),
    Condition(
        "SECURITY_ALERT",
        "Failed log-in or password change on the management card",
        _W,
        advice="If that was nobody of yours, look at who can reach the card.",
        powernet=(46, 47, 48),
    ),
    Condition(
        "AGENT_PROBLEM",
        "Trouble of the monitoring agent",
        _W,
        hold=_s(60),
        nut_notify=("NOPARENT", "SUSPEND_STARTING", "SUSPEND_FINISHED", "SUSPEND_TIMEJUMP_UNEXPECTED"),
        powernet=(29, 66),
    ),
    Condition(
        OTHER,
        "Event of the device",
        _I,
        clears=(OTHER_CLEARED,),
        clear_name="Event of the device ended",
        told_apart_by=Told.NATIVE,
        nut_notify=("OTHER",),
        nut_notify_clear=("NOTOTHER",),
        apcupsd=("annoyme",),
    ),
)


class Kind(StrEnum):
    """What a code does."""

    RAISE = "raise"
    CLEAR = "clear"
    PULSE = "pulse"


@dataclass(frozen=True, slots=True)
class Code:
    """A code as its events need it. `ends` are the codes of the conditions that it ends, its own among them."""

    code: str
    kind: Kind
    name: str
    severity: Severity
    told_apart_by: Told
    ends: tuple[str, ...] = ()


CONDITION_BY_CODE: Mapping[str, Condition] = {condition.code: condition for condition in CONDITIONS}


def _codes() -> dict[str, Code]:
    codes: dict[str, Code] = {}
    for condition in CONDITIONS:
        ends = tuple(other.code for other in CONDITIONS if condition.code in other.ended_by)
        kind = Kind.PULSE if condition.pulse else Kind.RAISE
        codes[condition.code] = Code(
            condition.code, kind, condition.name, condition.severity, condition.told_apart_by, ends
        )
    for condition in CONDITIONS:
        for clear in condition.clears:
            ends = tuple(other.code for other in CONDITIONS if clear in (*other.clears, *other.ended_by))
            codes[clear] = Code(clear, Kind.CLEAR, condition.clear_name, Severity.INFO, condition.told_apart_by, ends)
    codes[STATUS] = Code(STATUS, Kind.PULSE, "Readings", Severity.INFO, Told.CODE)
    return codes


CODES: Mapping[str, Code] = _codes()


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a native code means here; `attributes` are what the native code says besides."""

    code: str
    attributes: Mapping[str, str] = field(default_factory=dict)


# What a native code says that the condition's own name does not.
_NATIVE_ATTRIBUTES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("powernet", "777"): {"cause": "fault"},
    ("powernet", "20"): {"cause": "fault"},
    ("powernet", "705"): {"line": "bypass"},
    ("powernet", "706"): {"line": "bypass"},
    ("powernet", "6"): {"mode": "boost"},
    ("powernet", "31"): {"mode": "trim"},
    ("ups-mib", "alarm:10"): {"line": "bypass"},
    ("ups-mib", "alarm:10:removed"): {"line": "bypass"},
    ("nut", "BOOST"): {"mode": "boost"},
    ("nut", "TRIM"): {"mode": "trim"},
    ("apcupsd", "timeout"): {"cause": "timeout"},
    ("apcupsd", "loadlimit"): {"cause": "loadlimit"},
    ("apcupsd", "runlimit"): {"cause": "runlimit"},
}


def _native() -> dict[tuple[str, str], Mapped]:
    table: dict[tuple[str, str], Mapped] = {}

    def add(source: str, native: str, code: str) -> None:
        table[source, native] = Mapped(code, _NATIVE_ATTRIBUTES.get((source, native), {}))

    for condition in CONDITIONS:
        raising: dict[str, tuple[str, ...]] = {
            "nut": condition.nut_notify,
            "apcupsd": condition.apcupsd,
            "powernet": tuple(map(str, condition.powernet)),
            "ups-mib": tuple(f"alarm:{number}" for number in condition.ups_mib_alarms),
        }
        clearing: dict[str, tuple[str, ...]] = {
            "nut": condition.nut_notify_clear,
            "apcupsd": condition.apcupsd_clear,
            "powernet": tuple(map(str, condition.powernet_clear)),
            "ups-mib": tuple(f"alarm:{number}:removed" for number in condition.ups_mib_alarms),
        }
        for source, natives in raising.items():
            for native in natives:
                add(source, native, condition.code)
        for source, natives in clearing.items():
            for native in natives if condition.clears else ():
                add(source, native, condition.clears[0])
    # RFC 1628: trap 1 is on-battery, repeated each minute; trap 2 is a self-test's result.
    add("ups-mib", "trap:1", "ON_BATTERY")
    return table


NATIVE: Mapping[tuple[str, str], Mapped] = _native()


def name_of(code: str) -> str:
    """The code in words; an unknown code is its own name."""
    known = CODES.get(code)
    return known.name if known else code

"""What kinds of events there are in a picture: groups of the catalogue's codes, few enough to be told apart."""

from enum import StrEnum

from ups_portal.domain.text import Text
from ups_schemas.catalogue import CODES


class Group(StrEnum):
    """What an event is about, in the order in which pictures and tables have them."""

    MAINS = "mains"
    BATTERY = "battery"
    LOAD = "load"
    CONTACT = "contact"
    OTHER = "other"


NAMES = {
    Group.MAINS: Text("Mains power"),
    Group.BATTERY: Text("Battery"),
    Group.LOAD: Text("Load and output"),
    Group.CONTACT: Text("Contact"),
    Group.OTHER: Text("The UPS itself, and others"),
}

_CONDITIONS = {
    Group.MAINS: {"ON_BATTERY", "AVR_ON", "INPUT_BAD"},
    Group.BATTERY: {
        "BATTERY_LOW",
        "BATTERY_DISCHARGED",
        "BATTERY_REPLACE",
        "BATTERY_FAILED",
        "BATTERY_DISCONNECTED",
        "SELFTEST_FAILED",
        "SELFTEST_STARTED",
        "CALIBRATION_STARTED",
        "CHARGER_FAULT",
    },
    Group.LOAD: {
        "OVERLOAD",
        "BYPASS_ON",
        "OUTPUT_BAD",
        "OUTPUT_OFF",
        "EPO_ACTIVE",
        "SHUTDOWN_STARTED",
        "REBOOT_STARTED",
    },
    Group.CONTACT: {"COMM_LOST", "COMM_LOST_ON_BATTERY", "DEVICE_SILENT", "AGENT_PROBLEM"},
}
_GROUPS = {code: group for group, codes in _CONDITIONS.items() for code in codes}


def group_of(code: str) -> Group:
    """The group of a code; of one that ends a condition, that of the condition."""
    known = CODES.get(code)
    condition = known.ends[0] if known and known.ends and code not in _GROUPS else code
    return _GROUPS.get(condition, Group.OTHER)

"""How much happened by day, as it can be."""

from collections.abc import Mapping
from datetime import timedelta

from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices
from ups_portal.testing.fake_log import FakeLog, a_row
from ups_portal.testing.gallery import Exhibit
from ups_portal.testing.problems import Json

# Of each hundred events of a company, so many.
_MIX = {
    "ON_BATTERY": 14,
    "POWER_RESTORED": 14,
    "AVR_ON": 10,
    "BATTERY_LOW": 4,
    "BATTERY_REPLACE": 8,
    "OVERLOAD": 9,
    "OVERLOAD_CLEARED": 9,
    "COMM_LOST": 11,
    "COMM_RESTORED": 11,
    "UPS_FAULT": 4,
    "OTHER": 6,
}
_CODES = [code for code, number in _MIX.items() for _ in range(number)]


def some_days(days: int) -> list[Json]:
    """Rows of so many days, newest first: some days are quiet, and one is not."""
    rows: list[Json] = []
    for ago in range(days):
        number = 0 if ago % 9 == 4 else 130 if ago == 2 else (ago * 7) % 23 + ago % 5 + 1  # noqa: PLR2004 - of the example
        at = SINCE - timedelta(days=ago)
        codes = [_CODES[(ago * 13 + each * 37) % len(_CODES)] for each in range(number)]
        rows += [a_row(0, code=code, received_at=at.isoformat()) for code in codes]
    return rows


def days_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    return {
        "days": _at(FakeLog(some_days(7))),
        "days-month": _at(FakeLog(some_days(30)), "?range=30d"),
        "days-quarter": _at(FakeLog(some_days(90)), "?range=90d"),
        "days-one-event": _at(FakeLog([a_row(0, received_at=SINCE.isoformat())])),
        "days-none": _at(FakeLog()),
        "days-missing": _at(FakeLog(failing=503)),
        "days-not-whole": _at(FakeLog(some_days(30), most_counted=200), "?range=30d"),
    }


def _at(log: FakeLog, query: str = "") -> Exhibit:
    return Exhibit(FakeDeviceSvc(own=FakeDevices(log=log)), f"/events/days{query}", signed_in=True)

"""**Notifications** as they can be."""

from collections.abc import Mapping

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_preferences import FakePreferences
from ups_portal.testing.gallery import HOSTILE, Exhibit


def notifications_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    off = {"on": False, "in_force": False, "min_severity": "info"}
    silenced = FakePreferences(company_off=True, codes=["ON_BATTERY", "BATTERY_LOW"])
    hostile = [a_device(1, name=HOSTILE, site=HOSTILE)]
    several = [a_device(1), a_device(2, own_subscription=off, listeners=0), a_device(3, site="Berlin")]
    return {
        "notifications": _at(FakeDevices(several)),
        "notifications-silenced": _at(FakeDevices(preferences=silenced), "?did=saved"),
        "notifications-none": _at(FakeDevices([])),
        "notifications-missing": _at(FakeDevices(failing=503)),
        "notifications-hostile": _at(FakeDevices(hostile)),
        "preference": _at(FakeDevices(several), "/d-1"),
        "preference-nobody-hears": _at(FakeDevices(several), "/d-2"),
        "preference-silenced": _at(FakeDevices(preferences=silenced), "/d-1?did=saved"),
        "preference-hostile": _at(FakeDevices(hostile), "/d-1"),
    }


def _at(own: FakeDevices, more: str = "") -> Exhibit:
    return Exhibit(FakeDeviceSvc(own=own), f"/notifications{more}", signed_in=True)

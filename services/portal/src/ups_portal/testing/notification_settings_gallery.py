"""The notification settings of a UPS as they can be."""

from collections.abc import Mapping

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import BASIC, FakeDevices, a_device
from ups_portal.testing.fake_notification_settings import FakeNotificationSettings
from ups_portal.testing.gallery import HOSTILE, Exhibit
from ups_portal.testing.problems import Json


def notification_settings_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    some = FakeNotificationSettings(
        {"limit": 3, "window_s": 5400, "period_s": None},
        {"COMM_LOST": "critical", "AVR_ON": "warning"},
        ["BATTERY_LOW", "OVERLOAD", "SHUTDOWN_STARTED"],
    )
    return {
        "settings": _at(a_device(1)),
        "settings-some": _at(a_device(1), some, "?did=saved"),
        "settings-others": _at(a_device(1, owner="u-2"), some),
        "settings-basic": _at(a_device(1, plan=BASIC)),
        "settings-resting": _at(a_device(1, plan=BASIC), some),
        "settings-hostile": _at(a_device(1, name=HOSTILE)),
    }


def _at(device: Json, settings: FakeNotificationSettings | None = None, query: str = "") -> Exhibit:
    own = FakeDevices([device], settings=settings or FakeNotificationSettings())
    return Exhibit(FakeDeviceSvc(own=own), f"/devices/d-1/notification-settings{query}", signed_in=True)

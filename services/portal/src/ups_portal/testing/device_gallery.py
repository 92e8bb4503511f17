"""One UPS as it can be."""

from collections.abc import Mapping
from typing import Any

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import (
    BASIC,
    DISABLED,
    MAILED,
    SILENCED,
    FakeDevices,
    a_condition,
    a_device,
    a_period,
    ended_periods,
)
from ups_portal.testing.gallery import HOSTILE, Exhibit


def device_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    silenced: dict[str, Any] = {"why": SILENCED, "periods": [a_period(), *ended_periods()]}
    on_battery = [a_condition("ON_BATTERY"), a_condition("UPS_FAULT", "warning", "Fan 2 stalled", 4000)]
    hostile = MAILED | {
        "text": HOSTILE,
        "reasons": [{"text": HOSTILE, "link_kind": "purchase"}],
        "last": [
            {"event": {"code": "OTHER", "received_at": "2026-11-20T09:11:05Z", "native_text": HOSTILE}, "text": HOSTILE}
        ],
    }
    return {
        "device": _at(a_device(1, open_conditions=on_battery), periods=ended_periods()),
        "device-new": _at(
            a_device(1, last_seen=None, last_read_at=None, last_readings=None), why=MAILED | {"last": [], "reasons": []}
        ),
        "device-disabled": _at(a_device(1, notifications=DISABLED, plan=BASIC, listeners=0), **silenced),
        "device-disabled-others": _at(a_device(1, notifications=DISABLED, owner="u-2"), **silenced),
        "device-enabling": _at(a_device(1, notifications=DISABLED | {"state": "enabling"}), "?did=requested"),
        "device-enabled": _at(a_device(1), "?did=requested"),
        "device-parts-missing": _at(a_device(1), without={"notifications/periods", "why-no-mail"}),
        "device-hostile": _at(
            a_device(
                1,
                name=HOSTILE,
                site=HOSTILE,
                model=HOSTILE,
                serial=HOSTILE,
                open_conditions=[a_condition("UPS_FAULT", text=HOSTILE)],
            ),
            why=hostile,
        ),
        "device-unknown": _at(a_device(2)),
        "device-away": _at(a_device(1), failing=503),
    }


def _at(device: dict[str, Any], query: str = "", **state: Any) -> Exhibit:  # Any: JSON, and fields of the fake
    return Exhibit(FakeDeviceSvc(own=FakeDevices([device], **state)), f"/devices/d-1{query}", signed_in=True)

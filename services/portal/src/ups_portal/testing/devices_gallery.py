"""The overview as it can be."""

from collections.abc import Mapping
from dataclasses import replace

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_condition, a_device, some_devices
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_sessions import FakeSessions
from ups_portal.testing.gallery import HOSTILE, Exhibit


def devices_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    hostile_me = FakeSessions().me | {"name": HOSTILE, "company": {"company_id": "c-1", "name": HOSTILE}}
    hostile = [
        a_device(1, name=HOSTILE, site=HOSTILE, model=HOSTILE),
        a_device(2, name=HOSTILE, site=HOSTILE, open_conditions=[a_condition("UPS_FAULT", text=HOSTILE)]),
    ]
    return {
        "devices": _at(FakeDevices(some_devices())),
        "devices-quiet": _at(FakeDevices()),
        "devices-searched": _at(FakeDevices(some_devices()), "?q=rack&site=Berlin&only=wrong"),
        "devices-not-found": _at(FakeDevices(), "?q=nothing"),
        "devices-removed": _at(FakeDevices(), "?did=removed"),
        "devices-none": _at(FakeDevices([])),
        "devices-missing": _at(FakeDevices(failing=503)),
        "devices-hostile": replace(
            _at(FakeDevices(hostile)), invite_svc=FakeInviteSvc(own=FakeSessions(me=hostile_me))
        ),
    }


def _at(own: FakeDevices, query: str = "") -> Exhibit:
    return Exhibit(FakeDeviceSvc(own=own), f"/devices{query}", signed_in=True)

"""The overview as it can be."""

from collections.abc import Mapping
from dataclasses import replace

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_sessions import FakeSessions
from ups_portal.testing.gallery import HOSTILE, Exhibit


def devices_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    hostile_me = FakeSessions().me | {"name": HOSTILE, "company": {"company_id": "c-1", "name": HOSTILE}}
    hostile = [a_device(1, name=HOSTILE, site=HOSTILE, model=HOSTILE)]
    return {
        "devices": _at(FakeDevices()),
        "devices-none": _at(FakeDevices([])),
        "devices-missing": _at(FakeDevices(failing=503)),
        "devices-hostile": replace(
            _at(FakeDevices(hostile)), invite_svc=FakeInviteSvc(own=FakeSessions(me=hostile_me))
        ),
    }


def _at(own: FakeDevices) -> Exhibit:
    return Exhibit(FakeDeviceSvc(own=own), "/devices", signed_in=True)

"""The forms for a UPS's names and keys as they can be."""

from collections.abc import Mapping
from typing import Any

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_keys import FakeKeys, a_key
from ups_portal.testing.gallery import HOSTILE, Exhibit


def device_forms_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    old = "2026-11-20T08:00:00Z"
    kept = [
        a_key(1, works=False, expires_at=old),
        a_key(2, works=False, revoked=True),
        a_key(3, expires_at="2026-11-23T08:00:00Z"),
        a_key(4),
    ]
    return {
        "device-new-form": _at("/devices/new"),
        "device-names": _at("/devices/d-1/names"),
        "device-names-hostile": _at("/devices/d-1/names", name=HOSTILE, site=HOSTILE, model=HOSTILE),
        "device-names-others": _at("/devices/d-1/names", owner="u-2"),
        "device-keys": _at("/devices/d-1/keys?did=revoked", kept),
        "device-keys-none": _at("/devices/d-1/keys", [a_key(1, works=False, revoked=True)]),
        "device-keys-hostile": _at("/devices/d-1/keys", name=HOSTILE),
    }


def _at(path: str, keys: list[dict[str, Any]] | None = None, **device: Any) -> Exhibit:  # Any: JSON
    known = FakeKeys({"d-1": keys} if keys else {})
    return Exhibit(FakeDeviceSvc(own=FakeDevices([a_device(1, **device)], keys=known)), path, signed_in=True)

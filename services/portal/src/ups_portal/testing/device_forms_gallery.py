"""The forms for a UPS's names, keys and owner as they can be."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_keys import FakeKeys, a_key
from ups_portal.testing.fake_team import FakeTeam, a_member
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
        "device-hand-over": _at("/devices/d-1/hand-over"),
        "device-hand-over-alone": replace(_at("/devices/d-1/hand-over"), invite_svc=_people(a_member(1))),
        "device-hand-over-hostile": replace(
            _at("/devices/d-1/hand-over", name=HOSTILE),
            invite_svc=_people(a_member(2, name=HOSTILE, address="x" * 200)),
        ),
        "device-hand-over-missing": replace(_at("/devices/d-1/hand-over"), invite_svc=FakeInviteSvc(failing=503)),
        "device-remove": _at("/devices/d-1/remove"),
        "device-unowned": _at("/devices/d-1", owner=None),
        "device-keys-hostile": _at("/devices/d-1/keys", name=HOSTILE),
    }


def _people(*members: dict[str, Any]) -> FakeInviteSvc:  # Any: JSON
    return FakeInviteSvc(team=FakeTeam(list(members)))


def _at(path: str, keys: list[dict[str, Any]] | None = None, **device: Any) -> Exhibit:  # Any: JSON
    known = FakeKeys({"d-1": keys} if keys else {})
    return Exhibit(FakeDeviceSvc(own=FakeDevices([a_device(1, **device)], keys=known)), path, signed_in=True)

"""One's own account as it can be."""

from collections.abc import Mapping

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_invite_svc import FakeInviteSvc
from ups_portal.testing.fake_sessions import FakeSessions
from ups_portal.testing.gallery import HOSTILE, Exhibit


def account_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    hostile = FakeSessions().me | {"name": HOSTILE, "address": f"{'a' * 60}@{'b' * 60}.example"}
    return {
        "account": _at(),
        "account-saved": _at(query="?did=saved"),
        "account-hostile": _at(FakeInviteSvc(own=FakeSessions(me=hostile))),
        "account-missing": _at(FakeInviteSvc(failing=503)),
        "erased": Exhibit(FakeDeviceSvc(), "/erased"),
    }


def _at(people: FakeInviteSvc | None = None, query: str = "") -> Exhibit:
    return Exhibit(FakeDeviceSvc(), f"/account{query}", people or FakeInviteSvc(), signed_in=True)

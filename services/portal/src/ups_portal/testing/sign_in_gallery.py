"""The sign-in page."""

from collections.abc import Mapping

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.gallery import Exhibit


def sign_in_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    return {"sign-in": Exhibit(FakeDeviceSvc(), "/sign-in")}

"""The pages to sign in, to register, and to ask for a link to choose a password."""

from collections.abc import Mapping

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.gallery import Exhibit


def sign_in_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    return {
        "sign-in": Exhibit(FakeDeviceSvc(), "/sign-in"),
        "register": Exhibit(FakeDeviceSvc(), "/register"),
        "register-asked": Exhibit(FakeDeviceSvc(), "/inbox?did=registration"),
        "reset-password": Exhibit(FakeDeviceSvc(), "/reset-password"),
        "reset-password-asked": Exhibit(FakeDeviceSvc(), "/inbox?did=reset"),
    }

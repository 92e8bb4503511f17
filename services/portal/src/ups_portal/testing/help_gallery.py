"""The help pages as they can be."""

from collections.abc import Mapping

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_no_mail import STOPPED, a_finding, a_row
from ups_portal.testing.gallery import HOSTILE, Exhibit

_ASKED = "/help/no-mail?device=d-1"


def help_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    hostile = STOPPED | {
        "reasons": [a_finding("plan", "stops", HOSTILE, HOSTILE)],
        "last": [a_row("OTHER", HOSTILE, HOSTILE, native_text=HOSTILE)],
    }
    return {
        "help": Exhibit(FakeDeviceSvc(), "/help", signed_in=True),
        "help-guest": Exhibit(FakeDeviceSvc(), "/help"),
        "help-no-mail": _at(FakeDevices(), "/help/no-mail"),
        "help-no-mail-none": _at(FakeDevices([]), "/help/no-mail"),
        "help-no-mail-missing": _at(FakeDevices(without={"why-no-mail"})),
        "help-no-mail-mailed": _at(FakeDevices()),
        "help-no-mail-stopped": _at(FakeDevices(why=STOPPED)),
        "help-no-mail-hostile": _at(FakeDevices([a_device(1, name=HOSTILE, site=HOSTILE)], why=hostile)),
        "help-all-missing": _at(FakeDevices(failing=503)),
    }


def _at(own: FakeDevices, path: str = _ASKED) -> Exhibit:
    return Exhibit(FakeDeviceSvc(own=own), path, signed_in=True)

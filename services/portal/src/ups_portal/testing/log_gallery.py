"""The Event Log as it can be."""

from collections.abc import Mapping
from typing import Any

from ups_portal.testing.fake_device_svc import FakeDeviceSvc
from ups_portal.testing.fake_devices import FakeDevices, a_device
from ups_portal.testing.fake_log import FakeLog, a_condition, a_mail, a_row
from ups_portal.testing.gallery import HOSTILE, Exhibit
from ups_portal.testing.problems import Json


def some_rows() -> list[Json]:
    """Rows of all kinds."""
    return [
        a_row(
            1,
            code="POWER_RESTORED",
            phase="clear",
            severity="info",
            mails=[a_mail("u-1"), a_mail("u-2"), a_mail("u-3"), a_mail("u-4", "put off (451)")],
            text="Mailed to Ada Byron, Ben, Cleo and Dan (2 of 6 in 30 minutes).",
        ),
        a_row(2, phase="repeat", outcome="repeat", text="Not mailed again: it still lasts, and was told before."),
        a_row(
            12,
            mails=[a_mail("u-1"), a_mail("u-2", "the mail server took it, and it came back")],
            conditions=[a_condition("cleared", 667, 11)],
        ),
        a_row(30, code="UPS_FAULT", severity="warning", native_text="Fan 2 stalled", conditions=[a_condition()]),
        a_row(41, device_id="d-2", code="COMM_LOST", severity="warning", conditions=[a_condition("not_reported")]),
        a_row(
            55,
            device_id="d-9",
            code="OTHER",
            severity="info",
            native_code="1234",
            occurred_at="2026-11-22T11:00:00Z",
            text="Not mailed: nobody who is subscribed wants events of this kind or severity.",
        ),
        a_row(
            60,
            code="BATTERY_LOW",
            outcome="disabled",
            mails=[a_mail("u-1", kind="disabled"), a_mail("u-2", kind="disabled")],
            text=(
                "Not mailed, one too many: 6 notifications in 30 minutes. Event Notifications were disabled instead."
            ),
        ),
        a_row(70, code="OUTPUT_OFF", severity="warning", decision=None, text="Not decided yet."),
    ]


def log_gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    rows = some_rows()
    hostile = [a_row(1, device_id="d-1", code="OTHER", native_text=HOSTILE, text=HOSTILE, mails=[a_mail("u", HOSTILE)])]
    return {
        "log": _at("/events", FakeLog(rows, {"d-9": "Old rack"})),
        "log-device": _at("/devices/d-1/events", FakeLog(rows)),
        "log-older": _at("/events?cursor=2&first=2026-11-01", FakeLog([a_row(number) for number in range(60)])),
        "log-none": _at("/events", FakeLog()),
        "log-no-such-row": _at("/events?code=OVERLOAD&outcome=test", FakeLog(rows)),
        "log-no-date": _at("/events?first=yesterday&last=2026-02-30", FakeLog(rows)),
        "log-missing": _at("/events", FakeLog(failing=503)),
        "log-hostile": _at("/events", FakeLog(hostile), devices=[a_device(1, name=HOSTILE)]),
        "log-device-hostile": _at("/devices/d-1/events", FakeLog(hostile), devices=[a_device(1, name=HOSTILE)]),
        "log-too-many": _at("/events.csv", FakeLog(failing=429)),
    }


def _at(path: str, log: FakeLog, **own: Any) -> Exhibit:  # Any: fields of the fake
    return Exhibit(FakeDeviceSvc(own=FakeDevices(log=log, **own)), path, signed_in=True)

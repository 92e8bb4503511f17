"""What device-svc answers to *I get no e-mail*."""

from typing import Any

from ups_portal.testing.fake_devices import MAILED
from ups_portal.testing.problems import Json


def a_finding(kind: str, effect: str, text: str, link_kind: str | None = None) -> Json:
    """One thing that was looked at."""
    return {"kind": kind, "effect": effect, "text": text, "since": None, "until": None, "link_kind": link_kind}


def a_row(code: str, text: str, own: str, **event: Any) -> Json:  # Any: JSON
    """A row of the log, with the person's part in it."""
    happened = {"code": code, "received_at": "2026-11-22T17:31:05Z", "native_text": None} | event
    return {"event": happened, "text": text, "own": {"told": own.startswith("To you"), "text": own}}


_BASIC = "This UPS is on Basic Monitoring: its events are logged, and not mailed. You can buy a plan."
_DISABLED = (
    "Event Notifications of this UPS are disabled from Sun 22 Nov 2026, 18:31:05 (UTC+01:00) until Sun 29 Nov 2026, "
    "18:31:05 (UTC+01:00): it caused too many in a short time. You can enable them."
)
STOPPED: Json = MAILED | {
    "mailed": False,
    "text": _BASIC,
    "reasons": [
        a_finding("plan", "stops", _BASIC, "purchase"),
        a_finding("disabled", "stops", _DISABLED, "enable"),
        a_finding("subscription", "stops", "You chose to get no event mails at all.", "subscriptions"),
        a_finding("bounce", "limits", "The last mail to you was put off.", "account"),
    ],
    "last": [
        a_row(
            "ON_BATTERY",
            "Not mailed, since Event Notifications were disabled then.",
            "To nobody.",
        ),
        a_row(
            "OTHER",
            "Mailed to Ada Adler (1 of 6 in 30 minutes).",
            "To you: the mail server took it. If you did not find it, look in the spam folder.",
            native_text="Fan 2 \u202estalled",
        ),
    ],
}

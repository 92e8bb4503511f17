"""Every page that there is, each with a device-svc that makes it so: for pictures, and for rules that hold for all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc, token_for

HOSTILE = (
    "</title><script>alert(1)</script>{{ 7*7 }} \u202eسيرفر \U0001f469\u200d\U0001f4bb\U0001f50b "
    + "averylongnamewithoutanyspace" * 8
)


@dataclass(frozen=True)
class Exhibit:
    """One page: what device-svc says, and where it is."""

    device_svc: FakeDeviceSvc
    path: str


def path_of(kind: str, query: str = "") -> str:
    """The path of the good link of this kind."""
    return f"/l/{kind}/{token_for(kind)}" + (f"?{query}" if query else "")


def _at(kind: str, query: str = "", **state: Any) -> Exhibit:  # Any: fields of the fake
    return Exhibit(replace(FakeDeviceSvc(), **state), path_of(kind, query))


def gallery() -> Mapping[str, Exhibit]:
    """The exhibits by name."""
    enabled: dict[str, Any] = {"notifications": "enabled", "enabled_at": SINCE + timedelta(hours=2)}
    hostile: dict[str, Any] = {"device": {"device_id": "d-1", "name": HOSTILE, "site": HOSTILE}}
    return {
        "enable": _at("enable"),
        "enable-basic-unsubscribed": _at("enable", entitled=False, off={"device"}),
        "enable-requested": _at("enable", "did=requested", notifications="enabling"),
        "enable-already-requested": _at("enable", "did=already_requested", notifications="enabling"),
        "enable-done": _at("enable", "did=requested", **enabled),
        "enable-enabled": _at("enable", **enabled),
        "enable-not-owner": _at("enable", obstacle="not_owner"),
        "enable-handed-over": _at("enable", obstacle="other_ownership"),
        "enable-other-period": _at("enable", obstacle="other_period"),
        "enable-other-period-enabled": _at("enable", obstacle="other_period", notifications="enabled"),
        "enable-removed": _at("enable", obstacle="device_removed", device=None),
        "enable-person-removed": _at("enable", obstacle="person_removed", reader=None),
        "enable-hostile": _at("enable", **hostile),
        "unsubscribe": _at("unsubscribe"),
        "unsubscribe-removed-device": _at("unsubscribe", device=None),
        "unsubscribe-hostile": _at("unsubscribe", **hostile),
        "unsubscribed-device": _at("unsubscribe", "did=unsubscribed&scope=device", off={"device"}),
        "unsubscribed-company-last": _at(
            "unsubscribe", "did=unsubscribed&scope=company", off={"company"}, others_listen=False
        ),
        "unsubscribed-all": _at("unsubscribe", "did=unsubscribed&scope=all", off={"all"}),
        "unsubscribed-before": _at("unsubscribe", off={"company"}),
        "unsubscribe-undone": _at("unsubscribe", "did=resubscribed&scope=device"),
        "unsubscribe-undone-but-company": _at("unsubscribe", "did=resubscribed&scope=device", off={"company"}),
        "unsubscribe-person-removed": _at("unsubscribe", reader=None),
        "resubscribe": _at("resubscribe", off={"company"}),
        "resubscribed": _at("resubscribe", "did=resubscribed"),
        "resubscribe-subscribed": _at("resubscribe"),
        "unsubscribe-only-listener": _at("unsubscribe", others_listen=False),
        "why-event": _at("why"),
        "why-disabled-off": _at("why", mail="disabled", off={"device"}),
        "why-account": _at("why", mail="password_reset", device=None),
        "forged": Exhibit(FakeDeviceSvc(), "/l/enable/forged"),
        "away": _at("unsubscribe", failing=503),
        "event-log": Exhibit(FakeDeviceSvc(), "/devices/d-1/events"),
        "front": Exhibit(FakeDeviceSvc(), "/"),
        "unknown": Exhibit(FakeDeviceSvc(), "/no/such/page"),
    }

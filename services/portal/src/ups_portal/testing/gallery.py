"""Every page that there is, each with services that make it so: for pictures, and for rules that hold for all."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from ups_portal.testing.fake_device_svc import SINCE, FakeDeviceSvc, token_for
from ups_portal.testing.fake_invite_svc import FakeInviteSvc

HOSTILE = (
    "</title><script>alert(1)</script>{{ 7*7 }} \u202eسيرفر \U0001f469\u200d\U0001f4bb\U0001f50b "
    + "averylongnamewithoutanyspace" * 8
)


@dataclass(frozen=True)
class Exhibit:
    """One page: what the services say, and where it is."""

    device_svc: FakeDeviceSvc
    path: str
    invite_svc: FakeInviteSvc = field(default_factory=FakeInviteSvc)
    signed_in: bool = False


def path_of(kind: str, query: str = "") -> str:
    """The path of the good link of this kind."""
    return f"/l/{kind}/{token_for(kind)}" + (f"?{query}" if query else "")


def _at(kind: str, query: str = "", **state: Any) -> Exhibit:  # Any: fields of the fake
    return Exhibit(replace(FakeDeviceSvc(), **state), path_of(kind, query))


def _account(kind: str, query: str = "", **state: Any) -> Exhibit:  # Any: fields of the fake
    return Exhibit(FakeDeviceSvc(), path_of(kind, query), replace(FakeInviteSvc(), **state))


def _ended(kind: str, noun: str, how: str, query: str = "") -> Exhibit:
    return _account(kind, query, ended={noun: how})


def account_gallery() -> Mapping[str, Exhibit]:
    """The exhibits of links to get into an account."""
    return {
        "verify": _account("verify"),
        "verify-done": _ended("verify", "confirmation", "used", "did=verified"),
        "verify-used": _ended("verify", "confirmation", "used"),
        "verify-expired": _ended("verify", "confirmation", "expired"),
        "invitation": _account("invitation"),
        "invitation-hostile": _account("invitation", company=HOSTILE, inviter=HOSTILE),
        "invitation-account": _account("invitation", account="free"),
        "invitation-reset-mailed": _account("invitation", "did=mailed", account="free"),
        "invitation-member": _account("invitation", account="member"),
        "invitation-elsewhere": _account("invitation", account="elsewhere"),
        "invitation-joined": _ended("invitation", "invitation", "used", "did=joined"),
        "invitation-used": _ended("invitation", "invitation", "used"),
        "invitation-declined": _ended("invitation", "invitation", "declined", "did=declined"),
        "invitation-revoked": _ended("invitation", "invitation", "revoked"),
        "invitation-expired": _ended("invitation", "invitation", "expired"),
        "invitation-inviter-gone": _ended("invitation", "invitation", "inviter-gone"),
        "reset": _account("reset"),
        "reset-done": _ended("reset", "reset", "used", "did=reset"),
        "reset-used": _ended("reset", "reset", "used"),
        "reset-void": _ended("reset", "reset", "void"),
        "reset-expired": _ended("reset", "reset", "expired"),
        "verify-unknown": Exhibit(FakeDeviceSvc(), "/l/verify/forged"),
        "invitation-unknown": Exhibit(FakeDeviceSvc(), "/l/invitation/forged"),
        "reset-unknown": Exhibit(FakeDeviceSvc(), "/l/reset/forged"),
        "accounts-away": _account("invitation", failing=503),
    }


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
        **account_gallery(),
        "forged": Exhibit(FakeDeviceSvc(), "/l/enable/forged"),
        "away": _at("unsubscribe", failing=503),
        "unknown": Exhibit(FakeDeviceSvc(), "/no/such/page"),
    }

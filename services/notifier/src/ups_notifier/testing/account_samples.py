"""One order for every kind of account mail that has words of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ups_notifier.testing.samples import COMPANY, DEVICE_ID, HOSTILE, NOW, OWNER
from ups_schemas.device import Plan
from ups_schemas.mail import EndingPlan, MailKind, MailRequest


@dataclass(frozen=True, slots=True)
class AccountSample:
    """An account mail that somebody could get."""

    request: MailRequest
    now: datetime = NOW + timedelta(seconds=2)


def request(kind: MailKind, **parameters: str | int | bool | None) -> MailRequest:
    """An order for Alex in Berlin."""
    return MailRequest(
        request_id="6c0f3b1e-55aa-4f6e-9a51-7e1f6f3c9d66",
        kind=kind,
        recipient_id=OWNER,
        address="alex@example.com",
        name="Alex Meyer",
        zone="Europe/Berlin",
        company_id=COMPANY,
        requested_at=NOW,
        not_after=NOW + timedelta(hours=72),
        parameters=parameters,
    )


def order(**more: object) -> MailRequest:
    """An order for somebody who is no user yet, with a token; it is in time for an hour."""
    fields = {
        "request_id": "request",
        "recipient_id": "invitation-1",
        "address": "sam@example.net",
        "name": "Sam Okafor",
        "not_after": NOW + timedelta(hours=1),
        "token": "token-that-nobody-may-read",
    }
    return request(MailKind.INVITATION).model_copy(update=fields | more)


TOKEN = "8Hk2mPqRz0X-nW5vYt_LbC7dEf9GhJ3KsA1uQo6TiMx"  # noqa: S105 - of no use: it is nobody's


def linked(kind: MailKind, length: timedelta, recipient_id: str = OWNER, **parameters: str) -> MailRequest:
    """An order whose mail has a link that is good for so long."""
    return request(kind, **parameters).model_copy(
        update={"recipient_id": recipient_id, "token": TOKEN, "not_after": NOW + length}
    )


def verify_address(company: str = "Acme Power GmbH") -> MailRequest:
    """The mail that a registration waits for."""
    return linked(
        MailKind.VERIFY_ADDRESS,
        timedelta(hours=24),
        "registration:0f1e2d3c4b5a69788796a5b4c3d2e1f0",
        company_name=company,
    )


def invitation(company: str = "Acme Power GmbH", inviter: str = "Kim Park") -> MailRequest:
    """An invitation to somebody of whom nothing but the address is known."""
    ordered = linked(
        MailKind.INVITATION,
        timedelta(days=7),
        "3c9e1a7b-2d4f-4e6a-8b0c-5d7f9a1b3c55",
        company_name=company,
        inviter_name=inviter,
    )
    return ordered.model_copy(update={"name": ""})


def ownership_passed(
    devices: int = 7,
    names: str = "Server room UPS, Rack 12, Machine hall, Branch office Köln, Gate house",
    **left: str,
) -> MailRequest:
    """What the longest-standing admin is told when an owner has left; with `by`, who was handed a UPS over."""
    return request(MailKind.OWNERSHIP_PASSED, devices=devices, device_names=names, **left)


def unsubscribed(
    scope: str, *, name: str = "Server room UPS", site: str | None = "Berlin, Invalidenstr. 4"
) -> MailRequest:
    """The confirmation of one use of an unsubscribe link."""
    return request(MailKind.UNSUBSCRIBED, scope=scope, device_id=DEVICE_ID, ownership=2, device_name=name, site=site)


def ending_plan(
    name: str = "Server room UPS",
    after: timedelta = timedelta(days=30),
    plan: Literal["advanced", "standard"] = "advanced",
    site: str | None = "Berlin, Invalidenstr. 4",
) -> EndingPlan:
    """A UPS whose plan ends so long after the notice."""
    return EndingPlan(device_id=DEVICE_ID, name=name, site=site, plan=Plan(name=plan, until=NOW + after))


def plan_notice(*plans: EndingPlan, devices: int | None = None) -> MailRequest:
    """What an owner is told of these plans, or of so many."""
    number = len(plans) if devices is None else devices
    return request(MailKind.PLAN_NOTICE, devices=number).model_copy(update={"plans": plans})


def mailbox_dead(
    devices: int = 7,
    *,
    person: str = "Kim Park",
    names: str = "Server room UPS, Rack 12, Machine hall, Branch office Köln, Gate house",
    cause: str = "hard",
) -> MailRequest:
    """What an admin is told when the only listener of some UPSes cannot be reached."""
    return request(
        MailKind.MAILBOX_DEAD,
        user_name=person,
        address="k…@example.com",
        devices=devices,
        device_names=names,
        cause=cause,
    )


def account_samples() -> Mapping[str, AccountSample]:
    """Every account mail by name."""
    return {
        "unsubscribed-device": AccountSample(unsubscribed("device")),
        "unsubscribed-company": AccountSample(unsubscribed("company")),
        "unsubscribed-all": AccountSample(unsubscribed("all")),
        "unsubscribed-hostile": AccountSample(unsubscribed("device", name=HOSTILE, site="مركز البيانات <1>")),
        "mailbox-dead": AccountSample(mailbox_dead()),
        "mailbox-dead-one": AccountSample(mailbox_dead(1, names="Server room UPS", cause="complaint")),
        "verify-address": AccountSample(verify_address()),
        "account-exists": AccountSample(request(MailKind.ACCOUNT_EXISTS)),
        "invitation": AccountSample(invitation()),
        "invitation-hostile": AccountSample(invitation(company=HOSTILE, inviter="https://evil.example/؟مرحبا")),
        "invitation-accepted": AccountSample(
            request(MailKind.INVITATION_ACCEPTED, user_name="Sam Okafor", address="sam@example.net")
        ),
        "password-reset": AccountSample(linked(MailKind.PASSWORD_RESET, timedelta(minutes=60))),
        "password-changed": AccountSample(request(MailKind.PASSWORD_CHANGED, cause="reset")),
        "member-removed": AccountSample(request(MailKind.MEMBER_REMOVED, company_name="Acme Power GmbH", by="admin")),
        "ownership-passed": AccountSample(ownership_passed(user_name="Kim Park")),
        "ownership-passed-one": AccountSample(ownership_passed(1, "Server room UPS")),
        "handed-over": AccountSample(ownership_passed(1, "Server room UPS", user_name="Kim Park", by="owner")),
        "plan-notice": AccountSample(
            plan_notice(
                ending_plan("Gate house", timedelta(hours=-3), site=None),
                ending_plan("Rack 12", timedelta(hours=2), "standard"),
                ending_plan("Machine hall", timedelta(days=7), "standard", "Hamburg"),
                ending_plan(after=timedelta(days=90)),
            )
        ),
        "plan-notice-one": AccountSample(plan_notice(ending_plan())),
        "account": AccountSample(request(MailKind.ACCOUNT)),
    }

"""One order for every kind of account mail that has words of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ups_notifier.testing.samples import COMPANY, DEVICE_ID, HOSTILE, NOW, OWNER
from ups_schemas.mail import MailKind, MailRequest


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
    return request(MailKind.PASSWORD_RESET).model_copy(update=fields | more)


def unsubscribed(
    scope: str, *, name: str = "Server room UPS", site: str | None = "Berlin, Invalidenstr. 4"
) -> MailRequest:
    """The confirmation of one use of an unsubscribe link."""
    return request(MailKind.UNSUBSCRIBED, scope=scope, device_id=DEVICE_ID, ownership=2, device_name=name, site=site)


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
        "account": AccountSample(request(MailKind.ACCOUNT)),
    }

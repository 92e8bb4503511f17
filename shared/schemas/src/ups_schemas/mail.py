"""Orders for account mail, and what became of each mail."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ups_schemas.account import Address
from ups_schemas.device import Name, Plan
from ups_schemas.envelope import Message, Timestamp
from ups_schemas.ids import CompanyId, DeviceId, EventId, Id, NotificationId, UserId

# Account mail is tried for so long, unless what it says, or its link, is good for less. Halved, a relay's bad weekend
# loses it; doubled, it arrives when nobody remembers why.
ACCOUNT_MAIL_WITHIN = timedelta(hours=72)

# As many devices an order names, in `device_names`; of more there is only the count.
NAMED_DEVICES = 5

# As many plans an order lists, in `plans`; the parameter `devices` says how many there are.
LISTED_PLANS = 50


class MailKind(StrEnum):
    """Every kind of mail that the product sends; each has a help entry of the same name."""

    EVENT = "event"
    LATE_EVENTS = "late_events"
    DISABLED = "disabled"
    RECONCILE = "reconcile"
    TEST = "test"
    DIGEST = "digest"
    UNSUBSCRIBED = "unsubscribed"
    PLAN_NOTICE = "plan_notice"
    VERIFY_ADDRESS = "verify_address"
    ACCOUNT_EXISTS = "account_exists"
    INVITATION = "invitation"
    INVITATION_ACCEPTED = "invitation_accepted"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the kind of mail
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the kind of mail
    MEMBER_REMOVED = "member_removed"
    OWNERSHIP_PASSED = "ownership_passed"
    MAILBOX_DEAD = "mailbox_dead"
    ACCOUNT = "account"  # stands for every kind that is younger than its reader

    @classmethod
    def _missing_(cls, value: object) -> "MailKind | None":
        return cls.ACCOUNT if isinstance(value, str) else None


class EndingPlan(Message):
    """A device whose plan ends, or has ended, at `plan.until`."""

    device_id: DeviceId
    name: Name
    site: Name | None = None
    plan: Plan


class MailRequest(Message):
    """An order for one account mail to one person. May carry a token: the notifier alone reads this topic."""

    type: Literal["mail.request.v1"] = "mail.request.v1"
    request_id: Id
    kind: MailKind
    recipient_id: Id = Field(description="user id, or the invitation's id for somebody who is no user yet")
    address: Address
    name: Annotated[str, StringConstraints(max_length=300)] = ""
    zone: Annotated[str, StringConstraints(max_length=64)] = "UTC"
    language: Annotated[str, StringConstraints(max_length=35)] = "en"
    company_id: CompanyId | None = None
    requested_at: Timestamp
    not_after: Timestamp
    token: Annotated[str, StringConstraints(max_length=512)] | None = Field(None, repr=False)
    parameters: dict[str, str | int | bool | None] = Field(default_factory=dict, max_length=50)
    plans: tuple[EndingPlan, ...] = Field((), max_length=LISTED_PLANS, description="of `plan_notice`, soonest first")


class DeliveryState(StrEnum):
    """What became of a mail so far: also what was accepted may bounce, and an operator may reopen what is over."""

    ACCEPTED = "accepted"  # the mail server took it
    DEFERRED = "deferred"  # tried, and will be tried again
    FAILED = "failed"  # the server refused it for good
    UNKNOWN = "unknown"  # the answer to DATA was lost: it may or may not have gone out
    DROPPED = "dropped"  # not sent, for the reason given


class MailDelivery(Message):
    """What became of one person's copy of a notification. Never an address, nor its hash."""

    type: Literal["mail.delivery.v1"] = "mail.delivery.v1"
    delivery_id: Id
    notification_id: NotificationId
    kind: MailKind
    user_id: UserId
    device_id: DeviceId | None = None
    event_id: EventId | None = None
    state: DeliveryState
    reason: Annotated[str, StringConstraints(max_length=64)] | None = None
    smtp_code: int | None = Field(None, ge=200, le=599)
    attempt: int = Field(0, ge=0)
    at: Timestamp

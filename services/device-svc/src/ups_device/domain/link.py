"""What a mailed link lets its reader do, and the mail that confirms what it did."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ups_device.domain.device import Device
from ups_device.domain.member import Member
from ups_device.domain.subscription import Scope
from ups_schemas.ids import CompanyId, DeviceId, PeriodId, UserId, derived
from ups_schemas.mail import ACCOUNT_MAIL_WITHIN, MailKind, MailRequest


@dataclass(frozen=True, slots=True)
class DeviceLink:
    """Whom a link was made for, and in whose mail about which device."""

    user_id: UserId
    device_id: DeviceId
    ownership: int | None


@dataclass(frozen=True, slots=True)
class EnableLink(DeviceLink):
    """The link of an alert."""

    period_id: PeriodId


@dataclass(frozen=True, slots=True)
class SubscriptionLink(DeviceLink):
    """The link of an event mail that ends event mail, or of a confirmation that undoes that."""

    company_id: CompanyId
    scope: Scope | None = None


class Obstacle(StrEnum):
    """Why an alert's link cannot enable, whatever the state of the period."""

    PERSON_REMOVED = "person_removed"
    DEVICE_REMOVED = "device_removed"
    OTHER_OWNERSHIP = "other_ownership"
    NOT_OWNER = "not_owner"
    OTHER_PERIOD = "other_period"


def is_visible(device: Device, member: Member | None) -> bool:
    """Whether the person may see what the device is now: whoever left, or lost it to others, may not."""
    return member is not None and member.belongs_to(device.snapshot.company_id)


def obstacle(link: EnableLink, device: Device | None, member: Member | None) -> Obstacle | None:
    """What stands against enabling by this link; its period is looked at by whoever enables."""
    if member is None or not member.active:
        return Obstacle.PERSON_REMOVED
    if device is None or device.removed_at is not None:
        return Obstacle.DEVICE_REMOVED
    if device.snapshot.ownership != link.ownership:
        return Obstacle.OTHER_OWNERSHIP
    if device.snapshot.owner != link.user_id or not is_visible(device, member):
        return Obstacle.NOT_OWNER
    return None


def confirmation(
    link: SubscriptionLink, scope: Scope, version: int, member: Member | None, device: Device | None, now: datetime
) -> MailRequest | None:
    """The mail that confirms an unsubscription; none for somebody who is not there any more.

    `version` is the step that made it, of the device or of the person's preferences: one step, one mail.
    """
    if member is None or not member.active or not member.address:
        return None
    about = {Scope.DEVICE: link.device_id, Scope.COMPANY: link.company_id, Scope.ALL: ""}[scope]
    seen = device.snapshot if device is not None and is_visible(device, member) else None
    return MailRequest(
        request_id=derived("unsubscribed", link.user_id, scope, about, version),
        kind=MailKind.UNSUBSCRIBED,
        recipient_id=link.user_id,
        address=member.address,
        name=member.name,
        zone=member.zone,
        language=member.language,
        company_id=link.company_id,
        requested_at=now,
        not_after=now + ACCOUNT_MAIL_WITHIN,
        parameters={
            "scope": scope.value,
            "device_id": link.device_id,
            "ownership": link.ownership,
            "device_name": seen.name if seen else None,
            "site": seen.site if seen else None,
        },
    )

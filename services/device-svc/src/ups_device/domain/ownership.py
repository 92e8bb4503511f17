"""Whose a device is: each change of it begins the next ownership, with a log and a throttle of its own."""

from dataclasses import dataclass, replace
from datetime import datetime

from ups_device.domain.device import Change, Device, next_step
from ups_device.domain.member import Member
from ups_device.domain.subscription import Preferences, resolve
from ups_schemas.catalogue import Severity
from ups_schemas.device import MAX_SUBSCRIPTIONS, Subscription
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.mail import ACCOUNT_MAIL_WITHIN, MailKind, MailRequest


@dataclass(frozen=True, slots=True)
class NextOwner:
    """Who gets a device, and from which severity up they are told of it unless they chose before."""

    user_id: UserId
    preferences: Preferences
    min_severity: Severity


def pass_to(device: Device, owner: NextOwner, now: datetime, *, handed_over_by: UserId | None = None) -> Change:
    """The device in its next ownership: plan, policy, keys and what others chose go on.

    The new owner is subscribed as the owner of a new device is, unless the device is full, or they chose something
    for it before.
    """
    snapshot = device.snapshot
    choices, subscriptions = device.choices, snapshot.subscriptions
    by: tuple[Preferences, ...] = ()
    if device.choice(owner.user_id) is None and len(choices) < MAX_SUBSCRIPTIONS:
        choice = Subscription(user_id=owner.user_id, min_severity=owner.min_severity)
        choices = (*choices, choice)
        subscriptions = (*subscriptions, resolve(choice, snapshot.company_id, owner.preferences))
        by = (owner.preferences,)
    theirs = snapshot.model_copy(
        update={
            "owner": owner.user_id,
            "ownership": snapshot.ownership + 1,
            "keys_since": snapshot.keys_since or snapshot.ownership,
            "subscriptions": subscriptions,
        }
    )
    passed = replace(device, snapshot=theirs, choices=choices, handed_over_by=handed_over_by, awaits_claim=False)
    return replace(next_step(passed, now), preferences=by)


def passed_mail(
    request_id: str,
    company_id: CompanyId,
    owner: tuple[UserId, Member],
    former: Member | None,
    now: datetime,
    **parameters: str | int,
) -> MailRequest:
    """The mail that tells the new owner. A former one who was erased is not named."""
    user_id, member = owner
    if former is not None and former.name:
        parameters["user_name"] = former.name
    return MailRequest(
        request_id=request_id,
        kind=MailKind.OWNERSHIP_PASSED,
        recipient_id=user_id,
        address=member.address,
        name=member.name,
        zone=member.zone,
        language=member.language,
        company_id=company_id,
        requested_at=now,
        not_after=now + ACCOUNT_MAIL_WITHIN,
        parameters={**parameters},
    )

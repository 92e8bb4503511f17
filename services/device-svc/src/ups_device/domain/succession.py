"""What becomes of a company's devices when people leave it: who owns them then, and who hears of them no more."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ups_device.domain.device import Change, Device
from ups_device.domain.member import Member
from ups_device.domain.subscription import Preferences, resolve
from ups_schemas.catalogue import Severity
from ups_schemas.device import MAX_SUBSCRIPTIONS, Subscription
from ups_schemas.ids import CompanyId, UserId, derived
from ups_schemas.mail import ACCOUNT_MAIL_WITHIN, MailKind, MailRequest


@dataclass(frozen=True, slots=True)
class Heir:
    """Who gets the devices of whoever leaves, and from which severity up they are told of them."""

    user_id: UserId
    preferences: Preferences
    min_severity: Severity


@dataclass(frozen=True, slots=True)
class Succession:
    """The devices that passed from one person to another so far, and were not told of yet. `names`: at most five.

    `first` is one of the steps, by device and version: a later succession of the same two has another.
    """

    company_id: CompanyId
    former: UserId | None
    heir: UserId
    devices: int
    names: tuple[str, ...]
    first: str

    @property
    def succession_id(self) -> str:
        """Of these two in this company, one at a time."""
        return derived("succession", self.company_id, self.former or "", self.heir)


@dataclass(frozen=True, slots=True)
class Passing:
    """A device's step to its next owner, and the succession of this one device."""

    change: Change
    succession: Succession


def settle(device: Device, members: Collection[UserId], heir: Heir | None, now: datetime) -> Change | Passing | None:
    """The device without who is no member; None if it is so already.

    Its owner's place takes the heir, with the next ownership: another one's log and throttle, but the box keeps its
    keys. Without an heir nobody owns it.
    """
    former = device.snapshot.owner
    choices = tuple(each for each in device.choices if each.user_id in members)
    subscriptions = tuple(each for each in device.snapshot.subscriptions if each.user_id in members)
    # Any: fields of the model, which mypy does not see through `model_copy`
    fields: dict[str, Any] = {
        "subscriptions": subscriptions,
        "version": device.version + 1,
        "changed_at": now,
    }
    if heir is None or former in members:
        fields["owner"] = former if former in members else None
        if (fields["owner"], choices, subscriptions) == (former, device.choices, device.snapshot.subscriptions):
            return None
        return Change(replace(device, snapshot=device.snapshot.model_copy(update=fields), choices=choices))
    ownership = device.snapshot.ownership
    fields |= {
        "owner": heir.user_id,
        "ownership": ownership + 1,
        "keys_since": device.snapshot.keys_since or ownership,
    }
    by: tuple[Preferences, ...] = ()
    if device.choice(heir.user_id) is None and len(choices) < MAX_SUBSCRIPTIONS:
        choice = Subscription(user_id=heir.user_id, min_severity=heir.min_severity)
        choices = (*choices, choice)
        fields["subscriptions"] = (*subscriptions, resolve(choice, device.snapshot.company_id, heir.preferences))
        by = (heir.preferences,)
    passed = replace(device, snapshot=device.snapshot.model_copy(update=fields), choices=choices)
    first = f"{device.device_id}:{passed.version}"
    alone = Succession(device.snapshot.company_id, former, heir.user_id, 1, (device.snapshot.name,), first)
    return Passing(Change(passed, preferences=by), alone)


def passed_mail(succession: Succession, heir: Member, former: Member | None, now: datetime) -> MailRequest:
    """The mail that tells the heir. Who was erased is not named."""
    parameters: dict[str, str | int | bool | None] = {
        "devices": succession.devices,
        "device_names": ", ".join(succession.names),
    }
    if former is not None and former.name:
        parameters["user_name"] = former.name
    return MailRequest(
        request_id=derived("ownership-passed", succession.succession_id, succession.first),
        kind=MailKind.OWNERSHIP_PASSED,
        recipient_id=succession.heir,
        address=heir.address,
        name=heir.name,
        zone=heir.zone,
        language=heir.language,
        company_id=succession.company_id,
        requested_at=now,
        not_after=now + ACCOUNT_MAIL_WITHIN,
        parameters=parameters,
    )

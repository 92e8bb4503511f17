"""What becomes of a company's devices when people leave it: who owns them then, and who hears of them no more."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from ups_device.domain.device import Change, Device, next_step
from ups_device.domain.member import Member
from ups_device.domain.ownership import NextOwner, pass_to, passed_mail
from ups_schemas.ids import CompanyId, UserId, derived
from ups_schemas.mail import MailRequest


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


def settle(
    device: Device, members: Collection[UserId], heir: NextOwner | None, now: datetime
) -> Change | Passing | None:
    """The device without who is no member; None if it is so already.

    Its owner's place takes the heir. Without an heir nobody owns it; nor does one that was never owned pass on: it
    waits for whoever claims it.
    """
    former = device.snapshot.owner
    choices = tuple(each for each in device.choices if each.user_id in members)
    subscriptions = tuple(each for each in device.snapshot.subscriptions if each.user_id in members)
    if heir is None or former in members or device.awaits_claim:
        fields = {"owner": former if former in members else None, "subscriptions": subscriptions}
        by = device.handed_over_by if device.handed_over_by in members else None
        settled = replace(
            device, snapshot=device.snapshot.model_copy(update=fields), choices=choices, handed_over_by=by
        )
        return None if settled == device else next_step(settled, now)
    left = device.snapshot.model_copy(update={"subscriptions": subscriptions})
    change = pass_to(replace(device, snapshot=left, choices=choices), heir, now)
    first = f"{device.device_id}:{change.device.version}"
    alone = Succession(device.snapshot.company_id, former, heir.user_id, 1, (device.snapshot.name,), first)
    return Passing(change, alone)


def succession_mail(succession: Succession, heir: Member, former: Member | None, now: datetime) -> MailRequest:
    """The mail that tells the heir."""
    return passed_mail(
        derived("ownership-passed", succession.succession_id, succession.first),
        succession.company_id,
        (succession.heir, heir),
        former,
        now,
        devices=succession.devices,
        device_names=", ".join(succession.names),
    )

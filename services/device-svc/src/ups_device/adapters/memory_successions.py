"""A fake of the store that passes devices on: it passes the same contract as the one on MongoDB."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from ups_device.adapters.memory import MemoryDevices
from ups_device.domain.device import Change, Device
from ups_device.domain.succession import Passing, Succession
from ups_schemas.ids import CompanyId, UserId
from ups_schemas.mail import NAMED_DEVICES, MailRequest


class MemorySuccessions:
    """Over the devices of a fake; its mails are with the people's."""

    def __init__(self, devices: MemoryDevices) -> None:
        self._devices = devices
        self.untold: dict[str, Succession] = {}

    async def companies(self) -> Collection[CompanyId]:
        """Those with devices, or with successions that were not told of."""
        return {each.snapshot.company_id for each in self._living()} | {
            each.company_id for each in self.untold.values()
        }

    async def unsettled(
        self, company_id: CompanyId, members: Collection[UserId], limit: int, *, ownerless: bool
    ) -> Sequence[Device]:
        """Devices that somebody else than these owns or subscribes to; or nobody owns any more."""
        found = []
        for device in self._living():
            owner, heard = device.snapshot.owner, (*device.choices, *device.snapshot.subscriptions)
            settled = owner in members if owner else device.awaits_claim or not ownerless
            there = (*(each.user_id for each in heard), *filter(None, [device.handed_over_by]))
            if device.snapshot.company_id == company_id and not (settled and set(there) <= set(members)):
                found.append(device)
        return sorted(found, key=lambda each: (each.created_at, each.device_id))[:limit]

    async def pass_on(self, passings: Sequence[Passing], others: Sequence[Change]) -> None:
        """Keep these steps, and count them in their successions."""
        await self._devices.save(*(each.change for each in passings), *others)
        for one in (each.succession for each in passings):
            there = self.untold.get(one.succession_id)
            self.untold[one.succession_id] = (
                replace(there, devices=there.devices + 1, names=(*there.names, *one.names)[:NAMED_DEVICES])
                if there
                else one
            )

    async def complete(self, company_id: CompanyId) -> Sequence[Succession]:
        """The company's successions that were not told of, and whose former owner has no device there any more."""
        owned = [each for each in self._living() if each.snapshot.company_id == company_id and not each.awaits_claim]
        owners = {each.snapshot.owner for each in owned}
        return [each for each in self.untold.values() if each.company_id == company_id and each.former not in owners]

    async def tell(self, succession: Succession, mail: MailRequest | None) -> None:
        """Keep the mail, and forget the succession."""
        if self.untold.get(succession.succession_id) == succession:
            del self.untold[succession.succession_id]
            self._devices.people.mails += [mail] if mail else []

    def _living(self) -> list[Device]:
        return [each for each in self._devices.devices.values() if each.removed_at is None]

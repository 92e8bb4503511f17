"""A fake of the store of plan notices: it passes the same contract as the one on MongoDB."""

from collections.abc import Sequence
from datetime import datetime

from ups_device.adapters.memory import MemoryDevices
from ups_device.domain.notice import LEADS_DAYS, Ending, Telling, notice_id
from ups_device.domain.plan import PAID
from ups_runtime.errors import Changed
from ups_schemas.mail import MailRequest


class MemoryNotices:
    """Over the devices of a fake; its mails are with the people's."""

    def __init__(self, devices: MemoryDevices) -> None:
        self._devices = devices
        self.told: set[str] = set()
        self.days: set[str] = set()

    async def ending(self, after: datetime, before: datetime) -> Sequence[Ending]:
        """Devices that are not removed, and whose paid plan ends between these moments."""
        found = []
        for device in self._devices.devices.values():
            snapshot, end = device.snapshot, device.snapshot.plan.until
            if device.removed_at or snapshot.plan.name not in PAID or end is None or not after <= end < before:
                continue
            told = {lead for lead in LEADS_DAYS if notice_id(device.device_id, end, lead) in self.told}
            found.append(
                Ending(
                    device_id=device.device_id,
                    version=device.version,
                    owner=snapshot.owner,
                    company_id=snapshot.company_id,
                    name=snapshot.name,
                    site=snapshot.site,
                    plan=snapshot.plan,
                    since=device.plan_since,
                    end=end,
                    told=frozenset(told),
                )
            )
        return found

    async def tell(self, what: Telling, mail: MailRequest) -> bool:
        """Note what is told, and keep the mail."""
        if what.telling_id in self.days:
            return False
        notices = {each.notice_id for each in what.notices}
        if notices & self.told or not all(self._is_as_read(each.ending) for each in what.notices):
            raise Changed
        self.days.add(what.telling_id)
        self.told |= notices
        self._devices.people.mails.append(mail)
        return True

    def _is_as_read(self, ending: Ending) -> bool:
        device = self._devices.devices[ending.device_id]
        return device.version == ending.version and device.removed_at is None

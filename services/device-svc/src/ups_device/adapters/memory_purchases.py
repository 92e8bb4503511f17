"""A fake of the store of purchases: it passes the same contract as the one on MongoDB."""

from collections.abc import Sequence

from ups_device.adapters.memory import MemoryDevices
from ups_device.domain.device import Change
from ups_device.domain.purchase import Purchase
from ups_runtime.errors import AlreadyExists
from ups_schemas.ids import DeviceId, Id


class MemoryPurchases:
    """Over the devices of a fake."""

    def __init__(self, devices: MemoryDevices) -> None:
        self._devices = devices
        self.purchases: dict[Id, Purchase] = {}

    async def find(self, purchase_id: Id) -> Purchase | None:
        """The purchase."""
        return self.purchases.get(purchase_id)

    async def of_device(self, device_id: DeviceId, limit: int) -> Sequence[Purchase]:
        """The device's last purchases, newest first."""
        ours = [each for each in self.purchases.values() if each.order.device_id == device_id]
        return sorted(ours, key=lambda each: (each.bought_at, each.order.purchase_id), reverse=True)[:limit]

    async def add(self, purchase: Purchase, change: Change | None) -> None:
        """Keep the purchase, and the device's step."""
        messages = {each.message_id for each in self.purchases.values()} - {None}
        if purchase.order.purchase_id in self.purchases or purchase.message_id in messages:
            raise AlreadyExists
        if change:
            await self._devices.save(change)
        self.purchases[purchase.order.purchase_id] = purchase

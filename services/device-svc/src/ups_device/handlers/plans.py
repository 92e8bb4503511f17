"""Plans: set by the operator, or bought; each order is carried out once, however often it comes."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ups_device.domain import device as devices
from ups_device.domain import plan
from ups_device.domain.device import Change, Device
from ups_device.domain.purchase import Order, Purchase, bought
from ups_device.handlers.refusals import require_present
from ups_runtime.errors import AlreadyExists, Changed, Conflict, Refused, Retryable
from ups_runtime.logging import get_logger
from ups_runtime.optimistic import ATTEMPTS, optimistic, pause_before
from ups_schemas.device import Plan
from ups_schemas.ids import DeviceId, Id

# A purchase adds ten years at the most: an end beyond this is a mistake, and no calendar ends within it.
FURTHEST = timedelta(days=36_525)

log = get_logger("plans")


class Devices(Protocol):
    """Where devices are kept."""

    async def find(self, device_id: DeviceId) -> Device | None:
        """The device, also when removed."""

    async def save(self, *changes: Change) -> None:
        """Keep and publish the next version of devices.

        Raises:
            Changed: one is no longer at the version before.
        """

    async def published(self) -> None:
        """Return when what was kept so far is published, unless that takes long or is another process's to do."""


class Purchases(Protocol):
    """Where it is kept what was bought."""

    async def find(self, purchase_id: Id) -> Purchase | None:
        """The purchase."""

    async def of_device(self, device_id: DeviceId, limit: int) -> Sequence[Purchase]:
        """The device's last purchases, newest first."""

    async def add(self, purchase: Purchase, change: Change | None) -> None:
        """Keep the purchase, and keep and publish the device's step: both, or neither.

        Raises:
            AlreadyExists: one with this id, or by this message, is kept.
            Changed: the device is no longer at the version before.
        """


class Plans:
    """Which plan each device is on. Without a free period there are no plans."""

    def __init__(
        self, store: Devices, purchases: Purchases, free_period: timedelta | None, *, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._purchases = purchases
        self._free_period = free_period
        self._now = now

    @optimistic
    async def set(self, device_id: DeviceId, chosen: Plan) -> Device:
        """Put the device on a plan; one that it is on already stays as it is, also when it has ended meanwhile.

        Raises:
            Refused: the plan ends before it begins; or there are no plans, and it is not what all devices are on then.
        """
        device = require_present(await self._store.find(device_id))
        now = self._now()
        if chosen != (device.snapshot.plan if self._free_period is not None else plan.initial(now, None)):
            require_settable(chosen, now, self._free_period, "until")
        change = devices.set_plan(device, chosen, now)
        if change is None:
            return device
        await self._store.save(change)
        await self._store.published()
        return change.device

    async def last_purchases(self, device_id: DeviceId, limit: int) -> Sequence[Purchase]:
        """What was last bought for the device, newest first."""
        return await self._purchases.of_device(device_id, limit)

    async def buy(self, order: Order, message_id: Id | None = None) -> Purchase:
        """Carry an order out; again, it gives what it gave the first time.

        The purchase is kept in one transaction with the device's step, and its id decides: of two at once, one is made.

        Raises:
            Refused: there is no such device, no plan to be had, or the id stands for another order.
            Retryable: others change the device again and again. A refusal would be final, and this was paid for.
        """
        for attempt in range(ATTEMPTS):
            await pause_before(attempt)
            if there := await self._purchases.find(order.purchase_id):
                return _repeated(there, order)
            try:
                purchase, change = await self._carried_out(order, message_id)
            except Refused as refused:
                log.warning(
                    "purchase.refused", purchase_id=order.purchase_id, device_id=order.device_id, reason=refused.name
                )
                raise
            try:
                await self._purchases.add(purchase, change)
            except Changed:
                continue
            except AlreadyExists:
                if await self._purchases.find(order.purchase_id):
                    continue
                raise Conflict(
                    "message-id-reused", "This message brought another purchase before.", "webhook-id"
                ) from None
            log.info("purchase.made", purchase_id=order.purchase_id, device_id=order.device_id, plan=order.name)
            await self._store.published()
            return purchase
        raise Retryable("others change the device again and again")

    async def _carried_out(self, order: Order, message_id: Id | None) -> tuple[Purchase, Change | None]:
        now = self._now()
        device = require_present(await self._store.find(order.device_id))
        try:
            chosen = bought(order, device.snapshot.plan, now)
        except OverflowError:
            raise _too_far("days") from None
        require_settable(chosen, now, self._free_period, "until" if order.days is None else "days")
        return Purchase(order, chosen, now, message_id), devices.set_plan(device, chosen, now)


def require_settable(chosen: Plan, now: datetime, free_period: timedelta | None, field: str) -> None:
    """Refuse a plan that no device can be put on; `field` is where its end stands."""
    if free_period is None:
        raise Conflict("plans-off", "This installation has no plans: every device is on advanced, without end.")
    if chosen.until is None:
        return
    if chosen.name not in plan.PAID:
        raise Refused("invalid-plan", "Basic Monitoring has no end.", field)
    if chosen.until <= now:
        raise Refused("invalid-plan", "The plan's end is in the past.", field)
    if chosen.until > now + FURTHEST:
        raise _too_far(field)


def _too_far(field: str) -> Refused:
    return Refused("invalid-plan", "The plan's end is more than a hundred years away.", field)


def _repeated(there: Purchase, order: Order) -> Purchase:
    if there.order != order:
        raise Conflict("purchase-id-reused", "This purchase id stands for another purchase.", "purchase_id")
    return there

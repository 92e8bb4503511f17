"""Plans and purchases as callers send and see them."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from ups_device.domain.purchase import Order, Purchase
from ups_runtime.http import RequestBody
from ups_schemas.device import Plan
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import DeviceId, Id


class PlanBody(RequestBody):
    """A plan; a paid one without `until` does not end."""

    name: Literal["advanced", "standard", "basic"]
    until: Timestamp | None = None

    def plan(self) -> Plan:
        """The plan."""
        return Plan(name=self.name, until=self.until)


class PlanView(Plan):
    """A plan, and what holds now: once a paid plan has ended that is `basic`."""

    in_force: str

    @classmethod
    def of(cls, plan: Plan, in_force: str) -> Self:
        """The plan as callers see it."""
        return cls(name=plan.name, until=plan.until, in_force=in_force)


class PurchaseBody(RequestBody):
    """What was bought: `until` a moment, or for so many `days`."""

    purchase_id: Id = Field(description="the seller's: the same one again gives the same answer and changes nothing")
    device_id: DeviceId
    plan: Literal["advanced", "standard"]
    until: Timestamp | None = None
    days: int | None = Field(None, ge=1, le=3650, description="from the present end, if the plan has not ended")

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.until is None) == (self.days is None):
            raise ValueError("give either until or days")
        return self

    def order(self) -> Order:
        """The order."""
        return Order(self.purchase_id, self.device_id, self.plan, self.until, self.days)


class PurchaseMessage(RequestBody):
    """A message of a shop, with the members that Standard Webhooks recommends."""

    type: Literal["purchase.completed"]
    timestamp: Timestamp | None = Field(None, description="when it happened at the shop; nothing hangs on it")
    data: PurchaseBody


class PurchaseView(BaseModel):
    """A purchase that was made, and the plan that the device was on from then."""

    purchase_id: Id
    device_id: DeviceId
    plan: Plan
    bought_at: Timestamp

    @classmethod
    def of(cls, purchase: Purchase) -> Self:
        """The purchase as callers see it."""
        return cls(
            purchase_id=purchase.order.purchase_id,
            device_id=purchase.order.device_id,
            plan=purchase.plan,
            bought_at=purchase.bought_at,
        )


class PlanOfDevice(PlanView):
    """A device's plan, since when, and what was last bought for it."""

    device_id: DeviceId
    since: Timestamp
    purchases: list[PurchaseView] = Field(description="newest first, at most 20")

"""A purchase: the plan that somebody paid for, and what the device is on from then."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ups_device.domain.plan import in_force
from ups_schemas.device import Plan
from ups_schemas.ids import DeviceId, Id


@dataclass(frozen=True, slots=True)
class Order:
    """What was bought: a paid plan, until a moment or for so many days. `purchase_id` is the seller's."""

    purchase_id: Id
    device_id: DeviceId
    name: Literal["advanced", "standard"]
    until: datetime | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order that was carried out. `message_id` is the message that brought it; none if a person did."""

    order: Order
    plan: Plan
    bought_at: datetime
    message_id: Id | None = None


def bought(order: Order, present: Plan, now: datetime) -> Plan:
    """The plan after the order: days count from the present end if a paid plan is in force, else from now.

    Nobody loses by buying, nor by two orders that come in the wrong order: a plan of the same name is never shortened.

    Raises:
        OverflowError: its end is beyond all calendars.
    """
    running = present if in_force(present, now) != "basic" else None
    end = order.until
    if order.days is not None:
        begin = running.until if running and running.until else now
        end = begin + timedelta(days=order.days)
    if running and running.name == order.name and (running.until is None or (end and end < running.until)):
        return running
    return Plan(name=order.name, until=end)

"""What every store of purchases promises, with the store of devices beside it: for the fakes and for MongoDB.

A test module subclasses this and gives the fixtures `devices` and `purchases`, of one database.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ups_device.domain import device as domain
from ups_device.domain.company import Company
from ups_device.domain.device import Change
from ups_device.domain.purchase import Order, Purchase
from ups_device.handlers.plans import Purchases
from ups_device.testing.device_contract import DeviceStore
from ups_device.testing.examples import NOW, a_registration
from ups_runtime.errors import AlreadyExists, Changed
from ups_schemas.device import Plan

STANDARD = Plan(name="standard", until=NOW + timedelta(days=500))


def a_purchase(purchase_id: str = "p1", device_id: str = "d1", message_id: str | None = None) -> Purchase:
    """A purchase of standard."""
    return Purchase(Order(purchase_id, device_id, "standard", days=500), STANDARD, NOW, message_id)


async def a_step(devices: DeviceStore, number: int = 1) -> Change:
    """A device's step to what was bought."""
    registered = a_registration(number)
    await devices.add(registered, Company("acme"))
    change = domain.set_plan(registered.device, STANDARD, NOW)
    assert change
    return change


class PurchaseStoreContract:
    """Purchases, and the steps that they pay for."""

    async def test_a_purchase_is_kept_with_the_step_that_it_pays_for(
        self, devices: DeviceStore, purchases: Purchases
    ) -> None:
        """Both are found as they were made."""
        change = await a_step(devices)
        by_moment = replace(
            a_purchase("p2"), order=Order("p2", "d1", "standard", until=STANDARD.until), message_id="m2"
        )

        await purchases.add(a_purchase(), change)
        await purchases.add(by_moment, None)

        assert await purchases.find("p1") == a_purchase()
        assert await purchases.find("p2") == by_moment
        assert await purchases.find("p3") is None
        assert await devices.find("d1") == change.device

    async def test_an_id_and_a_message_are_taken_once(self, devices: DeviceStore, purchases: Purchases) -> None:
        """The store decides, and the device stays where it is. Purchases without a message are as many as there are."""
        change = await a_step(devices)
        await purchases.add(a_purchase(message_id="m1"), None)
        await purchases.add(a_purchase("by hand"), None)
        await purchases.add(a_purchase("by hand too"), None)

        for again in (a_purchase(message_id="m2"), a_purchase("p2", message_id="m1")):
            with pytest.raises(AlreadyExists):
                await purchases.add(again, change)

        there = await devices.find("d1")
        assert there
        assert there.version == 1

    async def test_of_two_at_once_one_is_made(self, devices: DeviceStore, purchases: Purchases) -> None:
        """The other is told, by whichever of the two it meets."""
        change = await a_step(devices)

        ends = await asyncio.gather(*(purchases.add(a_purchase(), change) for _ in range(2)), return_exceptions=True)

        assert [type(end) for end in ends if end is not None] in ([AlreadyExists], [Changed])
        assert await devices.find("d1") == change.device

    async def test_a_purchase_for_a_device_that_has_changed_is_not_kept(
        self, devices: DeviceStore, purchases: Purchases
    ) -> None:
        """Else what was paid for would never be in force."""
        change = await a_step(devices)
        await devices.save(domain.republish(a_registration().device, NOW))

        with pytest.raises(Changed):
            await purchases.add(a_purchase(), change)

        assert await purchases.find("p1") is None

    async def test_the_last_purchases_of_a_device_come_first(self, purchases: Purchases) -> None:
        """Of this device, and no more than asked for."""
        for number in range(3):
            bought = replace(a_purchase(f"p{number}"), bought_at=NOW + timedelta(seconds=number))
            await purchases.add(bought, None)
        await purchases.add(a_purchase("other", "d2"), None)

        found = await purchases.of_device("d1", 2)

        assert [each.order.purchase_id for each in found] == ["p2", "p1"]

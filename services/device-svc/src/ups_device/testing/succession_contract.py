"""What every store of successions promises, with the stores beside it: for the fakes and for MongoDB.

A test module subclasses this and gives the fixtures `devices`, `people` and `successions`, of one database.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import pytest

from ups_device.domain import device as domain
from ups_device.domain.company import Company
from ups_device.domain.device import Change, Device
from ups_device.domain.ownership import NextOwner, pass_to
from ups_device.domain.subscription import Preferences
from ups_device.domain.succession import Passing, Succession, settle
from ups_device.handlers import subscriptions as subscription_ports
from ups_device.handlers.successions import Choices, Store
from ups_device.testing.device_contract import DeviceStore
from ups_device.testing.examples import NOW, a_mail_request, a_registration
from ups_runtime.errors import Changed
from ups_schemas.catalogue import Severity
from ups_schemas.device import Subscription

ALL_OFF = Preferences("dora", 1, all_off=True)


class PeopleStore(subscription_ports.People, Choices, Protocol):
    """All that is asked of the store of preferences."""


async def registered(devices: DeviceStore, *numbers: int, company_id: str = "acme") -> list[Device]:
    """Devices of anna's."""
    changes = [a_registration(number, company_id) for number in numbers]
    for change in changes:
        await devices.add(change, Company(company_id))
    return [change.device for change in changes]


def passed(devices: Sequence[Device], preferences: Preferences | None = None) -> list[Passing]:
    """Their steps to dora."""
    heir = NextOwner("dora", preferences or Preferences("dora"), Severity.WARNING)
    steps = [settle(each, ["dora"], heir, NOW) for each in devices]
    return [step for step in steps if isinstance(step, Passing)]


class SuccessionStoreContract:
    """Who is in the way, what passed on, and who has to be told."""

    async def test_devices_of_who_is_no_member_are_found(self, devices: DeviceStore, successions: Store) -> None:
        """Owned or subscribed to by somebody else, or by nobody; living ones of the company, the oldest first."""
        first, second, third, removed = await registered(devices, 1, 2, 3, 4)
        await registered(devices, 5, company_id="other")
        await devices.save(domain.remove(removed, NOW))
        await devices.save(
            *filter(None, [domain.subscribe(third, Subscription(user_id="eve"), Preferences("eve"), NOW)])
        )
        orphaned = settle(second, ["dora"], None, NOW)
        assert isinstance(orphaned, Change)
        await devices.save(orphaned)

        async def unsettled(*members: str, limit: int = 9, ownerless: bool = False) -> list[str]:
            found = await successions.unsettled("acme", members, limit, ownerless=ownerless)
            return [device.device_id for device in found]

        assert await unsettled("dora") == [first.device_id, third.device_id]
        assert await unsettled("dora", limit=1) == [first.device_id]
        assert await unsettled("anna") == [third.device_id]
        assert await unsettled("anna", "eve") == []
        assert await unsettled("anna", "eve", ownerless=True) == [second.device_id]

    async def test_a_device_that_waits_for_a_claim_is_in_nobodys_way(
        self, devices: DeviceStore, successions: Store
    ) -> None:
        """It is no admin's to get, and keeps nobody from being told of what they got."""
        [orphan] = await registered(devices, 1)
        orphaned = settle(orphan, ["dora"], None, NOW)
        assert isinstance(orphaned, Change)
        await devices.save(orphaned)
        waiting = a_registration(2)
        nobodys = waiting.device.snapshot.model_copy(update={"owner": None, "subscriptions": ()})
        await devices.add(
            replace(
                waiting, device=replace(waiting.device, snapshot=nobodys, choices=(), awaits_claim=True), preferences=()
            ),
            Company("acme"),
        )

        found = await successions.unsettled("acme", ["dora"], 9, ownerless=True)
        await successions.pass_on(passed(found), [])

        assert [device.device_id for device in found] == ["d1"]
        assert [each.heir for each in await successions.complete("acme")] == ["dora"]

    async def test_who_handed_a_device_over_and_left_is_found(self, devices: DeviceStore, successions: Store) -> None:
        """Until the device has forgotten them, also when they do not hear of it."""
        [device] = await registered(devices, 1)
        dora = NextOwner("dora", Preferences("dora"), Severity.WARNING)
        handed_over = pass_to(device, dora, NOW, handed_over_by="anna")
        snapshot = handed_over.device.snapshot.model_copy(update={"subscriptions": ()})
        await devices.save(
            replace(handed_over, device=replace(handed_over.device, snapshot=snapshot, choices=()), preferences=())
        )

        [found] = await successions.unsettled("acme", ["dora"], 9, ownerless=False)
        step = settle(found, ["dora"], None, NOW)
        assert isinstance(step, Change)
        await successions.pass_on([], [step])

        assert (found.handed_over_by, step.device.handed_over_by) == ("anna", None)
        assert await devices.find("d1") == step.device
        assert not await successions.unsettled("acme", ["dora"], 9, ownerless=False)

    async def test_who_is_told_is_known_once_the_former_owner_has_no_device_left(
        self, devices: DeviceStore, successions: Store
    ) -> None:
        """However many steps it took; five devices are named."""
        there = await registered(devices, *range(1, 8))
        other = await registered(devices, 8, company_id="other")

        await successions.pass_on(passed(there[:2]), [])
        halfway = await successions.complete("acme")
        await successions.pass_on(passed(there[2:]), [])

        assert halfway == []
        names = tuple(f"Rack {number}" for number in range(1, 6))
        assert await successions.complete("acme") == [Succession("acme", "anna", "dora", 7, names, "d1:2")]
        assert await successions.complete("other") == []
        assert set(await successions.companies()) == {"acme", "other"}
        assert await devices.find("d8") == other[0]

    async def test_of_a_batch_all_steps_are_made_and_counted_or_none(
        self, devices: DeviceStore, successions: Store
    ) -> None:
        """Whoever is late with one keeps the others back, and counts none."""
        first, second = await registered(devices, 1, 2)
        await devices.save(domain.republish(second, NOW))

        with pytest.raises(Changed):
            await successions.pass_on(passed([first, second]), [])
        assert await devices.find("d1") == first
        assert await successions.complete("acme") == []

    async def test_a_device_does_not_pass_on_under_preferences_that_were_replaced(
        self, devices: DeviceStore, people: PeopleStore, successions: Store
    ) -> None:
        """Who silenced everything meanwhile does not hear of it."""
        there = await registered(devices, 1)
        await people.save_preferences(ALL_OFF, None)

        with pytest.raises(Changed):
            await successions.pass_on(passed(there), [])
        await successions.pass_on(passed(there, ALL_OFF), [])
        found = await devices.find("d1")
        assert found is not None
        assert [each.on for each in found.snapshot.subscriptions] == [False]

    async def test_a_succession_is_told_once(self, devices: DeviceStore, successions: Store) -> None:
        """Whoever knows less of it, or comes later, tells nothing and forgets nothing."""
        there = await registered(devices, 1, 2)
        await successions.pass_on(passed(there), [])
        [succession] = await successions.complete("acme")

        await successions.tell(replace(succession, devices=1), a_mail_request())
        await successions.tell(succession, a_mail_request())
        await successions.tell(succession, a_mail_request())

        assert await successions.complete("acme") == []
        assert await self.mails() == 1

    async def test_a_company_whose_devices_are_gone_is_looked_at_until_it_was_told(
        self, devices: DeviceStore, successions: Store
    ) -> None:
        """Else a crash before the mail, and a removal after it, would leave it for ever."""
        [device] = await registered(devices, 1)
        [passing] = passed([device])
        await successions.pass_on([passing], [])
        await devices.save(domain.remove(passing.change.device, NOW))

        before = set(await successions.companies())
        for succession in await successions.complete("acme"):
            await successions.tell(succession, None)

        assert before == {"acme"}
        assert not await successions.companies()
        assert await self.mails() == 0

    async def test_what_people_prefer_is_forgotten_with_them(self, people: PeopleStore) -> None:
        """And only theirs."""
        await people.save_preferences(ALL_OFF, None)
        await people.save_preferences(Preferences("anna", 1, all_off=True), None)

        await people.forget(["dora", "nobody"])

        assert list(await people.everyone()) == ["anna"]
        assert (await people.preferences({"dora"}))["dora"] == Preferences("dora")

    async def mails(self) -> int:
        """How many mails were asked for."""
        raise NotImplementedError

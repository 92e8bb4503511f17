"""What every store of preferences promises, with the store of devices beside it: for the fakes and for MongoDB.

A test module subclasses this and gives the fixtures `devices` and `people`, of one database.
"""

from dataclasses import replace

import pytest

from ups_device.domain import device as domain
from ups_device.domain.company import Company
from ups_device.domain.subscription import Preferences
from ups_device.handlers.subscriptions import People
from ups_device.testing.device_contract import DeviceStore
from ups_device.testing.examples import NOW, a_mail_request, a_registration
from ups_runtime.errors import Changed
from ups_schemas.device import Subscription

NONE = Preferences("anna")
ALL_OFF = Preferences("anna", 1, all_off=True)
ACME_OFF = Preferences("anna", 1, companies_off=frozenset({"acme"}))


class PeopleStoreContract:
    """Preferences, and devices that are resolved by them."""

    async def test_who_never_chose_prefers_nothing(self, people: People) -> None:
        """Version 0 is nobody's choice."""
        assert await people.preferences({"anna", "ben"}) == {"anna": NONE, "ben": Preferences("ben")}
        assert not await people.unsettled()

    async def test_preferences_change_one_version_at_a_time(self, people: People) -> None:
        """Of two writers who read the same version, the second is told."""
        await people.save_preferences(ACME_OFF, None)

        with pytest.raises(Changed):
            await people.save_preferences(ALL_OFF, None)
        assert await people.preferences({"anna"}) == {"anna": ACME_OFF}

    async def test_preferences_are_unsettled_until_their_last_version_is_in_every_device(self, people: People) -> None:
        """Who brings an older version has not settled the newer one."""
        await people.save_preferences(ACME_OFF, a_mail_request())
        second = replace(NONE, version=2)
        await people.save_preferences(second, None)

        await people.settled(ACME_OFF)
        left = set(await people.unsettled())
        await people.settled(second)

        assert left == {"anna"}
        assert not await people.unsettled()

    async def test_a_device_is_not_added_under_preferences_that_were_replaced(
        self, devices: DeviceStore, people: People
    ) -> None:
        """Else it would mail somebody who wants no mail, until they say so again."""
        await people.save_preferences(ALL_OFF, None)

        with pytest.raises(Changed):
            await devices.add(a_registration(), Company("acme"))
        assert await devices.find("d1") is None

    async def test_preferences_can_change_after_a_device_was_resolved_by_them(
        self, devices: DeviceStore, people: People
    ) -> None:
        """Resolving by somebody's preferences is no change of theirs."""
        await devices.add(a_registration(), Company("acme"))
        await people.save_preferences(ALL_OFF, None)

        assert await people.preferences({"anna"}) == {"anna": ALL_OFF}

    async def test_a_step_is_not_made_under_preferences_that_were_replaced(
        self, devices: DeviceStore, people: People
    ) -> None:
        """Who is late with a version brings nothing of it."""
        first = a_registration().device
        await devices.add(a_registration(), Company("acme"))
        await people.save_preferences(ALL_OFF, None)
        late = domain.subscribe(first, Subscription(user_id="anna", codes=("ON_BATTERY",)), NONE, NOW)
        assert late

        with pytest.raises(Changed):
            await devices.save(late, mail=a_mail_request())
        assert await devices.find("d1") == first

    async def test_several_steps_are_made_together_or_not_at_all(self, devices: DeviceStore) -> None:
        """One that is late keeps the others back."""
        there = [a_registration(number).device for number in (1, 2)]
        for number in (1, 2):
            await devices.add(a_registration(number), Company("acme"))
        await devices.save(domain.republish(there[1], NOW))

        with pytest.raises(Changed):
            await devices.save(*(domain.remove(device, NOW) for device in there))
        assert await devices.find("d1") == there[0]

    async def test_devices_that_are_not_as_preferred_are_found(self, devices: DeviceStore, people: People) -> None:
        """Living ones that the person chose something for, in the order of their ids."""
        for number, company_id in ((1, "acme"), (2, "acme"), (3, "other"), (4, "acme"), (5, "acme")):
            await devices.add(a_registration(number, company_id), Company(company_id))
        await devices.save(domain.remove(a_registration(4).device, NOW))
        off = domain.subscribe(a_registration(5).device, Subscription(user_id="anna", on=False), NONE, NOW)
        assert off
        await devices.save(off)

        async def unlike(preferences: Preferences, limit: int = 9) -> list[str]:
            return [device.device_id for device in await devices.unlike(preferences, limit)]

        assert await unlike(NONE) == []
        assert await unlike(Preferences("ben", 1, all_off=True)) == []
        assert await unlike(ACME_OFF) == ["d1", "d2"]
        assert await unlike(ALL_OFF) == ["d1", "d2", "d3"]
        assert await unlike(ALL_OFF, 2) == ["d1", "d2"]
        await people.save_preferences(ALL_OFF, None)
        silenced = [domain.settle(device, ALL_OFF, NOW) for device in await devices.unlike(ALL_OFF, 9)]
        await devices.save(*filter(None, silenced))
        assert await unlike(ALL_OFF) == []
        assert await unlike(ACME_OFF) == ["d3"]
        assert await unlike(replace(NONE, version=2)) == ["d1", "d2", "d3"]

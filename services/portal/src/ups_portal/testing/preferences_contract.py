"""What **Notifications** counts on whoever keeps preferences: device-svc, and the fake in tests."""

from typing import Protocol

import pytest

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.notifications_view import CHANGED_MEANWHILE, Mails, Wider
from ups_portal.handlers.failures import NotFoundError
from ups_portal.handlers.notifications import Preferences


class PreferencesWorld(Protocol):
    """Somebody who is signed in, and owns one UPS."""

    preferences: Preferences

    async def device(self) -> str:
        """Register it; gives its id."""


class PreferencesContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_what_is_chosen_for_a_ups_is_so_and_listed(self, world: PreferencesWorld) -> None:
        """Of each severity, and off."""
        device_id = await world.device()
        for mails in (Mails.CRITICAL, Mails.NONE, Mails.EVERYTHING, Mails.WARNING):
            before = await world.preferences.of(device_id)

            assert await world.preferences.save(device_id, before.version, mails, ()) is None

            after = await world.preferences.of(device_id)
            (listed,) = await world.preferences.devices()
            assert (after.mails, after.in_force, listed.mails) == (mails, mails is not Mails.NONE, mails)
        assert await world.preferences.name(device_id) == listed.name

    async def test_codes_stay_when_they_come_back(self, world: PreferencesWorld) -> None:
        """And only these are mailed."""
        device_id = await world.device()
        before = await world.preferences.of(device_id)
        await world.preferences.save(device_id, before.version, Mails.EVERYTHING, ("ON_BATTERY",))

        assert (await world.preferences.of(device_id)).codes == ("ON_BATTERY",)

    async def test_what_was_changed_elsewhere_is_not_overwritten(self, world: PreferencesWorld) -> None:
        """Neither for one UPS nor over all."""
        device_id = await world.device()
        one, wider = await world.preferences.of(device_id), await world.preferences.wider()
        await world.preferences.save(device_id, one.version, Mails.CRITICAL, ())
        await world.preferences.save_wider((await world.preferences.wider()).version, Wider.COMPANY)

        refused = [
            await world.preferences.save(device_id, one.version, Mails.NONE, ()),
            await world.preferences.save_wider(wider.version, Wider.ALL),
        ]

        assert [each.why for each in refused if isinstance(each, Refusal)] == [CHANGED_MEANWHILE] * 2
        assert (await world.preferences.of(device_id)).mails is Mails.CRITICAL
        assert (await world.preferences.wider()).wider is Wider.COMPANY

    async def test_a_wider_choice_lies_over_the_others_and_leaves_them(self, world: PreferencesWorld) -> None:
        """Lifted, each UPS has what it had."""
        device_id = await world.device()
        chosen = (await world.preferences.of(device_id)).mails
        for wider in (Wider.COMPANY, Wider.ALL, Wider.NOTHING):
            before = await world.preferences.wider()

            assert await world.preferences.save_wider(before.version, wider) is None

            under = await world.preferences.of(device_id)
            assert (await world.preferences.wider()).wider is wider
            assert (under.mails, under.in_force) == (chosen, wider is Wider.NOTHING)

    async def test_a_ups_of_others_is_not_there(self, world: PreferencesWorld) -> None:
        """Neither to look at nor to choose for."""
        with pytest.raises(NotFoundError):
            await world.preferences.of("of-nobody")
        with pytest.raises(NotFoundError):
            await world.preferences.save("of-nobody", "1", Mails.NONE, ())

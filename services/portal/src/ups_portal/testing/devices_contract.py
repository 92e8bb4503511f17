"""What pages count on whoever knows a company's UPSes: device-svc, and the fake in tests."""

from typing import Protocol

import pytest

from ups_portal.domain.device_view import Done
from ups_portal.domain.link import Notifications
from ups_portal.domain.own_device import Named
from ups_portal.handlers import log
from ups_portal.handlers.device import Device, People
from ups_portal.handlers.devices import Devices
from ups_portal.handlers.failures import NotFoundError


class Asked(Devices, log.Devices, Protocol):
    """All that pages ask about UPSes at once."""


class DevicesWorld(Protocol):
    """Somebody who is signed in, in a company of their own."""

    devices: Asked
    people: People

    def device(self, device_id: str) -> Device:
        """The UPS, asked about on their behalf."""

    async def register(self, name: str, site: str | None, model: str | None) -> str:
        """Register a UPS as theirs; gives its id."""


class DevicesContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_a_company_without_a_ups_has_none(self, world: DevicesWorld) -> None:
        """And not an error."""
        assert list(await world.devices.all()) == []

    async def test_every_ups_of_the_company_is_there_by_its_names(self, world: DevicesWorld) -> None:
        """What nobody named is empty, and what came from outside is harmless."""
        first = await world.register("Rack \u202e1", "Server room", "Smart-UPS 1500")
        second = await world.register("Rack 2", None, None)

        found = {each.device_id: each for each in await world.devices.all()}

        assert set(found) == {first, second}
        assert (found[first].name, found[first].site, found[first].model) == ("Rack 1", "Server room", "Smart-UPS 1500")
        assert (found[second].site, found[second].model) == ("", "")

    async def test_its_names_are_told_by_themselves_too(self, world: DevicesWorld) -> None:
        """For lists to choose from, which need no more; what came from outside is as harmless."""
        first = await world.register("Rack \u202e1", "Server room", "Smart-UPS 1500")
        second = await world.register("Rack 2", None, None)

        assert set(await world.devices.names()) == {Named(first, "Rack 1", "Server room"), Named(second, "Rack 2", "")}

    async def test_a_new_ups_is_quiet_and_its_mails_come(self, world: DevicesWorld) -> None:
        """Nothing was heard of it, nothing stops its mails, and it was never disabled."""
        asked = world.device(await world.register("Rack 1", None, None))

        device, why = await asked.get(), await asked.why_no_mail()

        assert (device.conditions, device.last_seen, device.readings) == ((), None, None)
        assert (device.notifications, device.subscribed, device.listeners) == (Notifications.ENABLED, True, 1)
        assert (device.plan.name, device.plan.in_force) == ("advanced", "advanced")
        assert why.mailed
        assert why.text
        assert why.rows == ()
        assert list(await asked.periods()) == []

    async def test_its_owner_is_a_person_with_a_name(self, world: DevicesWorld) -> None:
        """By whom the page calls them."""
        device = await world.device(await world.register("Rack 1", None, None)).get()

        names = await world.people.names()

        assert device.owner
        assert names[device.owner]

    async def test_what_is_enabled_cannot_be_enabled_and_that_is_no_error(self, world: DevicesWorld) -> None:
        """Nor anybody else's mistake."""
        asked = world.device(await world.register("Rack 1", None, None))

        assert await asked.enable() is Done.ALREADY_ENABLED

    async def test_a_ups_that_is_not_there_is_not_found(self, world: DevicesWorld) -> None:
        """Whatever is asked about it."""
        asked = world.device("01900000-0000-7000-8000-000000000000")

        for ask in (asked.get, asked.periods, asked.why_no_mail, asked.enable):
            with pytest.raises(NotFoundError):
                await ask()

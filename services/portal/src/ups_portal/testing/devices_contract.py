"""What the overview counts on whoever knows a company's UPSes: device-svc, and the fake in tests."""

from typing import Protocol

from ups_portal.handlers.devices import Devices


class DevicesWorld(Protocol):
    """Somebody who is signed in, in a company of their own."""

    devices: Devices

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

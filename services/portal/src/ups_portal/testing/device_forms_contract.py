"""What the forms of a UPS count on whoever keeps UPSes: device-svc, and the fake in tests."""

import asyncio
from typing import Protocol

import pytest

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.device_forms import Issued, Names
from ups_portal.handlers.device_forms import OwnedDevice, Registry
from ups_portal.handlers.failures import ForbiddenError, NoCompanyError, NotFoundError
from ups_runtime.testing import eventually

_NAMES = Names("Rack 1", "Smart-UPS 1500", "AS1200", "Server room")
_HIDDEN = Names("\u200b")
_HOUR_S = 3600


class DeviceFormsWorld(Protocol):
    """Somebody who is signed in, in a company of their own with one co-worker."""

    registry: Registry

    def device(self, device_id: str) -> OwnedDevice:
        """The UPS, asked about on their behalf."""

    async def of_a_co_worker(self) -> str:
        """Let the co-worker register one; gives its id."""

    async def is_taken(self, device_id: str, key: str) -> bool:
        """Whether what the UPS says by this key is taken now."""

    async def leave(self) -> None:
        """Leave the company."""


class DeviceFormsContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_a_form_registers_one_by_its_names_however_often_it_is_sent(self, world: DeviceFormsWorld) -> None:
        """With the key the first time only; the same form with other names is refused, and other forms are others."""
        first, again = [await world.registry.register(_NAMES, "a") for _ in range(2)]
        other_names = await world.registry.register(Names("Rack 2"), "a")
        second = await world.registry.register(Names("Rack 2"), "b")

        assert isinstance(first, Issued)
        assert first.key
        assert again == Issued(first.device_id, None)
        assert isinstance(other_names, Refusal)
        assert isinstance(second, Issued)
        assert second.device_id != first.device_id
        told = await world.device(first.device_id).get()
        assert Names(told.name, told.model, told.serial, told.site) == _NAMES
        assert (await world.device(second.device_id).get()).site == ""

    async def test_it_is_called_something_else_and_what_is_emptied_goes(self, world: DeviceFormsWorld) -> None:
        """A name of which nothing can be seen is refused beside its field."""
        issued = await world.registry.register(_NAMES, "a")
        assert isinstance(issued, Issued)
        device = world.device(issued.device_id)

        renamed = await device.rename(Names("Rack 9", "", " ", "Berlin"))
        told = await device.get()
        hidden = [await device.rename(_HIDDEN), await world.registry.register(_HIDDEN, "b")]

        assert renamed is None
        assert Names(told.name, told.model, told.serial, told.site) == Names("Rack 9", "", "", "Berlin")
        assert [each.field for each in hidden if isinstance(each, Refusal)] == ["name", "name"]
        assert (await device.get()).name == "Rack 9"

    async def test_a_key_works_until_it_is_revoked_or_another_one_replaces_it(self, world: DeviceFormsWorld) -> None:
        """At once, or when it was said."""
        issued = await world.registry.register(_NAMES, "a")
        assert isinstance(issued, Issued)
        device = world.device(issued.device_id)

        async def works(key: str | None) -> bool:
            return await world.is_taken(issued.device_id, key or "")

        assert bool(await eventually(lambda: works(issued.key), within_s=30))
        replacing = await device.new_key(0, "a")
        assert isinstance(replacing, Issued)
        assert bool(await eventually(lambda: works(replacing.key), within_s=30))
        assert not await works(issued.key)
        (second,) = (each for each in await device.keys() if each.works)
        added = await device.new_key(_HOUR_S, "b")
        assert isinstance(added, Issued)
        assert bool(await eventually(lambda: works(added.key), within_s=30))
        assert await works(replacing.key)
        assert await device.revoke(second.key_id) is None

        async def is_over() -> bool:
            return not await works(replacing.key)

        assert bool(await eventually(is_over, within_s=30))
        assert await works(added.key)
        assert [each.key_id for each in await device.keys() if each.revoked] == [second.key_id]
        with pytest.raises(NotFoundError):
            await device.revoke("of-nobody")

    async def test_of_two_presses_at_once_one_makes_a_key(self, world: DeviceFormsWorld) -> None:
        """The other one is told that it was shown already."""
        issued = await world.registry.register(_NAMES, "a")
        assert isinstance(issued, Issued)
        device = world.device(issued.device_id)

        made = await asyncio.gather(*(device.new_key(_HOUR_S, "a-press") for _ in range(2)))

        assert sorted(each.key is not None for each in made if isinstance(each, Issued)) == [False, True]
        assert len(await device.keys()) == 2  # noqa: PLR2004 - the first, and one more

    async def test_there_are_ten_keys_at_most(self, world: DeviceFormsWorld) -> None:
        """The next one is refused, and nothing ends."""
        issued = await world.registry.register(_NAMES, "a")
        assert isinstance(issued, Issued)
        device = world.device(issued.device_id)

        made = [await device.new_key(_HOUR_S, f"press-{number}") for number in range(10)]

        assert [isinstance(each, Issued) for each in made] == [True] * 9 + [False]
        assert isinstance(made[-1], Refusal)
        assert made[-1].why == "too-many-keys"
        assert [each.works for each in await device.keys()] == [True] * 10

    async def test_of_a_co_workers_neither_names_nor_keys_are_ones_own(self, world: DeviceFormsWorld) -> None:
        """It can be seen, and that is all; one that there is not cannot even be seen."""
        device, unknown = world.device(await world.of_a_co_worker()), world.device("of-nobody")

        told = [await device.rename(_NAMES), await device.new_key(0, "a"), await device.revoke("0000000000000001")]

        assert [each.why for each in told if isinstance(each, Refusal)] == ["not-owner"] * 3
        assert (await device.get()).name
        with pytest.raises(ForbiddenError):
            await device.keys()
        for ask in (unknown.get, unknown.keys, lambda: unknown.rename(_NAMES), lambda: unknown.new_key(0, "a")):
            with pytest.raises(NotFoundError):
                await ask()

    async def test_who_is_in_no_company_registers_nothing_and_sees_nothing(self, world: DeviceFormsWorld) -> None:
        """Not even what was their own, and is told why."""
        issued = await world.registry.register(_NAMES, "a")
        assert isinstance(issued, Issued)
        await world.leave()

        async def is_out() -> bool:
            try:
                await world.device(issued.device_id).get()
            except NoCompanyError:
                return True
            return False

        assert bool(await eventually(is_out, within_s=30))
        with pytest.raises(NoCompanyError):
            await world.registry.register(Names("Rack 2"), "b")

"""What handing over, claiming and removing count on whoever keeps UPSes: device-svc, and the fake in tests."""

from typing import Protocol

import pytest

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.device_view import Done
from ups_portal.handlers.device_passing import PassingDevice
from ups_portal.handlers.failures import NotFoundError


class DevicePassingWorld(Protocol):
    """Somebody who is signed in, in a company of their own with one co-worker."""

    own_id: str
    co_worker_id: str

    def device(self, device_id: str) -> PassingDevice:
        """The UPS, asked about on their behalf."""

    async def registered(self, owner: str | None) -> str:
        """Have one registered for that owner, or for nobody; gives its id."""


class DevicePassingContract:
    """Subclass it in a test module that gives the fixture `world`, a fresh one for each test."""

    async def test_it_is_handed_over_once_to_a_co_worker(self, world: DevicePassingWorld) -> None:
        """A second press is no mistake; whoever has it then keeps it."""
        device = world.device(await world.registered(world.own_id))

        to_nobody = await device.hand_over("of-nobody")
        done = [await device.hand_over(world.co_worker_id) for _ in range(2)]
        back = await device.hand_over(world.own_id)

        assert isinstance(to_nobody, Refusal)
        assert (to_nobody.field, to_nobody.why) == ("to", "unknown-user")
        assert done == [Done.HANDED_OVER, Done.HANDED_OVER]
        assert (await device.get()).owner == world.co_worker_id
        assert isinstance(back, Refusal)
        assert back.why == "not-owner"

    async def test_what_nobody_owns_is_claimed_and_what_somebody_owns_is_not(self, world: DevicePassingWorld) -> None:
        """A second press is no mistake here, too."""
        device = world.device(await world.registered(None))
        theirs = world.device(await world.registered(world.co_worker_id))

        assert (await device.get()).owner is None
        assert [await device.claim() for _ in range(2)] == [Done.CLAIMED, Done.CLAIMED]
        refused = await theirs.claim()

        assert (await device.get()).owner == world.own_id
        assert isinstance(refused, Refusal)
        assert refused.why == "already-owned"
        assert (await theirs.get()).owner == world.co_worker_id

    async def test_its_owner_removes_it_and_then_it_is_not_there(self, world: DevicePassingWorld) -> None:
        """Whatever is asked about it; a co-worker's, and nobody's, stay."""
        device = world.device(await world.registered(world.own_id))
        others = [world.device(await world.registered(owner)) for owner in (world.co_worker_id, None)]

        refused = [await each.remove() for each in others]
        removed = await device.remove()

        assert removed is None
        assert [each.why for each in refused if isinstance(each, Refusal)] == ["not-owner", "not-owner"]
        for each in others:
            assert (await each.get()).name
        for ask in (device.get, device.remove, device.claim, lambda: device.hand_over(world.co_worker_id)):
            with pytest.raises(NotFoundError):
                await ask()

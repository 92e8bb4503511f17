"""A UPS handed over, claimed and removed."""

from collections.abc import Sequence
from typing import Protocol

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.device_passing import HandOverView, Wrong, hand_over_view
from ups_portal.domain.device_view import Done
from ups_portal.domain.member import Member
from ups_portal.domain.own_device import OwnDevice
from ups_portal.handlers.failures import AwayError, ForbiddenError
from ups_portal.handlers.parts import Missing, together


class PassingDevice(Protocol):
    """Who knows a UPS, asked on behalf of whoever is signed in.

    Each raises `AwayError` and `NotFoundError` where it applies, and those that change something also
    `DoubtfulError`.
    """

    async def get(self) -> OwnDevice:
        """The UPS."""

    async def hand_over(self, to: str) -> Done | Wrong:
        """Give it to a co-worker, as its owner."""

    async def claim(self) -> Done | Wrong:
        """Become its owner, where it has none."""

    async def remove(self) -> Wrong | None:
        """Remove it, as its owner."""


class Company(Protocol):
    """Who knows the people of the company."""

    async def members(self) -> Sequence[Member]:
        """Those who are active."""


async def choice(
    device: PassingDevice, company: Company, user_id: str, to: str = "", against: Wrong | None = None
) -> HandOverView:
    """The page to choose the next owner, for the present one.

    Raises:
        AwayError: nobody can say whose it is.
        ForbiddenError: it is somebody else's.
    """
    known, people = await together(device.get(), company.members())
    if isinstance(known, Missing):
        raise AwayError("look at device")
    if known.owner != user_id:
        raise ForbiddenError("not the owner")
    there = None if isinstance(people, Missing) else people
    return hand_over_view(known.device_id, known.name, there, user_id, to, against)


async def hand_over(device: PassingDevice, to: str) -> Done | Wrong:
    """Give it to them, if somebody was chosen."""
    return await device.hand_over(to) if to else Refusal("", "to", "nobody-chosen")

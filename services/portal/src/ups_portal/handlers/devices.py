"""The overview: what UPSes the company has, and how they are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ups_portal.domain.devices_view import DevicesView, Done, Search, devices_view
from ups_portal.domain.own_device import OwnDevice
from ups_portal.handlers.parts import Missing, part


class Devices(Protocol):
    """Who knows the company's UPSes, asked on behalf of whoever is signed in."""

    async def all(self) -> Sequence[OwnDevice]:
        """All of them.

        Raises:
            AwayError: that cannot be said now.
        """


async def overview(devices: Devices, search: Search, now: datetime, done: Done | None = None) -> DevicesView:
    """The page; without the list while nobody can give it."""
    found = await part(devices.all())
    return devices_view(None if isinstance(found, Missing) else found, search, now, done)

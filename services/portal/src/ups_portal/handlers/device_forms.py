"""A UPS registered, called something else, and given keys, by its owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.device_forms import Issued, Names, OwnKey, Wrong, newest, what_is_wrong
from ups_portal.domain.own_device import OwnDevice
from ups_portal.handlers.failures import AwayError, ForbiddenError
from ups_portal.handlers.parts import Missing, together


class Registry(Protocol):
    """Who registers UPSes. Changes raise `AwayError` and `DoubtfulError` where it applies."""

    async def register(self, names: Names, once: str) -> Issued | Wrong:
        """Register one as one's own; `once` makes a second press of the same button do nothing."""


class KnownDevice(Protocol):
    """Who knows whose a UPS is."""

    async def get(self) -> OwnDevice:
        """The UPS.

        Raises:
            AwayError, NotFoundError: as it applies.
        """


class OwnedDevice(KnownDevice, Protocol):
    """Who knows a UPS, asked on behalf of whoever is signed in, who may not own it.

    Each raises `AwayError`, `NotFoundError` and `ForbiddenError` where it applies, and those that change something also
    `DoubtfulError`.
    """

    async def rename(self, names: Names) -> Wrong | None:
        """Call it that; what is empty is taken away."""

    async def keys(self) -> Sequence[OwnKey]:
        """Its keys, the oldest first."""

    async def new_key(self, grace_s: int, once: str) -> Issued | Wrong:
        """Make one; the older ones end after the grace time. A second press with the same `once` makes none."""

    async def revoke(self, key_id: str) -> Wrong | None:
        """End one at once."""


@dataclass(frozen=True, slots=True)
class Keys:
    """A UPS, and its keys."""

    device: OwnDevice
    keys: Sequence[OwnKey]


async def register(registry: Registry, names: Names, once: str) -> Issued | Wrong:
    """Register one, if there is a name."""
    wrong = what_is_wrong(names)
    return wrong if wrong is not None else await registry.register(names, once)


async def rename(device: OwnedDevice, names: Names) -> Wrong | None:
    """Call it that, if there is a name."""
    wrong: Refusal | None = what_is_wrong(names)
    return wrong if wrong is not None else await device.rename(names)


async def owned(device: KnownDevice, user_id: str) -> OwnDevice:
    """The UPS, if it is theirs.

    Raises:
        ForbiddenError: it is somebody else's.
    """
    known = await device.get()
    if known.owner != user_id:
        raise ForbiddenError("not the owner")
    return known


async def with_keys(device: OwnedDevice) -> Keys:
    """The UPS and its keys.

    Raises:
        AwayError: either cannot be said.
    """
    known, keys = await together(device.get(), device.keys())
    if isinstance(known, Missing) or isinstance(keys, Missing):
        raise AwayError("list keys")
    return Keys(known, keys)


async def new_key(device: OwnedDevice, known: Keys, seen: str, grace_s: int) -> Issued | Wrong:
    """Make one, where the newest is still the one that was `seen`: the press of a form that is sent again ends none."""
    if seen != newest(known.keys):
        return Issued(known.device.device_id, None)
    return await device.new_key(grace_s, f"after-{seen}")

"""One UPS: looked at, and what its owner can have done."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ups_portal.domain.device_view import DeviceView, Done, Known, Period, Why, Wrong, device_view
from ups_portal.domain.link import Notifications
from ups_portal.domain.own_device import OwnDevice
from ups_portal.handlers.confirming import Sleep, confirmed
from ups_portal.handlers.failures import AwayError
from ups_portal.handlers.parts import Missing, together


class Device(Protocol):
    """Who knows one UPS, asked on behalf of whoever is signed in.

    Each raises `AwayError` and `NotFoundError` where it applies, and those that change something also
    `DoubtfulError`.
    """

    async def get(self) -> OwnDevice:
        """The UPS."""

    async def periods(self) -> Sequence[Period]:
        """The last disabled periods under its present owner, newest first."""

    async def why_no_mail(self) -> Why:
        """Why whoever asks gets no mail about it, or that they do."""

    async def enable(self) -> Done | Wrong:
        """Have its Event Notifications enabled, as the owner."""


class People(Protocol):
    """Who knows the people of the company."""

    async def names(self) -> Mapping[str, str]:
        """Their names by id."""


async def shown(
    device: Device,
    people: People,
    user_id: str,
    now: datetime,
    done: Done | None = None,
    against: Wrong | None = None,
) -> DeviceView:
    """The page, by one round of calls; a part of it is missing while nobody can give it.

    Raises:
        AwayError: nobody can say what is so with the UPS itself.
    """
    known, periods, why, names = await together(device.get(), device.periods(), device.why_no_mail(), people.names())
    if isinstance(known, Missing):
        raise AwayError("look at device")
    return device_view(
        Known(
            known,
            None if isinstance(periods, Missing) else periods,
            None if isinstance(why, Missing) else why,
            None if isinstance(names, Missing) else names,
        ),
        user_id,
        now,
        done,
        against,
    )


async def enabled(device: Device, sleep: Sleep) -> Done | Wrong:
    """Have its Event Notifications enabled, and wait a moment until they are.

    Raises:
        AwayError, DoubtfulError, NotFoundError: as `Device.enable`.
    """
    outcome = await device.enable()

    async def is_so() -> bool:
        return (await device.get()).notifications is not Notifications.ENABLING

    if outcome in {Done.REQUESTED, Done.ALREADY_REQUESTED}:
        await confirmed(is_so, sleep)
    return outcome

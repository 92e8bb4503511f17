"""The answer to *I get no e-mail*, about a UPS that one chooses."""

from collections.abc import Sequence
from typing import Protocol

from ups_portal.domain.no_mail_view import NoMail, NoMailView, no_mail_view
from ups_portal.domain.own_device import Named
from ups_portal.handlers.parts import Missing, part, together


class Devices(Protocol):
    """Who knows the company's UPSes, asked on behalf of whoever is signed in."""

    async def names(self) -> Sequence[Named]:
        """What all of them are called.

        Raises:
            AwayError: that cannot be said now.
        """


class Reasons(Protocol):
    """Who knows what stands between a UPS and an inbox."""

    async def no_mail(self, device_id: str) -> NoMail:
        """Why whoever asks gets no mail about it, or that they do.

        Raises:
            NotFoundError: there is no such UPS in their company.
            AwayError: that cannot be said now.
        """


async def no_mail(devices: Devices, reasons: Reasons, device_id: str) -> NoMailView:
    """The page; nothing is answered while no UPS was chosen (`device_id` is empty)."""
    if not device_id:
        found = await part(devices.names())
        return no_mail_view(None if isinstance(found, Missing) else found, "", None)
    found, answer = await together(devices.names(), reasons.no_mail(device_id))
    return no_mail_view(
        None if isinstance(found, Missing) else found, device_id, None if isinstance(answer, Missing) else answer
    )

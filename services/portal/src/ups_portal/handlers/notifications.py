"""**Notifications**: one's own e-mail preferences, for each UPS and over all."""

from collections.abc import Sequence
from typing import Protocol

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.notifications_view import (
    Done,
    Mails,
    NotificationsView,
    OwnMails,
    Wanted,
    Wider,
    WiderChoice,
    notifications_view,
)
from ups_portal.domain.preference_view import Preference, PreferenceView, preference_view
from ups_portal.handlers.failures import AwayError
from ups_portal.handlers.parts import Missing, together

Against = Refusal | TooOften | None


class Preferences(Protocol):
    """Who keeps what whoever is signed in wants to hear.

    Saving takes the `version` that was shown, and gives what stands against it; None when it is done. Each call raises
    `AwayError` and `NotFoundError` where it applies, and those that change something also `DoubtfulError`.
    """

    async def wider(self) -> WiderChoice:
        """What lies over the choices for each UPS."""

    async def devices(self) -> Sequence[OwnMails]:
        """The company's UPSes, with what one gets of each."""

    async def of(self, device_id: str) -> Preference:
        """What one chose for this UPS."""

    async def name(self, device_id: str) -> str:
        """What the UPS is called."""

    async def save_wider(self, version: str, wider: Wider) -> Against:
        """Put this over the choices for each UPS."""

    async def save(self, device_id: str, version: str, mails: Mails, codes: tuple[str, ...]) -> Against:
        """Choose this for the UPS; no `codes` are all of them."""


async def shown(
    preferences: Preferences, company: str, done: Done | None = None, wanted: Wanted | None = None
) -> NotificationsView:
    """The page; a part of it is missing while nobody can give it."""
    wider, devices = await together(preferences.wider(), preferences.devices())
    return notifications_view(
        None if isinstance(wider, Missing) else wider,
        None if isinstance(devices, Missing) else devices,
        company,
        done,
        wanted,
    )


async def shown_one(
    preferences: Preferences, device_id: str, done: Done | None = None, wanted: Wanted | None = None
) -> PreferenceView:
    """The page of one UPS.

    Raises:
        AwayError: nobody can say what is chosen.
    """
    preference, name = await together(preferences.of(device_id), preferences.name(device_id))
    if isinstance(preference, Missing):
        raise AwayError("look at subscription")
    return preference_view(device_id, "" if isinstance(name, Missing) else name, preference, done, wanted)

"""The notification settings of a UPS: everybody looks, its owner saves."""

from typing import Protocol

from ups_portal.domain.account_link import Refusal
from ups_portal.domain.notification_settings import Chosen, Entered, NotificationSettings, chosen_by
from ups_portal.domain.notification_settings_view import (
    Done,
    NotificationSettingsView,
    Wrong,
    notification_settings_view,
)
from ups_portal.handlers.device_forms import KnownDevice
from ups_portal.handlers.failures import AwayError
from ups_portal.handlers.parts import Missing, together


class OwnerSettings(Protocol):
    """Who keeps the settings of a UPS. Each call raises `AwayError` and `NotFoundError` where it applies."""

    async def look(self) -> NotificationSettings:
        """What is so."""

    async def save(self, version: str, chosen: Chosen) -> Wrong | None:
        """Put all of it in place of what had the `version`; gives what stands against it.

        Raises:
            DoubtfulError: nobody can say whether it is done.
        """


async def shown(
    settings: OwnerSettings,
    device: KnownDevice,
    user_id: str,
    done: Done | None = None,
    entered: Entered | None = None,
    against: Wrong | None = None,
) -> NotificationSettingsView:
    """The page, with a form for who owns the UPS.

    Raises:
        AwayError: nobody can say what is set, or whose it is.
    """
    found, known = await together(settings.look(), device.get())
    if isinstance(found, Missing) or isinstance(known, Missing):
        raise AwayError("look at notification settings")
    return notification_settings_view(
        known.device_id,
        known.name,
        found,
        own=known.owner == user_id,
        done=done,
        entered=entered,
        against=against,
    )


async def save(settings: OwnerSettings, version: str, entered: Entered) -> Wrong | None:
    """Save what was entered, if it can be understood."""
    chosen = chosen_by(entered)
    return chosen if isinstance(chosen, Refusal) else await settings.save(version, chosen)

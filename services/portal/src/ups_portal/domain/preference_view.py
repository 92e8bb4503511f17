"""One's own e-mail preference for one UPS."""

from dataclasses import dataclass

from ups_portal.domain.notifications_view import MAILS, Done, Mails, Option, Wanted, against
from ups_portal.domain.text import Text
from ups_portal.domain.wording import condition_name


@dataclass(frozen=True, slots=True)
class Preference:
    """What one chose for a UPS. `codes` narrow it to these; `listeners` is how many people hear of the UPS.

    Not `in_force`: nothing was chosen, or a wider choice keeps it off.
    """

    version: str
    mails: Mails
    in_force: bool
    codes: tuple[str, ...] | None
    listeners: int


@dataclass(frozen=True, slots=True)
class PreferenceView:
    """The page. No name: it cannot be said just now."""

    title: Text
    device_id: str
    name: str
    said: Text | None
    against: Text | str
    version: str
    options: tuple[Option, ...]
    codes: tuple[str, ...]
    kinds: tuple[Text, ...]
    silenced: bool
    nobody_hears: bool


def preference_view(
    device_id: str, name: str, preference: Preference, done: Done | None = None, wanted: Wanted | None = None
) -> PreferenceView:
    """The page, after what was saved or with what was chosen."""
    chosen = wanted.chosen if wanted else preference.mails
    return PreferenceView(
        Text("E-mail preference"),
        device_id,
        name,
        Text("Your settings are saved.") if done else None,
        against(wanted, MAILS[preference.mails]),
        preference.version,
        tuple(Option(mails, label, mails == chosen) for mails, label in MAILS.items()),
        preference.codes or (),
        tuple(condition_name(code) for code in preference.codes or ()),
        preference.mails is not Mails.NONE and not preference.in_force,
        preference.listeners == 0,
    )

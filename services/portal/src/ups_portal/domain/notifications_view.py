"""**Notifications**: what one gets of each UPS, and whether a wider choice lies over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ups_portal.domain.account_link import Refusal, TooOften
from ups_portal.domain.against import above
from ups_portal.domain.text import Text, isolated


class Done(StrEnum):
    """What came of a press of a button."""

    SAVED = "saved"


class Wider(StrEnum):
    """What lies over the choices for each UPS."""

    NOTHING = "each"
    COMPANY = "company"
    ALL = "all"


class Mails(StrEnum):
    """Which events of a UPS are mailed: from which severity up, if any."""

    EVERYTHING = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    NONE = "off"


MAILS = {
    Mails.EVERYTHING: Text("Every event"),
    Mails.WARNING: Text("Warnings, and what is critical"),
    Mails.CRITICAL: Text("Only what is critical"),
    Mails.NONE: Text("No e-mail"),
}
_WIDER = {
    Wider.NOTHING: Text("What I chose for each UPS"),
    Wider.COMPANY: Text("No e-mail about any UPS of {company}, new ones included"),
    Wider.ALL: Text("No e-mail about any UPS at all"),
}
CHANGED_MEANWHILE = "changed-meanwhile"


@dataclass(frozen=True, slots=True)
class WiderChoice:
    """What is so; saving takes the `version`, and is refused once it is another."""

    version: str
    wider: Wider


@dataclass(frozen=True, slots=True)
class OwnMails:
    """What one gets of a UPS of the company. Not `in_force`: a wider choice keeps it off."""

    device_id: str
    name: str
    site: str
    mails: Mails
    in_force: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was chosen, and what stands against it."""

    against: Refusal | TooOften
    chosen: str


@dataclass(frozen=True, slots=True)
class Option:
    """A choice that there is."""

    value: str
    label: Text
    checked: bool


@dataclass(frozen=True, slots=True)
class MailsRow:
    """A UPS in the list."""

    device_id: str
    name: str
    site: str
    mails: Text


@dataclass(frozen=True, slots=True)
class NotificationsView:
    """The page. No `version`, or no `devices`: that part cannot be shown just now."""

    title: Text
    said: Text | None
    against: Text | str
    version: str | None
    options: tuple[Option, ...]
    silenced: bool
    devices: tuple[MailsRow, ...] | None


def notifications_view(
    choice: WiderChoice | None,
    devices: Sequence[OwnMails] | None,
    company: str,
    done: Done | None = None,
    wanted: Wanted | None = None,
) -> NotificationsView:
    """The page, after what was saved or with what was chosen."""
    chosen = wanted.chosen if wanted else choice.wider if choice else ""
    labels = {wider: Text(text.words, company=isolated(company)) for wider, text in _WIDER.items()}
    ordered = sorted(devices or (), key=lambda each: (not each.site, each.site, each.name))
    return NotificationsView(
        Text("Notifications"),
        Text("Your settings are saved.") if done else None,
        against(wanted, labels[choice.wider] if choice else None),
        choice.version if choice else None,
        tuple(Option(wider, label, wider == chosen) for wider, label in labels.items()),
        choice is not None and choice.wider is not Wider.NOTHING,
        None
        if devices is None
        else tuple(MailsRow(each.device_id, each.name, each.site, MAILS[each.mails]) for each in ordered),
    )


def against(wanted: Wanted | None, now: Text | None) -> Text | str:
    """What stands against saving; after a change elsewhere also what is so `now`."""
    if wanted and now and isinstance(wanted.against, Refusal) and wanted.against.why == CHANGED_MEANWHILE:
        words = (
            "This was changed elsewhere meanwhile, and nothing was saved now. What is in force: {now}. What you chose "
            "is still chosen below: save it again if it is what you want."
        )
        return Text(words, now=now)
    return above(wanted.against if wanted else None)

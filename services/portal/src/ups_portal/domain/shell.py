"""What stands around the content of every page of the portal: its parts, and who is signed in."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ups_portal.domain.session import Person
from ups_portal.domain.text import Text


class Section(StrEnum):
    """A part of the portal, by its path."""

    DEVICES = "/devices"
    EVENT_LOG = "/events"
    NOTIFICATIONS = "/notifications"
    INVITE = "/invite"
    COMPANY = "/company"
    ACCOUNT = "/account"
    HELP = "/help"


LABELS = {
    Section.DEVICES: Text("Devices"),
    Section.EVENT_LOG: Text("Event Log"),
    Section.NOTIFICATIONS: Text("Notifications"),
    Section.INVITE: Text("Invite a co-worker"),
    Section.COMPANY: Text("Company"),
    Section.ACCOUNT: Text("Account"),
    Section.HELP: Text("Help"),
}


class View(Protocol):
    """What a template is given beside the shell: a frozen dataclass of its own module, with the page's title."""

    @property
    def title(self) -> Text:
        """What the page is called."""


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of one page. Nobody signed in: no `person`, and only sections that need none."""

    sections: tuple[Section, ...]
    current: Section | None
    person: Person | None
    token: str  # proves that a form was shown to this very browser

"""A page as plain data. One shape for every page behind a link: what is so, plain facts, one thing to do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus

from ups_portal.domain.link import Device
from ups_portal.domain.text import Text


class Tone(StrEnum):
    """The colour of a page, never the only carrier of what it says; the same as of mails."""

    CALM = "info"
    DONE = "over"
    PAUSED = "paused"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of plain fact. A plain `str` is a name from outside; `at` is the moment it tells, for machines.

    What stands `beside` is smaller.
    """

    label: Text
    value: Text | str
    beside: Text | str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a list: what, and when."""

    what: Text
    time: Text | str
    at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several, chosen by a radio button. `name` is text from outside."""

    value: str
    label: Text
    detail: Text | None = None
    name: Text | None = None
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """One line to fill in. `fault` is what was wrong with it; `fixed` can be read and not changed."""

    name: str
    label: Text
    type: str = "text"
    value: str = ""
    autocomplete: str = "off"
    hint: Text | None = None
    fault: Text | str = ""
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """What a press of its button sends, to the page's own address."""

    button: Text
    fields: tuple[tuple[str, str], ...]
    question: Text | None = None
    choices: tuple[Choice, ...] = ()
    inputs: tuple[Input, ...] = ()
    quiet: bool = False  # beside the one thing to do, or to undo it


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `lead` and `notes` are paragraphs before and after the facts; `notices` are what must not be missed."""

    title: Text
    badge: Text
    tone: Tone
    lead: tuple[Text, ...]
    status: HTTPStatus = HTTPStatus.OK
    device: Device | None = None
    notices: tuple[Text, ...] = ()
    facts: tuple[Fact, ...] = ()
    list_title: Text | None = None
    items: tuple[Item, ...] = ()
    forms: tuple[Form, ...] = ()
    again: Text | None = None  # the label of a link to this page itself, as it is now
    sign_in: bool = False  # leads there
    notes: tuple[Text, ...] = ()
    support: bool = False  # says whom to ask
    retry_after_s: int | None = None

"""*I get no e-mail*: for one of the company's UPSes, what stands between its events and one's own inbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby

from ups_portal.domain.device_view import Help
from ups_portal.domain.own_device import Named
from ups_portal.domain.text import Text


class Effect(StrEnum):
    """What something does to mails."""

    STOPS = "stops"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nothing is mailed, or less, in device-svc's words."""

    text: str
    effect: Effect | None
    help: Help | None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the Event Log; `own` is what became of the reader's copy."""

    at: datetime
    what: Text
    text: str
    own: str


@dataclass(frozen=True, slots=True)
class NoMail:
    """The answer for one UPS: what stops mails, then what limits them, and what is in order."""

    mailed: bool
    text: str
    reasons: tuple[Reason, ...]
    in_order: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """The UPSes of one place, as one chooses from them."""

    name: str
    devices: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class NoMailView:
    """The question, and the answer when one has asked. No `sites`: they cannot be shown just now."""

    title: Text
    sites: tuple[Site, ...] | None
    asked: str
    name: str
    answer: NoMail | None
    labels: Mapping[Effect, Text]


_LABELS = {Effect.STOPS: Text("Stops all mails"), Effect.LIMITS: Text("May keep some mails away")}


def no_mail_view(devices: Sequence[Named] | None, asked: str, answer: NoMail | None) -> NoMailView:
    """The page for the UPS `asked` about; empty: none yet."""
    ordered = sorted(devices or (), key=lambda each: (each.site, each.name))
    sites = tuple(Site(name, tuple(here)) for name, here in groupby(ordered, key=lambda each: each.site))
    name = next((each.name for each in ordered if each.device_id == asked), "")
    return NoMailView(Text("I get no e-mail"), None if devices is None else sites, asked, name, answer, _LABELS)

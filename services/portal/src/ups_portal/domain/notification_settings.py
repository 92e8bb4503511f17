"""What the owner of a UPS sets about its notifications, and the form in which they enter it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ups_portal.domain.account_link import Refusal
from ups_schemas.catalogue import Severity


class Unit(StrEnum):
    """What a length is entered in."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"


SECONDS = {Unit.DAYS: 86_400, Unit.HOURS: 3_600, Unit.MINUTES: 60, Unit.SECONDS: 1}
NOT_A_NUMBER, NO_OVERRIDE = "not-a-number", "no-override"
# More than any bound, and not so much that to count with it takes time.
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Policy:
    """More than `limit` notifications within the window disable notifications for the period."""

    limit: int
    window_s: int
    period_s: int


@dataclass(frozen=True, slots=True)
class Override:
    """What stands in place of the company's policy; None: nothing does."""

    limit: int | None = None
    window_s: int | None = None
    period_s: int | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """Both are allowed."""

    at_least: int
    at_most: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which values each part of a policy can be set."""

    limit: Bound
    window_s: Bound
    period_s: Bound


@dataclass(frozen=True, slots=True)
class Chosen:
    """All that an owner sets: severities in place of the usual ones, and conditions that always pass."""

    override: Override
    severities: Mapping[str, Severity]
    passing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """What is so; saving takes the `version`. `why_not` says why the plan allows no override; empty if it does."""

    version: str
    chosen: Chosen
    in_force: Policy
    default: Policy
    bounds: Bounds
    why_not: str


@dataclass(frozen=True, slots=True)
class Entered:
    """The form as it was filled in. `severities` are codes and severities, a colon between."""

    limit: str
    window: str
    window_unit: str
    period: str
    period_unit: str
    severities: tuple[str, ...]
    passing: tuple[str, ...]


def entered_of(chosen: Chosen) -> Entered:
    """The form for what is so."""
    override = chosen.override
    return Entered(
        "" if override.limit is None else str(override.limit),
        *_length(override.window_s, Unit.MINUTES),
        *_length(override.period_s, Unit.DAYS),
        tuple(f"{code}:{severity}" for code, severity in chosen.severities.items()),
        chosen.passing,
    )


def chosen_by(entered: Entered) -> Chosen | Refusal:
    """What the form says, or what stands against it before anybody is asked."""
    numbers: dict[str, int | None] = {}
    for name, text, unit in (
        ("limit", entered.limit, Unit.SECONDS),
        ("window", entered.window, entered.window_unit),
        ("period", entered.period, entered.period_unit),
    ):
        number = text.strip()
        if number and (not _NUMBER.fullmatch(number) or unit not in set(Unit)):
            return Refusal("", name, NOT_A_NUMBER)
        numbers[name] = int(number) * SECONDS[Unit(unit)] if number else None
    severities = [each.partition(":") for each in entered.severities if each]
    if any(severity not in set(Severity) for _, _, severity in severities):
        return Refusal("", "", "nothing-chosen")
    return Chosen(
        Override(numbers["limit"], numbers["window"], numbers["period"]),
        {code: Severity(severity) for code, _, severity in severities},
        entered.passing,
    )


def _length(seconds: int | None, usual: Unit) -> tuple[str, Unit]:
    """The number in its largest unit that leaves nothing over."""
    if seconds is None:
        return "", usual
    unit, size = next((unit, size) for unit, size in SECONDS.items() if seconds % size == 0)
    return str(seconds // size), unit

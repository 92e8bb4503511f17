"""A UPS of the company as its members see it: names from outside, made harmless."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ups_portal.domain.lasting import lasted
from ups_portal.domain.link import Notifications
from ups_portal.domain.text import Text, isolated
from ups_portal.domain.wording import condition_name
from ups_schemas.catalogue import Severity

BASIC = "basic"
ON_BATTERY = frozenset({"ON_BATTERY", "COMM_LOST_ON_BATTERY"})
# As the answer to *I get no e-mail* has it: a device that reports once a day is not silent.
SILENT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class OpenCondition:
    """What is so with it now. `text` tells two faults apart."""

    code: str
    text: str
    severity: Severity
    since: datetime


@dataclass(frozen=True, slots=True)
class Readings:
    """What it measured last."""

    at: datetime
    charge_percent: float | None = None
    runtime: timedelta | None = None
    load_percent: float | None = None
    input_v: float | None = None
    temperature_c: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Which plan it is on, until when, and which holds now."""

    name: str
    until: datetime | None
    in_force: str


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """The UPS. `notifications` are disabled or being enabled since `since`, until `until` at the latest."""

    device_id: str
    name: str
    model: str
    serial: str
    site: str
    owner: str | None
    plan: Plan
    notifications: Notifications
    since: datetime | None
    until: datetime | None
    conditions: tuple[OpenCondition, ...]
    last_seen: datetime | None
    readings: Readings | None
    subscribed: bool
    listeners: int

    @property
    def worst(self) -> Severity:
        """The severity of what is worst of what is so."""
        return max((each.severity for each in self.conditions), key=lambda each: each.rank, default=Severity.INFO)

    @property
    def on_battery(self) -> bool:
        """Whether it runs on its battery, as far as anybody knows."""
        return any(each.code in ON_BATTERY for each in self.conditions)

    def silent(self, now: datetime) -> bool:
        """Whether nothing was heard of it for so long that something may be wrong, or ever."""
        return self.last_seen is None or now - self.last_seen >= SILENT


@dataclass(frozen=True, slots=True)
class Named:
    """A UPS by its names, to choose from many. The site is empty if nobody said where it is."""

    device_id: str
    name: str
    site: str


@dataclass(frozen=True, slots=True)
class Lasting:
    """A condition as pages show it."""

    name: Text
    severity: Severity
    since: datetime
    lasted: Text


@dataclass(frozen=True, slots=True)
class Measured:
    """Readings as pages show them: empty where it said nothing."""

    charge: str
    runtime: Text | None
    load: str
    input: str
    temperature: str
    at: datetime
    ago: Text


def named(code: str, text: str) -> Text:
    """What is so, in words; `text` tells two faults apart."""
    name = condition_name(code)
    return Text("{name}: {detail}", name=name, detail=isolated(text)) if text else name


def lasting(condition: OpenCondition, now: datetime) -> Lasting:
    """The condition, and how long it has lasted."""
    return Lasting(
        named(condition.code, condition.text),
        condition.severity,
        condition.since,
        lasted(now - condition.since),
    )


def measured(readings: Readings | None, now: datetime) -> Measured | None:
    """The readings; none where there are none."""
    if readings is None:
        return None
    return Measured(
        figure(readings.charge_percent, "%"),
        None if readings.runtime is None else lasted(readings.runtime),
        figure(readings.load_percent, "%"),
        figure(readings.input_v, "V"),
        figure(readings.temperature_c, "°C"),
        readings.at,
        lasted(now - readings.at),
    )


def figure(value: float | None, unit: str) -> str:
    """The value as pages show it; empty if there is none."""
    # no-break space: a figure and its unit stay together
    return "" if value is None else f"{value:.0f}\u00a0{unit}"

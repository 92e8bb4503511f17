"""What NUT shows of a UPS, turned into what changed: raises, clears, repeats and pulses.

NUT shows states (`ups.status`, `ups.alarm`), and has no event for the end of several of them; events are the difference
between two readings. Tokens and texts: NUT's developer guide, chapter "Status data", and `ups.alarm` of its drivers.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from ups_schemas.catalogue import CONDITION_BY_CODE, CONDITIONS, Condition, Told
from ups_schemas.event import Phase

PULSE_EVERY = timedelta(minutes=5)

# Half of the catalogue's `stale_after`, so that one lost repeat does not end a condition that is still there.
CONFIRM_EVERY = timedelta(hours=12)

# A restart of upsd or of a driver takes seconds, in which nothing is known and nothing has happened.
# Halved, a slow driver's restart is mailed as lost contact; doubled, a real loss is told half a minute later.
STALE_GRACE = timedelta(seconds=30)

# NOCOMMWARNTIME of upsmon: how long a server may be away before people want to know.
UNREACHABLE_GRACE = timedelta(minutes=5)

# Where the driver names no limit of its own (battery.charge.low): the one most drivers come with.
DEFAULT_LOW_CHARGE_PERCENT = 20.0
# Above the limit by this much it counts as recharged: a charge that sways round the limit is one condition.
RECHARGED_MARGIN_PERCENT = 10.0

_BY_FLAG: Mapping[str, Condition] = {c.nut_flag: c for c in CONDITIONS if c.nut_flag}
_BY_ALARM: Mapping[str, Condition] = {
    text.casefold(): c for c in CONDITIONS if c.told_apart_by is Told.CODE for text in c.nut_alarms
}
_LOST = ("COMM_LOST", "COMM_LOST_ON_BATTERY")
_MAX_TEXT = 200
# NUT's drivers have room for 256 characters of alarms; halved, some of them would be lost.
_MAX_FAULTS = 20
_PART = re.compile(r"\[[^\]]*\]\s*(?=\S)")  # some drivers name the part before its alarm: `[battery] Replace battery!`

# Known only with power present or absent; without OL and OB in the status, what was known stays.
_NEEDS_POWER_STATE = ("ON_BATTERY", "BATTERY_LOW", "BATTERY_DISCHARGED", "SHUTDOWN_STARTED")


@dataclass(frozen=True, slots=True, order=True)
class Open:
    """A condition that NUT shows. `text` tells faults of one code apart; `mode` is boost or trim."""

    code: str
    text: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The variables of the UPS, as upsd lists them."""

    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NoReading:
    """Nothing is known: upsd has no fresh data (`stale`), or cannot be reached."""

    why: Literal["stale", "unreachable"]


@dataclass(frozen=True, slots=True)
class Graces:
    """How long nothing may be known before contact counts as lost."""

    stale: timedelta = STALE_GRACE
    unreachable: timedelta = UNREACHABLE_GRACE


DEFAULT_GRACES = Graces()


@dataclass(frozen=True, slots=True)
class Known:
    """What has been said of one UPS. `found` is false until the first reading.

    `away_since` is when readings stopped, `stale_since` since when a server that answers has had no data.
    """

    open: frozenset[Open] = frozenset()
    found: bool = False
    away_since: datetime | None = None
    stale_since: datetime | None = None
    confirmed_at: datetime | None = None
    pulsed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One thing to be said of the UPS; `snapshot`: found on connecting, so nobody saw it change."""

    code: str
    phase: Phase
    native_code: str
    native_text: str = ""
    snapshot: bool = False
    attributes: Mapping[str, float | str] = field(default_factory=dict)


def observe(
    known: Known, answer: Reading | NoReading, now: datetime, graces: Graces = DEFAULT_GRACES
) -> tuple[Known, tuple[Said, ...]]:
    """What is known now, and what there is to say. Total; clears come before raises, else in the catalogue's order.

    The first reading after a start, or after a server was away, is a snapshot: it says the difference to what was known
    and does not replay what may have happened in between.
    """
    match answer:
        case Reading(variables):
            return _read(known, variables, now)
        case NoReading(why):
            return _miss(known, why, now, graces)
        case _:
            assert_never(answer)


def _read(known: Known, variables: Mapping[str, str], now: datetime) -> tuple[Known, tuple[Said, ...]]:
    tokens = frozenset(variables.get("ups.status", "").split())
    if not tokens or "WAIT" in tokens:
        # the driver has not seen the UPS yet: no status is no news
        return known, ()
    snapshot = not known.found or known.away_since is not None
    attributes = readings(variables)
    now_open = frozenset(_conditions(tokens, variables, known.open))
    said = [*_clears(known.open - now_open, tokens), *_raises(now_open - known.open)]
    confirmed_at = known.confirmed_at or now
    if now - confirmed_at >= CONFIRM_EVERY:
        said += _repeats(now_open & known.open)
        confirmed_at = now
    pulsed_at = known.pulsed_at
    if pulsed_at is None or now - pulsed_at >= PULSE_EVERY:
        said.append(Said("STATUS", Phase.PULSE, "STATUS"))
        pulsed_at = now
    complete = (
        replace(
            what,
            snapshot=snapshot and what.phase in (Phase.RAISE, Phase.CLEAR),
            attributes={**attributes, **what.attributes},
        )
        for what in said
    )
    return Known(now_open, found=True, confirmed_at=confirmed_at, pulsed_at=pulsed_at), tuple(complete)


def _miss(
    known: Known, why: Literal["stale", "unreachable"], now: datetime, graces: Graces
) -> tuple[Known, tuple[Said, ...]]:
    away_since = known.away_since or now
    # counted from the server's first answer: after a restart of its machine the driver still takes a moment
    stale_since = (known.stale_since or now) if why == "stale" else None
    lost = now - away_since >= graces.unreachable or (stale_since is not None and now - stale_since >= graces.stale)
    already_told = any(condition.code in _LOST for condition in known.open)
    known = replace(known, away_since=away_since, stale_since=stale_since)
    if already_told or not lost:
        return known, ()
    # the catalogue: contact lost on battery replaces plain lost contact
    on_battery = Open("ON_BATTERY") in known.open
    code = "COMM_LOST_ON_BATTERY" if on_battery else "COMM_LOST"
    native_code = "COMMBAD" if why == "stale" else "NOCOMM"
    return replace(known, open=known.open | {Open(code)}), (Said(code, Phase.RAISE, native_code),)


def _conditions(tokens: frozenset[str], variables: Mapping[str, str], before: frozenset[Open]) -> Iterator[Open]:
    powered = "OL" in tokens and "OB" not in tokens
    unclear = "OL" not in tokens and "OB" not in tokens
    for flag, condition in _BY_FLAG.items():
        if flag in tokens:
            yield Open(condition.code)
    if unclear:
        yield from (condition for condition in before if condition.code in _NEEDS_POWER_STATE)
    if "BOOST" in tokens or "TRIM" in tokens:
        yield Open("AVR_ON", mode="boost" if "BOOST" in tokens else "trim")
    if powered and _discharged(variables, Open("BATTERY_DISCHARGED") in before):
        yield Open("BATTERY_DISCHARGED")
    if _selftest_failed(variables.get("ups.test.result", ""), Open("SELFTEST_FAILED") in before):
        yield Open("SELFTEST_FAILED")
    if "ALARM" in tokens or variables.get("ups.alarm"):
        yield from _alarms(variables.get("ups.alarm", ""))


def _discharged(variables: Mapping[str, str], before: bool) -> bool:  # noqa: FBT001 - what was so before
    charge = _number(variables.get("battery.charge"))
    if charge is None:
        return before
    limit = _number(variables.get("battery.charge.low")) or DEFAULT_LOW_CHARGE_PERCENT
    return charge < limit + (RECHARGED_MARGIN_PERCENT if before else 0)


def _selftest_failed(result: str, before: bool) -> bool:  # noqa: FBT001 - what was so before
    text = result.casefold()
    if "fail" in text or "error" in text:
        return True
    return before and "passed" not in text


def _alarms(text: str) -> Iterator[Open]:
    rest = _PART.sub("", text)
    for known, condition in _BY_ALARM.items():
        pattern = re.compile(re.escape(known), re.IGNORECASE)
        if pattern.search(rest):
            rest = pattern.sub("!", rest)
            yield Open(condition.code)
    # drivers put several alarms side by side, each ending in an exclamation mark
    faults = [" ".join(part.split()).strip("[]() ") for part in rest.split("!")]
    unmapped = [fault[:_MAX_TEXT] for fault in faults if fault][:_MAX_FAULTS]
    yield from (Open("UPS_FAULT", text=fault) for fault in unmapped)
    if not text.strip():
        yield Open("UPS_FAULT", text="alarm without a text")


def _clears(gone: frozenset[Open], tokens: frozenset[str]) -> list[Said]:
    said: dict[tuple[str, str], Said] = {}
    for condition in _in_order(gone):
        spec = CONDITION_BY_CODE[condition.code]
        if spec.clears:
            clear = spec.clears[0]
        elif "OL" in tokens:
            clear = "POWER_RESTORED"
        else:
            clear = "OUTPUT_ON"
        native_code = spec.nut_notify_clear[0] if spec.nut_notify_clear else clear
        if condition.mode:
            native_code = f"NOT{condition.mode.upper()}"
        # one clear may end several conditions: said once
        said.setdefault((clear, condition.text), Said(clear, Phase.CLEAR, native_code, condition.text))
    return list(said.values())


def _raises(come: frozenset[Open]) -> list[Said]:
    return [_about(condition, Phase.RAISE) for condition in _in_order(come)]


def _repeats(still: frozenset[Open]) -> list[Said]:
    return [_about(condition, Phase.REPEAT) for condition in _in_order(still)]


def _about(condition: Open, phase: Phase) -> Said:
    spec = CONDITION_BY_CODE[condition.code]
    native_code = condition.mode.upper() or (spec.nut_notify[0] if spec.nut_notify else condition.code)
    attributes = {"mode": condition.mode} if condition.mode else {}
    return Said(condition.code, phase, native_code, condition.text, attributes=attributes)


_RANK = {condition.code: rank for rank, condition in enumerate(CONDITIONS)}


def _in_order(conditions: frozenset[Open]) -> list[Open]:
    return sorted(conditions, key=lambda condition: (_RANK[condition.code], condition))


_READINGS: Mapping[str, tuple[str, float, float]] = {
    # NUT's variable: our attribute, and the range in which a value is one
    "battery.charge": ("battery_charge_percent", 0, 100),
    "battery.runtime": ("battery_runtime_s", 0, 10_000_000),
    "battery.voltage": ("battery_voltage_v", 0, 10_000),
    "ups.load": ("load_percent", 0, 1_000),
    "input.voltage": ("input_voltage_v", 0, 100_000),
    "output.voltage": ("output_voltage_v", 0, 100_000),
    "input.frequency": ("input_frequency_hz", 0, 1_000),
    "ups.temperature": ("temperature_c", -100, 300),
}


def readings(variables: Mapping[str, str]) -> dict[str, float | str]:
    """The typed attributes of an event that NUT's variables give; what is no number, or none in range, is left out."""
    values: dict[str, float | str] = {}
    for variable, (attribute, lowest, highest) in _READINGS.items():
        value = _number(variables.get(variable))
        if value is not None and lowest <= value <= highest:
            values[attribute] = value
    if status := variables.get("ups.status", "").strip():
        values["status"] = status[:_MAX_TEXT]
    return values


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None

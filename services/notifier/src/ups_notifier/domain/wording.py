"""Words that all mails share: names from outside made harmless, times in the reader's zone, durations, counts."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ups_schemas.catalogue import CONDITION_BY_CODE, OTHER, Severity, Told, name_of

MAX_NAME = 120
MAX_NAME_IN_SUBJECT = 50
_ELLIPSIS = "…"

# Without these two, emoji of several parts and Persian or Indic words fall apart.
_JOINERS = {"\u200c", "\u200d"}
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def clean(text: str, limit: int = MAX_NAME) -> str:
    """One line of `text`: no control, direction or invisible characters, single spaces, at most `limit` characters."""
    kept = "".join(_harmless(character) for character in text[: limit * 8])
    # "=?" begins an encoded word, which mail software decodes wherever it finds one
    line = " ".join(kept.replace("=?", "= ?").split())
    if len(line) <= limit:
        return line
    return _whole_characters(line[: limit - 1]).rstrip() + _ELLIPSIS


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    if category in {"Cf", "Cs"}:
        return character if character in _JOINERS else ""
    return character


def _whole_characters(text: str) -> str:
    """`text` without a joiner or mark that has lost its other half."""
    while text and (text[-1] in _JOINERS or unicodedata.combining(text[-1])):
        text = text[:-1]
    return text


def isolated(text: str) -> str:
    """`text` so that right-to-left letters in it do not turn round what stands beside it."""
    if any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in text):
        return f"{_ISOLATE}{text}{_END_ISOLATE}"
    return text


# Where mail programs see an address in a text, also one written with the dots that browsers take for dots.
_LINKING = re.compile(r"(?<=\S)[.:/@\\\u3002\uff0e\uff61](?=\S)")
_APART = "\u200c"


def unlinked(text: str) -> str:
    """`text` of which no mail program makes a link: an invisible character on both sides of each dot, slash and @."""
    return _LINKING.sub(rf"{_APART}\g<0>{_APART}", text)


def zone_of(name: str) -> ZoneInfo:
    """The reader's time zone; UTC when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`Sun 22 Nov 2026, 18:31:05 (UTC+01:00)` in the reader's zone."""
    local = at.astimezone(zone)
    date = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{date}, {local:%H:%M:%S} ({_offset(local)})"


def time_of_day(at: datetime, day_of: datetime, zone: ZoneInfo) -> str:
    """`18:31:05 (UTC+01:00) = 17:31:05 UTC`, with the date if it is not the day of `day_of`."""
    whole = moment_with_utc(at, zone)
    same_day = at.astimezone(zone).date() == day_of.astimezone(zone).date()
    return whole.partition(", ")[2] if same_day else whole


def beside_in_utc(at: datetime, zone: ZoneInfo) -> str | None:
    """`17:31:05 UTC` to stand beside `moment`, with the date if it is another; none for a reader in UTC."""
    local, utc = at.astimezone(zone), at.astimezone(UTC)
    if not local.utcoffset():
        return None
    date = "" if local.date() == utc.date() else f"{utc.day} {_MONTHS[utc.month - 1]}, "
    return f"{date}{utc:%H:%M:%S} UTC"


def moment_with_utc(at: datetime, zone: ZoneInfo) -> str:
    """Both in one line."""
    utc = beside_in_utc(at, zone)
    return moment(at, zone) + (f" = {utc}" if utc else "")


# Not strftime's: those follow the locale of the process.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _offset(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta(0)).total_seconds()) // 60
    if not minutes:
        return "UTC"
    return f"UTC{'+' if minutes > 0 else '−'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def duration(length: timedelta) -> str:
    """The two largest units: `2 hours 5 minutes`, `45 seconds`."""
    seconds = max(0, round(length.total_seconds()))
    sizes = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    parts: list[str] = []
    for unit, size in sizes:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(count(number, unit))
        elif parts:
            break
    return " ".join(parts[:2]) or "less than a second"


def count(number: int, noun: str) -> str:
    """`1 event`, `6 events`."""
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def times(number: int) -> str:
    """`once`, `twice`, `6 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def severity_word(severity: Severity) -> str:
    """The severity as a heading."""
    return severity.value.capitalize()


def condition_name(code: str, text: str | None = None) -> str:
    """A condition in words, with its own text where that is what tells it from others."""
    name = name_of(code)
    condition = CONDITION_BY_CODE.get(code)
    detail = clean(text) if text else ""
    if not detail or (condition is not None and condition.told_apart_by is Told.CODE):
        return name
    return detail if code == OTHER else f"{name}: {detail}"


def advice_for(code: str) -> str:
    """What to do about a condition; empty when there is nothing to say."""
    condition = CONDITION_BY_CODE.get(code)
    return condition.advice if condition else ""

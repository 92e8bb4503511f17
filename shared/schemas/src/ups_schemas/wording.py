"""How names, times and counts out of messages read to people, in mails and on pages alike."""

import unicodedata
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Not strftime's: those follow the locale of the process.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Without these two, emoji of several parts and Persian or Indic words fall apart.
_JOINERS = {"\u200c", "\u200d"}
_JOINED = "".join(_JOINERS) + " "
_ELLIPSIS = "…"


def one_line(text: str) -> str:
    """`text` from outside made harmless: no control, direction or invisible characters, single spaces.

    Empty where nothing of it would be seen.
    """
    # nearly every name: none of its characters is of a category that `_harmless` changes, and looking at each is slow
    harmless = text if text.isprintable() else "".join(map(_harmless, text))
    line = " ".join(harmless.split())
    return line if line.strip(_JOINED) else ""


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    return "" if category in {"Cf", "Cs"} and character not in _JOINERS else character


def shortened(line: str, limit: int) -> str:
    """At most `limit` characters of it, with an ellipsis where some are left out."""
    return line if len(line) <= limit else _whole_characters(line[: limit - 1]).rstrip() + _ELLIPSIS


def _whole_characters(text: str) -> str:
    """`text` without a joiner or mark that has lost its other half."""
    while text and (text[-1] in _JOINERS or unicodedata.combining(text[-1])):
        text = text[:-1]
    return text


def masked(address: str) -> str:
    """An address that its owner recognises, and nobody can write to."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def zone_of(name: str) -> ZoneInfo:
    """The reader's time zone; UTC when there is none of that name. Whoever calls it depends on `tzdata`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`Sun 22 Nov 2026, 18:31:05 (UTC+01:00)` in the reader's zone."""
    local = at.astimezone(zone)
    on = f"{_DAYS[local.weekday()]} {day(local)} {local.year}"
    return f"{on}, {local:%H:%M:%S} ({_offset(local)})"


def day(local: date) -> str:
    """`22 Nov`."""
    return f"{local.day} {_MONTHS[local.month - 1]}"


def _offset(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta(0)).total_seconds()) // 60
    if not minutes:
        return "UTC"
    return f"UTC{'+' if minutes > 0 else '−'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def in_utc(at: datetime, zone: ZoneInfo) -> str | None:
    """`17:31:05 UTC` to stand beside `moment`, with the date if it is another; none for a reader in UTC."""
    local, utc = at.astimezone(zone), at.astimezone(UTC)
    if not local.utcoffset():
        return None
    on = "" if local.date() == utc.date() else f"{day(utc)}, "
    return f"{on}{utc:%H:%M:%S} UTC"


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

"""Words that pages share: names from outside made harmless, times and durations in the reader's zone."""

import unicodedata
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Not strftime's: those follow the locale of the process.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# Without these two, emoji of several parts and Persian or Indic words fall apart.
_JOINERS = {"\u200c", "\u200d"}
MAX_NAME = 300


def clean(text: str) -> str:
    """One line of `text`, without control, direction and invisible characters, at most `MAX_NAME` characters long."""
    line = " ".join("".join(_harmless(each) for each in text).split())
    return line if len(line) <= MAX_NAME else line[: MAX_NAME - 1].rstrip() + "…"


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    return "" if category in {"Cf", "Cs"} and character not in _JOINERS else character


def zone_of(name: str) -> ZoneInfo:
    """The reader's time zone; UTC when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`Sun 22 Nov 2026, 18:31:05 (UTC+01:00)`, as mails have it."""
    local = at.astimezone(zone)
    offset = int((local.utcoffset() or timedelta(0)).total_seconds()) // 60
    sign = "+" if offset > 0 else "−"
    beside = f"UTC{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}" if offset else "UTC"
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}, {local:%H:%M:%S} ({beside})"


def time_of_day(at: datetime, day_of: datetime, zone: ZoneInfo) -> str:
    """`18:31:05 (UTC+01:00)`, with the date if it is not the day of `day_of`."""
    same_day = at.astimezone(zone).date() == day_of.astimezone(zone).date()
    return moment(at, zone).partition(", ")[2] if same_day else moment(at, zone)


def in_utc(at: datetime, zone: ZoneInfo) -> str | None:
    """`17:31:05 UTC` to stand beside `moment`, with the date if it is another; none for a reader in UTC."""
    local, utc = at.astimezone(zone), at.astimezone(UTC)
    if not local.utcoffset():
        return None
    date = "" if local.date() == utc.date() else f"{utc.day} {_MONTHS[utc.month - 1]}, "
    return f"{date}{utc:%H:%M:%S} UTC"


def roughly(length: timedelta) -> str:
    """A time to wait, in its largest unit: `6 days`, `an hour`, `a few seconds`."""
    seconds = int(length.total_seconds())
    for unit, one, size in (("day", "a day", 86_400), ("hour", "an hour", 3_600), ("minute", "a minute", 60)):
        number = round(seconds / size)
        if number > 1:
            return f"{number} {unit}s"
        if seconds >= size:
            return one
    return "a few seconds"

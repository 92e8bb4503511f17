"""Words that pages share: names from outside, times of a day, and how long to wait."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ups_schemas.wording import moment, one_line, shortened

MAX_NAME = 300
_MAX_SENTENCES = 1500


def clean(text: str) -> str:
    """One line of `text`, without control, direction and invisible characters, at most `MAX_NAME` characters long."""
    return shortened(one_line(text), MAX_NAME)


def long_line(text: str) -> str:
    """The same of some sentences of a service, which may have names in them."""
    return shortened(one_line(text), _MAX_SENTENCES)


def time_of_day(at: datetime, day_of: datetime, zone: ZoneInfo) -> str:
    """`18:31:05 (UTC+01:00)`, with the date if it is not the day of `day_of`."""
    same_day = at.astimezone(zone).date() == day_of.astimezone(zone).date()
    return moment(at, zone).partition(", ")[2] if same_day else moment(at, zone)


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

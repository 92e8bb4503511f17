"""Words that pages share: names from outside, those of conditions, moments, and how long it is until then."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ups_portal.domain.text import Text, isolated
from ups_schemas.catalogue import CODES
from ups_schemas.wording import in_utc, moment, one_line, shortened

MAX_NAME = 300
_MAX_SENTENCES = 1500


def clean(text: str) -> str:
    """One line of `text`, without control, direction and invisible characters, at most `MAX_NAME` characters long."""
    return shortened(one_line(text), MAX_NAME)


def long_line(text: str) -> str:
    """The same of some sentences of a service, which may have names in them."""
    return shortened(one_line(text), _MAX_SENTENCES)


def condition_name(code: str) -> Text:
    """The code in words; an unknown code is its own name."""
    known = CODES.get(code)
    return Text(known.name) if known else Text("{code}", code=isolated(clean(code)))


def local_moment(at: datetime, zone: ZoneInfo) -> Text:
    """`Sun 22 Nov 2026, 18:31:05 (UTC+01:00)` in the reader's zone."""
    day, _, time = moment(at, zone).partition(", ")
    return Text("{day}, {time}", day=_day(day), time=time)


def local_day(on: date) -> Text:
    """`Sun 22 Nov 2026`."""
    return _day(moment(datetime(on.year, on.month, on.day, tzinfo=UTC), ZoneInfo("UTC")).partition(", ")[0])


def _day(words: str) -> Text:
    weekday, day, month, year = words.split(" ")
    return Text("{weekday} {day} {month} {year}", weekday=Text(weekday), day=day, month=Text(month), year=year)


def utc_moment(at: datetime, zone: ZoneInfo) -> Text | str | None:
    """`17:31:05 UTC` to stand beside it, with the date if it is another; none for a reader in UTC."""
    date, _, time = (in_utc(at, zone) or "").rpartition(", ")
    if not date:
        return time or None
    day, month = date.split(" ")
    return Text("{day} {month}, {time}", day=day, month=Text(month), time=time)


def time_of_day(at: datetime, day_of: datetime, zone: ZoneInfo) -> Text | str:
    """`18:31:05 (UTC+01:00)`, with the date if it is not the day of `day_of`."""
    same_day = at.astimezone(zone).date() == day_of.astimezone(zone).date()
    return moment(at, zone).partition(", ")[2] if same_day else local_moment(at, zone)


def roughly(length: timedelta) -> Text:
    """A time to wait, in its largest unit: `6 days`, `an hour`, `a few seconds`."""
    seconds = int(length.total_seconds())
    for size, one, many in (
        (86_400, "a day", "{number} days"),
        (3_600, "an hour", "{number} hours"),
        (60, "a minute", "{number} minutes"),
    ):
        if seconds >= size:
            return Text(one, many, number=round(seconds / size))
    return Text("a few seconds")

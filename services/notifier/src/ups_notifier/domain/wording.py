"""Words that all mails share: names that no mail software misreads, counts, conditions."""

import re
import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo

from ups_schemas.catalogue import CONDITION_BY_CODE, OTHER, Severity, Told, name_of
from ups_schemas.wording import in_utc, moment, one_line, shortened

MAX_NAME = 120
MAX_NAME_IN_SUBJECT = 50
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def clean(text: str, limit: int = MAX_NAME) -> str:
    """`text` as one harmless line of at most `limit` characters, which also mail software leaves as it is."""
    # "=?" begins an encoded word, which mail software decodes wherever it finds one
    return shortened(one_line(text[: limit * 8]).replace("=?", "= ?"), limit)


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


def time_of_day(at: datetime, day_of: datetime, zone: ZoneInfo) -> str:
    """`18:31:05 (UTC+01:00) = 17:31:05 UTC`, with the date if it is not the day of `day_of`."""
    whole = moment_with_utc(at, zone)
    same_day = at.astimezone(zone).date() == day_of.astimezone(zone).date()
    return whole.partition(", ")[2] if same_day else whole


def moment_with_utc(at: datetime, zone: ZoneInfo) -> str:
    """Both in one line."""
    utc = in_utc(at, zone)
    return moment(at, zone) + (f" = {utc}" if utc else "")


def upses(number: int) -> str:
    """`1 UPS`, `7 UPSes`."""
    return f"{number:,} UPS{'' if number == 1 else 'es'}"


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

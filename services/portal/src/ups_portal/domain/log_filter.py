"""Which rows of the Event Log somebody wants to see, as they entered it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ups_portal.domain.text import Text
from ups_schemas.catalogue import CODES, STATUS
from ups_schemas.decision import Outcome

OUTCOMES: Mapping[Outcome, Text] = {
    Outcome.NOTIFY: Text("Mailed"),
    Outcome.DISABLED: Text("One too many: notifications disabled"),
    Outcome.SUPPRESSED: Text("Not mailed: notifications were disabled"),
    Outcome.BELOW_SEVERITY: Text("Not mailed: nobody wants this kind"),
    Outcome.NO_SUBSCRIBER: Text("Not mailed: nobody is subscribed"),
    Outcome.NOT_ENTITLED: Text("Not mailed: not in the plan"),
    Outcome.LATE: Text("Not mailed at once: came late"),
    Outcome.REPEAT: Text("Not mailed again: still so"),
    Outcome.ALREADY_OVER: Text("Not mailed: was over already"),
    Outcome.NO_OPEN_CONDITION: Text("Not mailed: ended nothing that was known"),
    Outcome.NOT_TOLD: Text("Not mailed: its beginning was not told"),
    Outcome.TEST: Text("A test"),
    Outcome.SUSPECT: Text("Not mailed: contradicts its own readings"),
}
_YEARS = range(2000, 3000)  # also the day after the last one is a moment in every zone
_NO_DATE = Text("That is no date. Write it as 2026-11-22.")


@dataclass(frozen=True, slots=True)
class Period:
    """Rows received in `[start, end)`."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Filter:
    """As it was entered; `cursor` leads to older rows. `device` is asked for in the log of the company only."""

    device: str = ""
    code: str = ""
    outcome: str = ""
    first: str = ""
    last: str = ""
    cursor: str = ""

    @property
    def narrows(self) -> bool:
        """Whether any row is left out."""
        return any((self.code, self.outcome, self.first, self.last))

    @property
    def first_fault(self) -> Text | None:
        """What is wrong with the first day."""
        return _NO_DATE if self.first and _day(self.first) is None else None

    @property
    def last_fault(self) -> Text | None:
        """What is wrong with the last day."""
        return _NO_DATE if self.last and _day(self.last) is None else None

    @property
    def good(self) -> bool:
        """Whether rows can be asked for."""
        return not (self.first_fault or self.last_fault)

    def period(self, zone: ZoneInfo) -> Period:
        """From the first day to the last one, both included, as the reader's zone has them."""
        first, last = _day(self.first), _day(self.last)
        return Period(
            _midnight(first, zone) if first else None,
            _midnight(last + timedelta(days=1), zone) if last else None,
        )

    def query(self, cursor: str = "") -> str:
        """It in an address, with the question mark; empty where it asks for all."""
        asked = {
            "code": self.code,
            "outcome": self.outcome,
            "first": self.first,
            "last": self.last,
            "cursor": cursor,
        }
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"?{query}" if query else ""


def entered(values: Mapping[str, str]) -> Filter:
    """The filter in an address; a code or an outcome that there is not is none."""
    code, outcome = values.get("code", ""), values.get("outcome", "")
    return Filter(
        values.get("device", ""),
        code if code in CODES else "",
        outcome if outcome in set(Outcome) else "",
        values.get("first", "").strip()[:20],
        values.get("last", "").strip()[:20],
        values.get("cursor", ""),
    )


def codes() -> tuple[tuple[str, Text], ...]:
    """All codes that leave rows, with what they are called, by that."""
    named = sorted((known.name, code) for code, known in CODES.items() if code != STATUS)
    return tuple((code, Text(name)) for name, code in named)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in _YEARS else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)

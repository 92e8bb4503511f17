"""A row of the Event Log as pages show it: what happened, how long it lasted, and what became of it and its mails."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ups_portal.domain.lasting import lasted
from ups_portal.domain.text import Text, isolated
from ups_portal.domain.wording import condition_name
from ups_schemas.catalogue import CODES, OTHER, Kind, Severity, Told
from ups_schemas.event import Phase
from ups_schemas.mail import MailKind

# Whose a copy is; what is said first is the least.
_OWN, _CO_WORKERS, _OTHERS = range(3)
# Of more people than these a line has only the number.
_NAMED = 5
# A device's clock is told where it differs by so much.
_APART = timedelta(minutes=1)


class End(StrEnum):
    """How a condition ended."""

    CLEARED = "cleared"
    NOT_REPORTED = "not_reported"
    EVICTED = "evicted"
    OWNERSHIP_ENDED = "ownership_ended"


@dataclass(frozen=True, slots=True)
class Opened:
    """A condition that an event opened. `lasted` is known where its end was reported."""

    since: datetime
    end: End | None
    lasted: timedelta | None
    repeats: int


@dataclass(frozen=True, slots=True)
class Copy:
    """One person's copy of a mail, and in device-svc's words what became of it."""

    user_id: str
    kind: str
    fate: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row: names from outside made harmless; `text` says in device-svc's words what was decided."""

    row_id: str
    device_id: str
    at: datetime
    occurred_at: datetime | None
    code: str
    phase: Phase
    severity: Severity
    detail: str
    text: str
    copies: tuple[Copy, ...]
    opened: tuple[Opened, ...]


@dataclass(frozen=True, slots=True)
class Devices:
    """What devices are called: those of the company by `there`, unless nobody can say; removed ones by `named`."""

    there: Mapping[str, str] | None
    named: Mapping[str, str]

    def removed(self, device_id: str) -> bool:
        """Whether it surely is not there any more."""
        return self.there is not None and device_id not in self.there

    def called(self, device_id: str) -> Text:
        """Its name, as far as that is known, and that it was removed."""
        name = (self.there or {}).get(device_id) or self.named.get(device_id)
        if self.removed(device_id):
            return Text("{name} (removed)", name=isolated(name)) if name else Text("A UPS that was removed")
        return Text("{name}", name=isolated(name)) if name else Text("A UPS")


@dataclass(frozen=True, slots=True)
class Mailed:
    """What became of the copies of one person, or of several of whom the same is so."""

    who: Text
    fate: str


@dataclass(frozen=True, slots=True)
class ShownRow:
    """The row. `look` is the colour of its badge, `by_its_clock` the device's own time where that is another one.

    `removed`: the device is not there any more, and has no page.
    """

    row_id: str
    device_id: str
    device: Text
    removed: bool
    at: datetime
    by_its_clock: datetime | None
    look: str
    badge: Text
    name: Text
    text: str
    lasting: tuple[Text, ...]
    mails: tuple[Mailed, ...]


_BADGES = {
    Severity.CRITICAL: Text("Critical"),
    Severity.WARNING: Text("Warning"),
    Severity.INFO: Text("Information"),
}
_OVER = Text("Over")
_ENDS = {
    End.CLEARED: Text("It is over."),
    End.NOT_REPORTED: Text("Its end was never reported."),
    End.EVICTED: Text("Too much else began, so its end was not waited for."),
    End.OWNERSHIP_ENDED: Text("Its end was not waited for: the UPS got another owner, or was removed."),
}


def shown(row: Row, devices: Devices, people: Mapping[str, str], user_id: str, now: datetime) -> ShownRow:
    """The row for this person. `people` are the names in their company, as far as they are known."""
    is_over = row.phase is Phase.CLEAR
    apart = row.occurred_at is not None and abs(row.at - row.occurred_at) >= _APART
    return ShownRow(
        row.row_id,
        row.device_id,
        devices.called(row.device_id),
        devices.removed(row.device_id),
        row.at,
        row.occurred_at if apart else None,
        "over" if is_over else row.severity.value,
        _OVER if is_over else _BADGES[row.severity],
        happened(row.code, row.phase, row.detail),
        row.text,
        tuple(said for opened in row.opened for said in _lasting(opened, now)),
        tuple(_mails(row.copies, people, user_id)),
    )


def happened(code: str, phase: Phase, detail: str) -> Text:
    """What happened; `detail` is what the device called it, which is said where the code does not tell."""
    name, known = condition_name(code), CODES.get(code)
    if detail and (code.startswith(OTHER) or (known and known.told_apart_by is Told.TEXT)):
        name = Text("{name}: {detail}", name=name, detail=isolated(detail))
    if phase is Phase.REPEAT:
        return Text("{name}, still", name=name)
    if phase is Phase.CLEAR and not (known and known.kind is Kind.CLEAR):
        return Text("{name}, ended", name=name)
    return name


def _lasting(opened: Opened, now: datetime) -> Iterable[Text]:
    if opened.end is None:
        yield Text("It has lasted {length} so far.", length=lasted(now - opened.since))
    elif opened.lasted is not None:
        yield Text("It lasted {length}.", length=lasted(opened.lasted))
    else:
        yield _ENDS[opened.end]
    if opened.repeats:
        yield Text("It was reported once more.", "It was reported {number} times more.", number=opened.repeats)


def _mails(copies: Iterable[Copy], people: Mapping[str, str], user_id: str) -> Iterable[Mailed]:
    """One's own first, then co-workers by name, then those who are not among them any more."""
    alike: dict[tuple[int, bool, str], list[str]] = defaultdict(list)
    for copy in copies:
        whose = _OWN if copy.user_id == user_id else _CO_WORKERS if copy.user_id in people else _OTHERS
        alike[whose, copy.kind == MailKind.DISABLED, copy.fate].append(people.get(copy.user_id, ""))
    for (whose, alert, fate), names in sorted(alike.items()):
        yield Mailed(_to(whose, alert, sorted(names, key=str.casefold)), fate)


def _to(whose: int, alert: bool, names: Sequence[str]) -> Text:  # noqa: FBT001 - a table of words
    number = len(names)
    match whose, alert:
        case 0, True:
            return Text("The alert to you")
        case 0, False:
            return Text("The mail to you")
        case 1, True if number <= _NAMED:
            return Text("The alert to {names}", names=_listed(names))
        case 1, False if number <= _NAMED:
            return Text("The mail to {names}", names=_listed(names))
        case _, True:
            return Text("The alert to a co-worker", "The alerts to {number} co-workers", number=number)
        case _:
            return Text("The mail to a co-worker", "The mails to {number} co-workers", number=number)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(isolated(name) for name in names)

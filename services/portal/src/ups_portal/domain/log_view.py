"""The Event Log, of the company or of one UPS: a page of it, and what to look for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ups_portal.domain.log_filter import OUTCOMES, Filter, codes
from ups_portal.domain.log_row import Devices, Row, ShownRow, shown
from ups_portal.domain.text import Text, isolated

Options = tuple[tuple[str, Text | str], ...]


@dataclass(frozen=True, slots=True)
class LogPage:
    """Rows, newest first, and what their devices are called, also removed ones; `cursor` leads to older ones."""

    rows: Sequence[Row]
    names: Mapping[str, str]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and when; `people` are the names in their company, as far as they are known."""

    user_id: str
    now: datetime
    people: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogView:
    """The page at `path`; in `query`, what was looked for. No `rows`: they cannot be shown just now, or not asked for.

    `device` is the one whose log it is. `devices` can be chosen in the company's.
    """

    title: Text
    path: str
    device: str
    rows: tuple[ShownRow, ...] | None
    filter: Filter
    query: str
    older: str | None
    devices: Options
    codes: Options
    outcomes: Options


_ALL = ("", Text("All"))


def company_view(
    page: LogPage | None, names: Mapping[str, str] | None, filter_: Filter, reader: Reader, path: str
) -> LogView:
    """The company's; `names` are those of its devices."""
    devices = sorted((names or {}).items(), key=lambda each: (each[1].casefold(), each[0]))
    options = tuple((device_id, isolated(name)) for device_id, name in devices)
    return _view(Text("Event Log"), "", page, names, filter_, reader, path, (_ALL, *options))


def device_view(
    page: LogPage | None, device_id: str, name: str | None, filter_: Filter, reader: Reader, path: str
) -> LogView:
    """That of one UPS."""
    title = Text("Event Log of {name}", name=isolated(name)) if name else Text("Event Log of a UPS")
    names = None if name is None else {device_id: name}
    return _view(title, device_id, page, names, filter_, reader, path, ())


def _view(
    title: Text,
    device: str,
    page: LogPage | None,
    names: Mapping[str, str] | None,
    filter_: Filter,
    reader: Reader,
    path: str,
    devices: Options,
) -> LogView:
    called = Devices(names, page.names if page else {})
    people, now = reader.people, reader.now
    return LogView(
        title,
        path,
        device,
        None if page is None else tuple(shown(row, called, people, reader.user_id, now) for row in page.rows),
        filter_,
        filter_.query(),
        filter_.query(page.cursor) if page and page.cursor else None,
        devices,
        (_ALL, *codes()),
        (_ALL, *((outcome.value, label) for outcome, label in OUTCOMES.items())),
    )

"""The Event Log at device-svc: implements `Log`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from ups_portal.adapters.backend import Answer, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.domain.log_filter import Filter, Period
from ups_portal.domain.log_row import Copy, End, Opened, Row
from ups_portal.domain.log_view import LogPage
from ups_portal.domain.wording import clean
from ups_schemas.catalogue import Severity
from ups_schemas.event import Phase
from ups_schemas.wording import one_line, shortened

Text = Annotated[str, StringConstraints(max_length=20_000)]

# Some 40 KiB of HTML: two screens of a desk, and read in one go.
PAGE = 50
# Five names of 300 characters, and what was decided twice.
_MAX_TEXT = 3000


class _Event(Answer):
    device_id: Text
    received_at: AwareDatetime
    occurred_at: AwareDatetime | None = None
    code: Text
    phase: Phase
    severity: Severity
    native_code: Text | None = None
    native_text: Text | None = None


class _Decision(Answer):
    severity: Severity


class _Mail(Answer):
    user_id: Text
    kind: Text
    text: Text


class _Condition(Answer):
    since: AwareDatetime
    end: End | None = None
    duration_s: Annotated[float, Field(ge=0, le=1e10, allow_inf_nan=False)] | None = None
    repeats: int = 0


class _Row(Answer):
    row_id: Text
    event: _Event
    decision: _Decision | None = None
    mails: tuple[_Mail, ...] = ()
    conditions: tuple[_Condition, ...] = ()
    text: Text


class _Page(Answer):
    events: tuple[_Row, ...]
    device_names: Mapping[Text, Text] = {}
    cursor: Text | None = None


class _Device(Answer):
    name: Text


class LogClient:
    """Asks for one request."""

    def __init__(self, device_svc: Bearer) -> None:
        self._device_svc = device_svc

    async def of_company(self, filter_: Filter, period: Period) -> LogPage:
        """A page of the log of all UPSes."""
        return await self._page("read log", "/v1/events", filter_, period)

    async def of_device(self, device_id: str, filter_: Filter, period: Period) -> LogPage:
        """A page of the log of this one."""
        return await self._page("read device log", log_of(device_id), filter_, period)

    async def name(self, device_id: str) -> str:
        """What it is called."""
        device = await self._device_svc.get("look at device", path_to("v1", "devices", device_id), _Device)
        return clean(device.name)

    async def _page(self, call: str, path: str, filter_: Filter, period: Period) -> LogPage:
        query = narrowed(filter_, period) | {"limit": str(PAGE)}
        query |= {"cursor": filter_.cursor} if filter_.cursor else {}
        page = await self._device_svc.get(call, path, _Page, query)
        names = {device_id: clean(name) for device_id, name in page.device_names.items()}
        return LogPage(tuple(map(_of, page.events)), names, page.cursor)


def log_of(device_id: str) -> str:
    """Where the log of this UPS is."""
    return path_to("v1", "devices", device_id, "events")


def narrowed(filter_: Filter, period: Period) -> dict[str, str]:
    """The query for rows that fit."""
    asked = {"code": filter_.code, "outcome": filter_.outcome, "from": _said(period.start), "to": _said(period.end)}
    return {name: value for name, value in asked.items() if value}


def _said(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _of(row: _Row) -> Row:
    event = row.event
    return Row(
        row.row_id,
        event.device_id,
        event.received_at,
        event.occurred_at,
        event.code,
        event.phase,
        (row.decision or event).severity,
        clean(event.native_text or event.native_code or ""),
        shortened(one_line(row.text), _MAX_TEXT),
        tuple(Copy(each.user_id, each.kind, clean(each.text)) for each in row.mails),
        tuple(
            Opened(
                each.since,
                each.end,
                None if each.duration_s is None else timedelta(seconds=each.duration_s),
                each.repeats,
            )
            for each in row.conditions
        ),
    )

"""What became of one UPS, at device-svc: implements `Past`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import Field, StringConstraints

from ups_portal.adapters.backend import Answer, path_to
from ups_portal.adapters.bearer import Bearer
from ups_portal.domain.timeline import Span
from ups_portal.domain.timeline_view import Condition, Period, Reading, Told
from ups_portal.domain.wording import clean
from ups_schemas.catalogue import Severity

Text = Annotated[str, StringConstraints(max_length=2000)]
Number = Annotated[float, Field(allow_inf_nan=False)]

# As many as device-svc gives at once.
_MOST = 500
# Rows are some 2 KiB, and more where many are mailed: 200 stay far below what is read of an answer.
_ROWS = 200
# Together 1,000 of each: more is not seen in a picture, and would hold up the page.
_CONDITION_PAGES, _ROW_PAGES = 2, 5


class _Device(Answer):
    name: Text


class _Page(Answer):
    cursor: Text | None = None


P = TypeVar("P", bound=_Page)


class _Condition(Answer):
    code: Text
    text: Text | None = None
    severity: Severity
    since: datetime
    ended_at: datetime | None = None
    end: Text | None = None
    repeats: int
    confirmed_at: datetime


class _Conditions(_Page):
    conditions: tuple[_Condition, ...]


class _Period(Answer):
    since: datetime
    until: datetime
    enabled_at: datetime | None = None


class _Periods(_Page):
    periods: tuple[_Period, ...]


class _Attributes(Answer):
    battery_charge_percent: Number | None = None
    battery_voltage_v: Number | None = None
    input_voltage_v: Number | None = None
    output_voltage_v: Number | None = None


class _Event(Answer):
    received_at: datetime
    attributes: _Attributes = _Attributes()


class _Row(Answer):
    event: _Event


class _Rows(_Page):
    events: tuple[_Row, ...]


class TimelineClient:
    """Asks about one UPS for one request."""

    def __init__(self, device_svc: Bearer, device_id: str) -> None:
        self.device_id = device_id
        self._device_svc = device_svc

    async def name(self) -> str:
        """What it is called."""
        return clean((await self._device_svc.get("look at device", self._path(), _Device)).name)

    async def conditions(self, span: Span) -> Told[Condition]:
        """What was wrong, the newest 1,000."""
        query = _within(span, _MOST)
        pages = await self._pages("list conditions", self._path("conditions"), _Conditions, query, _CONDITION_PAGES)
        return Told(tuple(_condition(each) for page in pages for each in page.conditions), pages[-1].cursor is None)

    async def periods(self, span: Span) -> Told[Period]:
        """When notifications were disabled, of the newest 500."""
        path, query = self._path("notifications", "periods"), {"limit": str(_MOST)}
        page = await self._device_svc.get("list periods", path, _Periods, query)
        told = [Period(each.since, each.until, each.enabled_at) for each in page.periods]
        seen = tuple(each for each in told if each.end > span.start and each.since < span.end)
        return Told(seen, page.cursor is None or len(seen) < len(told))

    async def readings(self, span: Span) -> Told[Reading]:
        """What the newest 1,000 events carried; those that carried nothing are left out."""
        pages = await self._pages("list readings", self._path("events"), _Rows, _within(span, _ROWS), _ROW_PAGES)
        told = [_reading(row.event) for page in pages for row in page.events]
        return Told(tuple(each for each in told if each), pages[-1].cursor is None)

    async def _pages(self, call: str, path: str, shape: type[P], query: Mapping[str, str], most: int) -> list[P]:
        pages = [await self._device_svc.get(call, path, shape, query)]
        while (cursor := pages[-1].cursor) is not None and len(pages) < most:
            pages.append(await self._device_svc.get(call, path, shape, {**query, "cursor": cursor}))
        return pages

    def _path(self, *parts: str) -> str:
        return path_to("v1", "devices", self.device_id, *parts)


def _within(span: Span, limit: int) -> Mapping[str, str]:
    return {"limit": str(limit), "from": span.start.isoformat(), "to": span.end.isoformat()}


def _condition(told: _Condition) -> Condition:
    return Condition(
        clean(told.code),
        clean(told.text or ""),
        told.severity,
        told.since,
        told.ended_at,
        told.end,
        told.confirmed_at,
        told.repeats,
    )


def _reading(event: _Event) -> Reading | None:
    said = event.attributes
    values = (said.battery_charge_percent, said.battery_voltage_v, said.input_voltage_v, said.output_voltage_v)
    return Reading(event.received_at, *values) if any(value is not None for value in values) else None

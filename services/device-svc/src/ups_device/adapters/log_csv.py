"""The Event Log as a table for spreadsheets: all rows that fit, page after page, as CSV (RFC 4180)."""

import csv
import io
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from ups_device.domain.condition import Condition
from ups_device.domain.event_log import Query, Row
from ups_device.domain.mail import Copy
from ups_device.handlers.event_log import EventLog
from ups_runtime.accept import prefers
from ups_runtime.errors import Refused
from ups_runtime.streaming import Seats, Streamed
from ups_schemas.envelope import format_timestamp
from ups_schemas.ids import DeviceId, UserId
from ups_schemas.telling import Words

MEDIA_TYPE = "text/csv"

# A page is in memory and takes 10 ms to write, in which nobody else is answered; halved, half as many rows a second.
PAGE = 200
# What one person, and all, download at once: 100 MiB of pages and buffers at the most.
EACH, IN_ALL = 3, 50

COLUMNS = (
    "received_at",
    "occurred_at",
    "device_id",
    "device",
    "code",
    "phase",
    "severity",
    "native_code",
    "native_text",
    "outcome",
    "reason",
    "decided_at",
    "count",
    "recipients",
    "mails",
    "late_mailed_at",
    "ended_at",
    "end",
    "duration_s",
    "repeats",
    "text",
    "event_id",
    "attributes",
)

# What spreadsheets take for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

Check = Callable[[], Awaitable[object]]


class Devices(Protocol):
    """How devices are called."""

    async def names(self, device_ids: Collection[DeviceId]) -> Mapping[DeviceId, str]:
        """The names of these devices, also of removed ones; unknown ones are left out."""


def wants_csv(accept: str) -> bool:
    """Whether the Accept header asks for a table rather than for JSON."""
    return prefers(accept, MEDIA_TYPE, "application/json")


def require_whole(asked: Collection[str]) -> None:
    """Refuse a page of a table; `asked` names what the request says.

    Raises:
        Refused: it does.
    """
    if paged := sorted({"cursor", "limit"} & set(asked)):
        raise Refused("csv-is-whole", "A table has all rows that fit: leave out limit and cursor.", paged[0])


class LogCsv:
    """Makes tables of the log."""

    def __init__(self, log: EventLog, devices: Devices, *, now: Callable[[], datetime]) -> None:
        self._log = log
        self._devices = devices
        self._now = now
        self._seats = Seats(EACH, IN_ALL)

    async def answer(self, query: Query, words: Words, user_id: UserId | None, about: str, check: Check) -> Streamed:
        """All rows that fit now, newest first, in these words. `check` raises when the caller may not read on.

        Raises:
            TooMany: the person, or everybody, downloads as much as one may.
        """
        leave = self._seats.take(user_id or "operator")
        query = replace(query, limit=PAGE)
        try:
            first = await self._log.page(query)
        except BaseException:
            leave()
            raise
        name = "".join(each if each.isalnum() or each in "-_" else "-" for each in about)
        headers = {
            "content-type": f"{MEDIA_TYPE}; charset=utf-8; header=present",
            "content-disposition": f'attachment; filename="event-log-{name}-{self._now():%Y-%m-%d}.csv"',
            "vary": "Accept",
        }
        return Streamed(self._parts(query, first, words, check), leave, headers=headers)

    async def _parts(
        self, query: Query, rows: Sequence[Row], words: Words, check: Check
    ) -> AsyncGenerator[bytes, None]:
        names: dict[DeviceId, str] = {}
        yield _written([COLUMNS])
        while rows:
            if new := {row.event.device_id for row in rows} - names.keys():
                names |= dict.fromkeys(new, "") | dict(await self._devices.names(new))
            yield _written([_cells(row, names[row.event.device_id], words) for row in rows])
            if len(rows) < query.limit:
                return
            await check()
            rows = await self._log.page(replace(query, after=rows[-1].position))


def _cells(row: Row, name: str, words: Words) -> Sequence[str]:
    event, decision = row.event, row.decision
    count = decision.count if decision else None
    late_mail = row.late_mail
    return [
        format_timestamp(event.received_at),
        format_timestamp(event.occurred_at) if event.occurred_at else "",
        event.device_id,
        name,
        event.code,
        event.phase.value,
        (decision or event).severity.value,
        event.native_code or "",
        event.native_text or "",
        decision.outcome.value if decision else "",
        decision.reason.value if decision and decision.reason else "",
        format_timestamp(decision.effective_at) if decision else "",
        f"{count.position} of {count.limit}" if count else "",
        str(len(decision.recipients)) if decision else "",
        _fates(row.mails),
        format_timestamp(late_mail.effective_at) if late_mail else "",
        *_course(row.conditions[0] if row.conditions else None),
        words.row(decision, late_mail, row.confirmed.since if row.confirmed else None),
        event.event_id,
        event.attributes.model_dump_json(exclude_none=True),
    ]


def _fates(mails: Sequence[Copy]) -> str:
    counts = Counter(copy.state.value if copy.state else "pending" for copy in mails)
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


def _course(opened: Condition | None) -> Sequence[str]:
    """How the condition that the event opened went on: an event is about one, and opens it or none."""
    if opened is None:
        return ["", "", "", ""]
    return [
        format_timestamp(opened.ended_at) if opened.ended_at else "",
        opened.end.value if opened.end else "",
        "" if opened.duration_s is None else f"{opened.duration_s:.0f}",
        str(opened.repeats),
    ]


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([_defused(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _defused(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell

"""The Event Log of a company, as device-svc has it over HTTP for who is signed in."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from ups_portal.testing.problems import Json, problem

RECEIVED = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


def a_row(number: int, outcome: str = "notify", **others: Any) -> Json:  # Any: JSON
    """A row of *Rack 1*, so many minutes before `RECEIVED`; `others` stand in its event, or beside it."""
    at = RECEIVED - timedelta(minutes=number)
    event = {
        "device_id": "d-1",
        "received_at": at.isoformat(),
        "occurred_at": at.isoformat(),
        "code": "ON_BATTERY",
        "phase": "raise",
        "severity": "critical",
        "native_code": None,
        "native_text": None,
    }
    row: Json = {
        "row_id": f"r-{number}",
        "event": event,
        "decision": {"severity": others.get("severity", "critical"), "outcome": outcome},
        "mails": [],
        "conditions": [],
        "text": "Mailed to Ada Byron (1 of 6 in 30 minutes).",
    }
    for name, value in others.items():
        (event if name in event else row)[name] = value
    return row


def a_mail(user_id: str, text: str = "the mail server took it", kind: str = "event") -> Json:
    """What became of one person's copy."""
    return {"user_id": user_id, "kind": kind, "text": text}


def a_condition(end: str | None = None, duration_s: float | None = None, repeats: int = 0) -> Json:
    """A condition that an event opened."""
    return {"since": RECEIVED.isoformat(), "end": end, "duration_s": duration_s, "repeats": repeats}


@dataclass
class FakeLog:
    """What is so. A cursor is how many rows are newer; the stream tells `news`, and ends unless it is `held` open.

    `removed` are the names of devices that are not there any more.
    """

    rows: list[Json] = field(default_factory=list)
    removed: dict[str, str] = field(default_factory=dict)
    failing: int | None = None
    most_counted: int = 1_000_000
    asked: list[Mapping[str, str]] = field(default_factory=list)
    news: list[Json] = field(default_factory=list)
    held: bool = False
    followers: int = 0
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, row: Json) -> None:
        """Have something happen."""
        self.rows.insert(0, row)
        self.news.append(row)
        self.stirred.set()
        self.stirred = asyncio.Event()

    def stream(self, request: Request) -> Response:
        """What is new, from the position on that the request has."""
        query = dict(request.query_params)
        self.asked.append(query)
        if self.failing is not None:
            return problem(self.failing, "too-many-open", headers={"Retry-After": "30"})
        since, _, rest = query.get("last_event_id", f"{len(self.news)}.0").partition(".")
        told = int(since) if since.isdecimal() and rest == "0" else None
        parts = self._told(told if self.held else 0, query.get("device_id"))
        return StreamingResponse(parts, media_type="text/event-stream")

    async def _told(self, told: int | None, device_id: str | None) -> AsyncIterator[str]:
        self.followers += 1
        try:
            yield "retry: 100\n\n"
            if told is None:
                told = len(self.news)
                yield f"id: {told}.0\nevent: reset\ndata: {{}}\n\n"
            while True:
                stirred = self.stirred
                for number, row in enumerate(self.news[told:], start=told + 1):
                    if device_id in {None, row["event"]["device_id"]}:
                        yield f"id: {number}.0\nevent: row\ndata: {json.dumps(row)}\n\n"
                told = len(self.news)
                if not self.held:
                    return
                await stirred.wait()
        finally:
            self.followers -= 1

    def answer(self, request: Request, names: Mapping[str, str], device_id: str | None = None) -> Response:
        """The answer to who may read. `names` are those of the devices that are there."""
        query = dict(request.query_params)
        self.asked.append(query)
        is_table = request.headers.get("accept") == "text/csv"
        # only tables and streams are counted
        if self.failing is not None and (is_table or self.failing != HTTPStatus.TOO_MANY_REQUESTS):
            return problem(self.failing, "unavailable", headers={"Retry-After": "30"})
        rows = [row for row in self.rows if device_id in {None, row["event"]["device_id"]} and _fits(row, query)]
        if is_table:
            table = "".join(f"{row['event']['received_at']},{row['event']['code']}\r\n" for row in rows)
            named = {"content-disposition": 'attachment; filename="event-log-c-1-2026-11-22.csv"'}
            return PlainTextResponse(f"received_at,code\r\n{table}", headers=named, media_type="text/csv")
        cursor = query.get("cursor", "0")
        if not cursor.isdecimal():
            return problem(422, "invalid-cursor", field="cursor")
        start, limit = int(cursor), int(query.get("limit", "100"))
        end = start + limit
        page, more = rows[start:end], str(end) if end < len(rows) else None
        called = {**self.removed, **names}
        device_names = {each: called[each] for row in page if (each := row["event"]["device_id"]) in called}
        return JSONResponse({"events": page, "device_names": device_names, "cursor": more})

    def counts(self, request: Request) -> Response:
        """How many rows there are of each day and code: as far as they are no more than `most_counted`."""
        query = request.query_params
        self.asked.append(dict(query))
        if self.failing is not None:
            return problem(self.failing, "unavailable", headers={"Retry-After": "30"})
        first, last = date.fromisoformat(query["first"]), date.fromisoformat(query["last"])
        happened = [(_day_of(row, ZoneInfo(query["zone"])), row["event"]["code"]) for row in self.rows]
        within = sorted(((on, code) for on, code in happened if first <= on <= last), reverse=True)
        whole = len(within) <= self.most_counted
        first = first if whole else within[self.most_counted][0] + timedelta(days=1)
        dates = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        codes = {each: Counter(code for on, code in within if on == each) for each in dates}
        days = [{"day": f"{on}", "events": counts.total(), "events_by_code": counts} for on, counts in codes.items()]
        return JSONResponse({"zone": query["zone"], "whole": whole, "days": days})


def _day_of(row: Json, zone: ZoneInfo) -> date:
    return datetime.fromisoformat(row["event"]["received_at"]).astimezone(zone).date()


def _fits(row: Json, query: Mapping[str, str]) -> bool:
    event, decision = row["event"], row["decision"] or {}
    at = event["received_at"]
    return (
        query.get("code", event["code"]) == event["code"]
        and query.get("outcome", decision.get("outcome")) == decision.get("outcome")
        and query.get("from", at) <= at
        and (query.get("to") is None or at < query["to"])
    )

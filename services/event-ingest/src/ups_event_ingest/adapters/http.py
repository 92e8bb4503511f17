"""`POST /v1/events`: who may send, how much, and what became of each event."""

import asyncio
import gc
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pydantic_core
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, SecretStr
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ups_event_ingest.domain.acceptance import MAX_EVENT_BYTES, from_json, parse
from ups_event_ingest.domain.rate import RateLimit
from ups_event_ingest.domain.refusal import Reason, Refusal
from ups_event_ingest.handlers import Arrival, Authenticator, Ingest, Unavailable, Verdict, Way
from ups_event_ingest.metrics import IngestMetrics
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.http import (
    RETRY_AFTER_S,
    Problem,
    ProblemError,
    create_app,
    operator_only,
    problem_response,
    problem_type,
)
from ups_schemas.envelope import Timestamp
from ups_schemas.event import RawEvent

MAX_EVENTS = 1000
MAX_BODY_BYTES = 8 * 1024 * 1024
# a full body over 2 Mbit/s; longer and a few slow senders hold all the memory there is for bodies
READ_BODY_WITHIN_S = 30

CONTENT_TYPE = "application/json"


class ItemResult(BaseModel):
    """What became of one event: stored under this id at this time, or the problem with it."""

    index: int = Field(description="its place in the array, from 0; 0 for a single event")
    status: Literal["accepted", "rejected"]
    event_id: str | None = None
    received_at: Timestamp | None = None
    problem: Problem | None = None


class Receipt(BaseModel):
    """What became of the events of a request, in their order. The accepted ones are stored."""

    accepted: int
    rejected: int
    results: list[ItemResult]


class BodyBudget:
    """The memory that all request bodies together may take."""

    def __init__(self, limit_bytes: int, on_change: Callable[[int], None]) -> None:
        self._limit_bytes = limit_bytes
        self._on_change = on_change
        self._held_bytes = 0

    def hold(self, size_bytes: int) -> bool:
        """Hold so much more, if there is room."""
        if self._held_bytes + size_bytes > self._limit_bytes:
            return False
        self._held_bytes += size_bytes
        self._on_change(self._held_bytes)
        return True

    def release(self, size_bytes: int) -> None:
        """Give so much back."""
        self._held_bytes -= size_bytes
        self._on_change(self._held_bytes)


@dataclass(frozen=True)
class EventsEndpoint:
    """The request, step by step; each step may end it with a problem."""

    authenticator: Authenticator
    ingest: Ingest
    rate_limit: RateLimit
    budget: BodyBudget
    clock: Clock
    metrics: IngestMetrics
    make_id: Callable[[], str]
    read_body_within_s: float = READ_BODY_WITHIN_S

    async def post(self, request: Request) -> JSONResponse:
        """Answer one request.

        1. Who sends? Before anything of the body is read.
        2. May this key send now, and is it JSON? It counts as one event, also if none of it is good.
        3. Read the body, within the memory that there is.
        4. Count the other events against the key's rate.
        5. Accept them; the answer comes after the brokers' acknowledgement.
        """
        try:
            return await self._answer(request)
        except Retryable as error:
            self.metrics.request_refused("unavailable")
            raise ProblemError(
                503,
                "unavailable",
                "Events cannot be taken right now. Send them again, under the same ids.",
                str(error) if isinstance(error, Unavailable) else None,
                headers={"Retry-After": str(RETRY_AFTER_S)},
            ) from error
        except ProblemError as error:
            self.metrics.request_refused(error.problem.type.rpartition(":")[2])
            raise
        except HTTPException:
            self.metrics.request_refused("too-large")
            raise

    async def _answer(self, request: Request) -> JSONResponse:
        key = _bearer(request)
        sender = await self.authenticator.by_key(key, self.clock.now())  # 1
        if sender is None:
            raise ProblemError(
                401,
                "unauthenticated",
                "This needs the key of a device or gateway.",
                "Send it as `Authorization: Bearer rt_….…`; a lost or revoked key is replaced by a new one.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        key_id = key.partition(".")[0]
        self._count(key_id, 1)  # 2
        _check_content_type(request)
        held = _Held(self.budget)
        try:
            body = await self._read(request, held)  # 3
            single, items = _events(body)
            self._count(key_id, len(items) - 1)  # 4
            arrival = Arrival(Way.HTTP, self.clock.now(), self.make_id)
            verdicts = await self.ingest.accept(sender, items, arrival)  # 5
        finally:
            held.release()
        return _receipt(verdicts, single=single)

    def _count(self, key_id: str, events: int) -> None:
        now = self.clock.monotonic()
        wait_s = self.rate_limit.wait_s(key_id, events, now)
        if wait_s > 0:
            raise ProblemError(
                429,
                "rate-limited",
                "This key sends too many events. None of this request was taken.",
                headers={"Retry-After": str(math.ceil(wait_s))},
            )
        self.rate_limit.take(key_id, events, now)

    async def _read(self, request: Request, held: "_Held") -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self.read_body_within_s):
                async for chunk in request.stream():
                    held.add(len(chunk))
                    body += chunk
        except TimeoutError:
            raise ProblemError(
                408,
                "too-slow",
                f"The body did not arrive within {self.read_body_within_s:g} s.",
                headers={"Connection": "close"},
            ) from None
        except ClientDisconnect:
            raise ProblemError(400, "incomplete", "The connection closed before the body was complete.") from None
        return bytes(body)


class _Held:
    """What one request holds of the budget."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._held_bytes = 0

    def add(self, size_bytes: int) -> None:
        if not self._budget.hold(size_bytes):
            raise Unavailable("Too many large requests are being handled at once.")
        self._held_bytes += size_bytes

    def release(self) -> None:
        self._budget.release(self._held_bytes)


def _bearer(request: Request) -> str:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else ""


def _check_content_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").lower()
    if media_type != CONTENT_TYPE or encoding != "identity":
        raise ProblemError(
            415,
            "unsupported-media-type",
            f"Events are taken as {CONTENT_TYPE}, not compressed.",
            field="content-type" if media_type != CONTENT_TYPE else "content-encoding",
            headers={"Accept": CONTENT_TYPE},
        )


def _events(body: bytes) -> tuple[bool, list[object]]:
    """Whether it is a single event, and the events, parsed: what JSON makes of a body takes up to 30 times as much."""
    # JSON has no cycles, and looking for some among the millions of lists of one body held the loop for 4 s.
    gc.disable()
    try:
        return _parsed(body)
    except ValueError as error:
        raise ProblemError(422, "invalid-json", "The body is not JSON.", str(error), "body") from None
    finally:
        gc.enable()


def _parsed(body: bytes) -> tuple[bool, list[object]]:
    value = from_json(body)
    if not isinstance(value, list):
        return True, [_TOO_LARGE if len(body) > MAX_EVENT_BYTES else parse(value)]
    if not value:
        raise ProblemError(422, "no-events", "The array has no events.", field="body")
    if len(value) > MAX_EVENTS:
        raise ProblemError(
            413, "too-many-events", f"A request has at most {MAX_EVENTS} events.", f"This one has {len(value)}.", "body"
        )
    may_be_too_large = len(body) > MAX_EVENT_BYTES
    return False, [
        _TOO_LARGE if may_be_too_large and len(pydantic_core.to_json(item)) > MAX_EVENT_BYTES else parse(item)
        for item in value
    ]


_TOO_LARGE = Refusal(Reason.TOO_LARGE, f"An event has at most {MAX_EVENT_BYTES} bytes.")


def _receipt(verdicts: list[Verdict], *, single: bool) -> JSONResponse:
    refusals = [(index, verdict) for index, verdict in enumerate(verdicts) if isinstance(verdict, Refusal)]
    if len(refusals) == len(verdicts):
        return problem_response(_problem(refusals[0][1]) if single else _none_accepted(refusals))
    results = [_result(index, verdict) for index, verdict in enumerate(verdicts)]
    receipt = Receipt(accepted=len(verdicts) - len(refusals), rejected=len(refusals), results=results)
    return JSONResponse(receipt.model_dump(mode="json", exclude_none=True), 202)


def _result(index: int, verdict: Verdict) -> ItemResult:
    if isinstance(verdict, Refusal):
        return ItemResult(index=index, status="rejected", problem=_problem(verdict))
    return ItemResult(index=index, status="accepted", event_id=verdict.event_id, received_at=verdict.received_at)


def _problem(refusal: Refusal) -> Problem:
    return Problem(
        type=problem_type(refusal.reason),
        title=refusal.reason.in_words,
        status=413 if refusal.reason is Reason.TOO_LARGE else 422,
        detail=refusal.detail,
        field=refusal.field,
    )


def _none_accepted(refusals: list[tuple[int, Refusal]]) -> Problem:
    errors = [
        {"field": f"[{index}].{refusal.field}" if refusal.field else f"[{index}]", "message": refusal.detail}
        for index, refusal in refusals
    ]
    return Problem(
        type=problem_type("no-event-accepted"),
        title="None of the events was accepted.",
        status=422,
        detail=f"{errors[0]['field']}: {errors[0]['message']}",
        field=errors[0]["field"],
        errors=errors,
    )


def http_app(endpoint: EventsEndpoint, version: str, token: SecretStr, operators: APIRouter) -> FastAPI:
    """The application around the endpoint, and the routes for whoever has the operator's token."""
    app = create_app("Ridethrough event ingest", version, max_body_bytes=MAX_BODY_BYTES)
    app.include_router(operators, dependencies=[Depends(operator_only(token))])
    app.add_api_route(
        "/v1/events",
        endpoint.post,
        methods=["POST"],
        status_code=202,
        summary="Send one event, or an array of up to 1,000",
        response_model=None,
        responses={202: {"model": Receipt, "description": "Stored; per event what became of it"}},
        openapi_extra={
            "security": [{"key": []}],
            "requestBody": {"required": True, "content": {CONTENT_TYPE: {"schema": _REQUEST}}},
        },
    )
    _, definitions = models_json_schema([(RawEvent, "validation")], ref_template="#/components/schemas/{model}")
    components = app.openapi()["components"]
    components["schemas"] |= definitions["$defs"]
    components["securitySchemes"] |= {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "rt_<id>.<secret>"}}
    return app


_EVENT = {"$ref": "#/components/schemas/RawEvent"}
_REQUEST = {"oneOf": [_EVENT, {"type": "array", "items": _EVENT, "minItems": 1, "maxItems": MAX_EVENTS}]}

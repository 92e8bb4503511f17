"""Bounces over HTTP: the signed webhook that takes them, and the operator's list of what is known by them."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, SecretStr, ValidationError

from ups_notifier.adapters.bounce_report import Report, read_report
from ups_notifier.adapters.webhook import Webhook
from ups_notifier.domain.bouncing import BounceKind, Mailbox, status_in
from ups_runtime.http import ProblemError, RequestBody, decode_cursor, encode_cursor, field_name, operator_only
from ups_runtime.return_path import ForgedReturnPathError, Returned, ReturnPaths
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import Id, UserId

_JSON, _MESSAGE = "application/json", "message/rfc822"


class BounceReport(RequestBody):
    """A bounce as a mail provider's adapter tells it."""

    return_path: str = Field(max_length=320, description="whom the mail was from in its envelope")
    kind: BounceKind
    code: str | None = Field(
        None, pattern=r"^[245](\d\d|\.\d{1,3}\.\d{1,3})$", description="RFC 3463's, or SMTP's, as 5.1.1 or 550"
    )
    diagnostic: str | None = Field(None, max_length=2000, description="the server's words: only a code in it is kept")


class Taken(StrEnum):
    """What a call was: it says nothing of whether it was known before."""

    TAKEN = "taken"
    NO_REPORT = "no_report"  # a message that reports neither a failure nor a complaint
    NOT_OURS = "not_ours"  # no return path of this installation is in it


class BounceAnswer(BaseModel):
    """The same for a repeat. Taken without a kind: the mail did not arrive, which says nothing of the mailbox."""

    result: Taken
    kind: BounceKind | None = None


class BounceList(RequestBody):
    """Which mailboxes."""

    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=400)


class NoteView(BaseModel):
    """One bounce."""

    at: Timestamp
    kind: BounceKind
    code: str | None
    delivery_id: str


class MailboxView(BaseModel):
    """What is known against a person's mailbox; its address is in accounts."""

    user_id: str
    dead_since: Timestamp | None = Field(
        description="no event mail since, until the address changes or this is cleared"
    )
    cause: BounceKind | None = Field(description="what it died of")
    complained_at: Timestamp | None = Field(description="no event mail since, until this is cleared")
    held_at: Timestamp | None = Field(
        description="not declared dead then, since more people were refused than reached: look at the relay"
    )
    soft_days: list[str] = Field(description="days (UTC) with a soft bounce that count")
    bounces: list[NoteView]
    changed_at: Timestamp


class MailboxPage(BaseModel):
    """Mailboxes, the one that changed last first; `next` leads to older ones."""

    items: list[MailboxView]
    next: str | None = None


class Taker(Protocol):
    """Who notes bounces, and clears them."""

    async def came_back(
        self, returned: Returned, kind: BounceKind | None, code: str | None, recipient: str | None
    ) -> None:
        """A bounce of a delivery of ours."""

    async def clear(self, user_id: UserId) -> bool:
        """Let nothing stand against a person's mailbox; False if nothing does."""


class Known(Protocol):
    """Where what is known is read."""

    async def page(self, after: tuple[datetime, str] | None, limit: int) -> Sequence[tuple[datetime, Mailbox]]:
        """Up to `limit` mailboxes and when each changed last, the latest first, from `after` on."""


def bounce_routes(token: SecretStr, webhook: Webhook, paths: ReturnPaths, taker: Taker, known: Known) -> APIRouter:
    """The routes."""
    router = APIRouter()
    operator = [Depends(operator_only(token))]

    @router.post(
        "/v1/webhooks/bounces",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {_JSON: {"schema": BounceReport.model_json_schema()}, _MESSAGE: {}},
            }
        },
    )
    async def take_bounce(request: Request) -> BounceAnswer:
        """A bounce or complaint: as JSON, or the message that came back as it came. Signed."""
        body = await request.body()
        webhook.check(request.headers, body)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        match media_type:
            case "application/json":
                report: Report | None = _told(body)
            case "message/rfc822":
                # it may take the parser a while, and mail must go out meanwhile
                report = await asyncio.to_thread(read_report, body)
            case _:
                raise ProblemError(415, "unsupported-media-type", f"Send {_JSON}, or the message itself as {_MESSAGE}.")
        if report is None:
            return BounceAnswer(result=Taken.NO_REPORT)
        returned = _ours(paths, report.paths)
        if returned is None:
            return BounceAnswer(result=Taken.NOT_OURS)
        await taker.came_back(returned, report.kind, report.code, report.recipient)
        return BounceAnswer(result=Taken.TAKEN, kind=report.kind)

    @router.get("/v1/operator/bounces", dependencies=operator)
    async def list_bounces(query: Annotated[BounceList, Query()]) -> MailboxPage:
        """Mailboxes that something came back from."""
        after = decode_cursor(query.cursor) if query.cursor is not None else None
        found = await known.page(after, query.limit + 1)
        items = [_view(changed_at, mailbox) for changed_at, mailbox in found[: query.limit]]
        more = len(found) > query.limit
        return MailboxPage(items=items, next=encode_cursor(items[-1].changed_at, items[-1].user_id) if more else None)

    @router.delete("/v1/operator/bounces/{user_id}", dependencies=operator, status_code=204)
    async def clear_bounces(user_id: Id) -> Response:
        """Let nothing stand against a person's mailbox: event mail goes to it again."""
        if not await taker.clear(user_id):
            raise ProblemError(404, "not-found", "Nothing stands against this person's mailbox.")
        return Response(status_code=204)

    return router


def _told(body: bytes) -> Report:
    try:
        told = BounceReport.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_context=False, include_url=False)[0]
        field = field_name(fault["loc"]) or "body"
        raise ProblemError(
            422, "invalid-request", "The request is not valid.", f"{field}: {fault['msg']}", field
        ) from None
    return Report(told.kind, (told.return_path,), told.code or status_in(told.diagnostic or ""))


def _ours(paths: ReturnPaths, candidates: Sequence[str]) -> Returned | None:
    for each in candidates:
        try:
            return paths.verify(each)
        except ForgedReturnPathError:
            continue
    return None


def _view(changed_at: datetime, mailbox: Mailbox) -> MailboxView:
    return MailboxView(
        user_id=mailbox.user_id,
        dead_since=mailbox.dead_since,
        cause=mailbox.cause,
        complained_at=mailbox.complained_at,
        held_at=mailbox.held_at,
        soft_days=list(mailbox.soft_days),
        bounces=[
            NoteView(at=each.at, kind=each.kind, code=each.code, delivery_id=each.delivery_id) for each in mailbox.notes
        ],
        changed_at=changed_at,
    )

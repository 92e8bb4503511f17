"""Routes of the Event Log, and of Event Notifications: on, off, and on again."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, Field

from ups_device.adapters.log_csv import MEDIA_TYPE, LogCsv, require_whole, wants_csv
from ups_device.domain.event_log import MAX_PAGE, CompanyLog, DeviceLog, Position, Row
from ups_device.domain.event_log import Query as LogQuery
from ups_device.domain.period import Answer, State
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.members import Members
from ups_device.handlers.notifications import Notifications, Status
from ups_device.handlers.readers import Readers
from ups_runtime.errors import Forbidden, Refused
from ups_runtime.http import RequestBody, decode_cursor, encode_cursor
from ups_schemas.catalogue import Severity
from ups_schemas.decision import (
    Basis,
    Count,
    EventDecided,
    Incident,
    LateEventsDecided,
    Note,
    Outcome,
    Reason,
    Tripping,
)
from ups_schemas.device import Actor
from ups_schemas.envelope import Timestamp
from ups_schemas.event import AcceptedEvent, Code
from ups_schemas.ids import CompanyId, DeviceId, NotificationId, PeriodId, UserId
from ups_schemas.telling import Words

# A dependency that gives who calls: a person, or None for the operator.
Caller = Callable[..., Awaitable[UserId | None]]

_TEXT_BY_ANSWER = {
    Answer.REQUESTED: "Event Notifications of this device are being enabled. This does not resubscribe anybody.",
    Answer.ALREADY_REQUESTED: "Event Notifications of this device are being enabled already.",
    Answer.ALREADY_ENABLED: "Event Notifications of this device are enabled.",
}


class LogPage(RequestBody):
    """Which rows: received in `[from, to)`, newest first."""

    limit: int = Field(100, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(None, max_length=400)
    code: Code | None = None
    outcome: Outcome | None = None
    start: Timestamp | None = Field(None, alias="from")
    end: Timestamp | None = Field(None, alias="to")

    def query(self, scope: DeviceLog | CompanyLog) -> LogQuery:
        """The query for this scope."""
        return LogQuery(
            scope,
            limit=self.limit,
            code=self.code,
            outcome=self.outcome,
            start=self.start,
            end=self.end,
            after=Position(*decode_cursor(self.cursor)) if self.cursor else None,
        )


class CompanyLogPage(LogPage):
    """Which rows of which company: the operator says of which."""

    company_id: CompanyId | None = None


class CountView(BaseModel):
    """Which one it was within the window: 5 of 6."""

    position: int
    limit: int
    window_s: int
    text: str

    @classmethod
    def of(cls, count: Count) -> "CountView":
        """The count, also in words."""
        return cls(**count.model_dump(), text=f"{count.position} of {count.limit}")


class MailedView(BaseModel):
    """Who was mailed, or why nobody was."""

    outcome: Outcome
    reason: Reason | None
    effective_at: Timestamp
    count: CountView | None
    recipients: tuple[UserId, ...]
    recipient_count: int
    notification_id: NotificationId | None
    period_id: PeriodId | None


class DecisionView(MailedView):
    """What was decided about the event."""

    severity: Severity
    notes: tuple[Note, ...]
    opened: tuple[Incident, ...]
    closed: tuple[Incident, ...]
    basis: Basis


class RowView(BaseModel):
    """One event. `decision` is none until it is made; `late_mail` is what became of a late one afterwards.

    `text` says it to the reader in a sentence or two: mailed to whom, or why not.
    """

    event: AcceptedEvent
    company_id: CompanyId | None
    decision: DecisionView | None
    late_mail: MailedView | None
    text: str

    @classmethod
    def of(cls, row: Row, words: Words) -> "RowView":
        """The row as callers see it, in these words."""
        decision = row.decision
        return cls(
            event=row.event,
            company_id=row.company_id,
            decision=decision
            and DecisionView(
                **_mailed(decision).model_dump(),
                severity=decision.severity,
                notes=decision.notes,
                opened=decision.opened,
                closed=decision.closed,
                basis=decision.basis,
            ),
            late_mail=row.late_mail and _mailed(row.late_mail),
            text=words.row(decision, row.late_mail),
        )


class LogView(BaseModel):
    """Rows, newest first; `cursor` leads to older ones, and is none on the last page."""

    events: list[RowView]
    cursor: str | None


class WhyView(BaseModel):
    """Why notifications are disabled: the notifications that filled the window, and the event that was one too many."""

    tripped_by: tuple[Tripping, ...]


class NotificationsView(BaseModel):
    """Whether the device's events become mail. `enabling`: asked for, or due, and not yet confirmed."""

    state: State
    since: Timestamp | None = None
    until: Timestamp | None = None
    period_id: PeriodId | None = None
    requested_at: Timestamp | None = None
    why: WhyView | None = None

    @classmethod
    def of(cls, status: Status) -> "NotificationsView":
        """The state as callers see it."""
        period = status.period
        if period is None:
            return cls(state=status.state)
        return cls(
            state=status.state,
            since=period.since,
            until=period.until,
            period_id=period.period_id,
            requested_at=period.requested.enabled_at if period.requested else None,
            why=WhyView(tripped_by=period.tripped_by),
        )


class EnableBody(RequestBody):
    """Why, in the caller's words."""

    reason: str = Field("", max_length=200)


class AnswerView(BaseModel):
    """What came of it, also in words."""

    answer: Answer
    text: str


def log_router(log: EventLog, table: LogCsv, members: Members, readers: Readers, caller: Caller) -> APIRouter:
    """The Event Log: of the company's devices, or, for the operator, of any."""
    router = APIRouter(prefix="/v1", tags=["event log"])
    as_table: dict[int | str, dict[str, object]] = {200: {"content": {MEDIA_TYPE: {}}}}

    @router.get("/devices/{device_id}/events", response_model=LogView, responses=as_table)
    async def of_device(
        device_id: DeviceId,
        page: Annotated[LogPage, Query()],
        user_id: Annotated[UserId | None, Depends(caller)],
        accept: Annotated[str, Header()] = "",
    ) -> LogView | Response:
        """Read the device's Event Log: page by page as JSON, or all that fits as CSV."""

        async def check() -> None:
            if user_id is not None:
                await members.require_reader(user_id, device_id)

        await check()
        query, words = page.query(await log.of_device(device_id)), readers.words(user_id)
        if not wants_csv(accept):
            return await _read(log, query, words)
        require_whole(page.model_fields_set)
        return await table.answer(query, words, user_id, device_id, check)

    @router.get("/events", response_model=LogView, responses=as_table)
    async def of_company(
        page: Annotated[CompanyLogPage, Query()],
        user_id: Annotated[UserId | None, Depends(caller)],
        accept: Annotated[str, Header()] = "",
    ) -> LogView | Response:
        """Read the Event Log of all devices of the company: page by page as JSON, or all that fits as CSV."""
        company_id = page.company_id if user_id is None else await members.company(user_id)
        if company_id is None:
            raise Refused("company-missing", "Say of which company: company_id.", "company_id")
        if page.company_id not in {None, company_id}:
            raise Forbidden("other-company", "You can read the Event Log of your own company only.")
        query, words = page.query(CompanyLog(company_id)), readers.words(user_id)
        if not wants_csv(accept):
            return await _read(log, query, words)
        require_whole(page.model_fields_set)

        async def check() -> None:
            if user_id is not None and await members.company(user_id) != company_id:
                raise Forbidden("other-company", "You can read the Event Log of your own company only.")

        return await table.answer(query, words, user_id, company_id, check)

    return router


def notification_router(notifications: Notifications, members: Members, caller: Caller) -> APIRouter:
    """Event Notifications."""
    router = APIRouter(prefix="/v1/devices/{device_id}/notifications", tags=["notifications"])

    @router.get("")
    async def status(device_id: DeviceId, user_id: Annotated[UserId | None, Depends(caller)]) -> NotificationsView:
        """Whether Event Notifications of the device are enabled, and if not, since when, until when and why."""
        if user_id is not None:
            await members.require_reader(user_id, device_id)
        return NotificationsView.of(await notifications.status(device_id))

    @router.post("/enable")
    async def enable(
        device_id: DeviceId,
        response: Response,
        user_id: Annotated[UserId | None, Depends(caller)],
        body: EnableBody | None = None,
    ) -> AnswerView:
        """Enable Notifications, as the owner. 202 when the order is on its way; what is done already is said kindly."""
        if user_id is not None:
            await members.require_owner(user_id, device_id)
        actor = Actor(kind="operator") if user_id is None else Actor(kind="user", user_id=user_id)
        answer = await notifications.enable(device_id, actor, (body or EnableBody()).reason)
        response.status_code = 202 if answer is Answer.REQUESTED else 200
        return AnswerView(answer=answer, text=_TEXT_BY_ANSWER[answer])

    return router


async def _read(log: EventLog, query: LogQuery, words: Words) -> LogView:
    rows = await log.page(query)
    last = rows[-1].position if len(rows) == query.limit else None
    cursor = encode_cursor(last.received_at, last.row_id) if last else None
    return LogView(events=[RowView.of(row, words) for row in rows], cursor=cursor)


def _mailed(decision: EventDecided | LateEventsDecided) -> MailedView:
    return MailedView(
        outcome=decision.outcome,
        reason=decision.reason,
        effective_at=decision.effective_at,
        count=CountView.of(decision.count) if decision.count else None,
        recipients=decision.recipients,
        recipient_count=len(decision.recipients),
        notification_id=decision.notification_id,
        period_id=decision.period_id,
    )

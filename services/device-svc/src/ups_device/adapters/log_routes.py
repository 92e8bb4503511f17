"""Routes of the Event Log."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, Field

from ups_device.adapters.condition_routes import ConditionView
from ups_device.adapters.log_csv import MEDIA_TYPE, Devices, LogCsv, require_whole, wants_csv
from ups_device.domain.event_log import MAX_PAGE, CompanyLog, DeviceLog, Position, Row
from ups_device.domain.event_log import Query as LogQuery
from ups_device.domain.mail import Copy
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.members import Members
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
)
from ups_schemas.envelope import Timestamp
from ups_schemas.event import AcceptedEvent, Code
from ups_schemas.fate import fate
from ups_schemas.ids import CompanyId, DeviceId, NotificationId, PeriodId, UserId
from ups_schemas.mail import DeliveryState, MailKind
from ups_schemas.telling import Words

# A dependency that gives who calls: a person, or None for the operator.
Caller = Callable[..., Awaitable[UserId | None]]


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


class MailView(BaseModel):
    """One person's copy of a mail, and what became of it last, in words too: `pending` until it was tried."""

    user_id: UserId
    notification_id: NotificationId
    kind: MailKind
    state: Literal["pending"] | DeliveryState
    reason: str | None
    smtp_code: int | None
    attempt: int
    at: Timestamp | None
    text: str

    @classmethod
    def of(cls, copy: Copy) -> "MailView":
        """The copy as callers see it."""
        return cls(
            user_id=copy.user_id,
            notification_id=copy.notification_id,
            kind=copy.kind,
            state=copy.state or "pending",
            reason=copy.reason,
            smtp_code=copy.smtp_code,
            attempt=copy.attempt,
            at=copy.at,
            text=fate(copy.state or "pending", copy.reason, copy.smtp_code),
        )


class RowView(BaseModel):
    """One event. `decision` is none until it is made; `late_mail` is what became of a late one afterwards.

    `row_id` never changes: what changes of a row comes under it. `mails` are all copies, and what became of each;
    `conditions` are those that the event opened. `text` says it to the reader in a sentence or two: mailed to whom, or
    why not.
    """

    row_id: str
    event: AcceptedEvent
    company_id: CompanyId | None
    decision: DecisionView | None
    late_mail: MailedView | None
    mails: list[MailView]
    conditions: list[ConditionView]
    text: str

    @classmethod
    def of(cls, row: Row, words: Words) -> "RowView":
        """The row as callers see it, in these words."""
        decision = row.decision
        return cls(
            row_id=row.position.row_id,
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
            mails=[MailView.of(copy) for copy in row.mails],
            conditions=[ConditionView.of(condition) for condition in row.conditions],
            text=words.row(decision, row.late_mail, row.confirmed.since if row.confirmed else None),
        )


class LogView(BaseModel):
    """Rows, newest first; `cursor` leads to older ones, and is none on the last page.

    `device_names` is what the devices of these rows are called, also removed ones.
    """

    events: list[RowView]
    device_names: Mapping[DeviceId, str]
    cursor: str | None


def log_router(
    log: EventLog, devices: Devices, table: LogCsv, members: Members, readers: Readers, caller: Caller
) -> APIRouter:
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
            return await _read(log, devices, query, words)
        require_whole(page.model_fields_set)
        return await table.answer(query, words, user_id, device_id, check)

    @router.get("/events", response_model=LogView, responses=as_table)
    async def of_company(
        page: Annotated[CompanyLogPage, Query()],
        user_id: Annotated[UserId | None, Depends(caller)],
        accept: Annotated[str, Header()] = "",
    ) -> LogView | Response:
        """Read the Event Log of all devices of the company: page by page as JSON, or all that fits as CSV."""
        scope = await log_of_company(page.company_id, user_id, members)
        query, words = page.query(scope), readers.words(user_id)
        if not wants_csv(accept):
            return await _read(log, devices, query, words)
        require_whole(page.model_fields_set)

        async def check() -> None:
            await log_of_company(scope.company_id, user_id, members)

        return await table.answer(query, words, user_id, scope.company_id, check)

    return router


async def log_of_company(asked: CompanyId | None, user_id: UserId | None, members: Members) -> CompanyLog:
    """The log that the caller may read: of their own company, or, for the operator, of the one that is asked for.

    Raises:
        Forbidden: it is another company's.
        Refused: nobody knows which.
    """
    company_id = asked if user_id is None else await members.company(user_id)
    if company_id is None:
        raise Refused("company-missing", "Say of which company: company_id.", "company_id")
    if asked not in {None, company_id}:
        raise Forbidden("other-company", "You can read the Event Log of your own company only.")
    return CompanyLog(company_id)


async def _read(log: EventLog, devices: Devices, query: LogQuery, words: Words) -> LogView:
    rows = await log.page(query)
    last = rows[-1].position if len(rows) == query.limit else None
    cursor = encode_cursor(last.received_at, last.row_id) if last else None
    names = await devices.names({row.event.device_id for row in rows}) if rows else {}
    return LogView(events=[RowView.of(row, words) for row in rows], device_names=names, cursor=cursor)


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

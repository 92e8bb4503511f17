"""Routes of conditions: what is wrong with a device, and what was."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from ups_device.domain.condition import Condition, End, Place
from ups_device.domain.event_log import MAX_PAGE
from ups_device.handlers.conditions import Conditions
from ups_device.handlers.members import Members
from ups_runtime.http import RequestBody, decode_cursor, encode_cursor
from ups_schemas.catalogue import Severity
from ups_schemas.envelope import Timestamp
from ups_schemas.event import Code
from ups_schemas.ids import DeviceId, EventId, IncidentId, UserId

# A dependency that gives who calls: a person, or None for the operator.
Caller = Callable[..., Awaitable[UserId | None]]


class ConditionPage(RequestBody):
    """Which conditions: open at some moment of `[from, to)`, newest first; those that are `open`, or that are not."""

    limit: int = Field(100, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(None, max_length=400)
    is_open: bool | None = Field(None, alias="open")
    start: Timestamp | None = Field(None, alias="from")
    end: Timestamp | None = Field(None, alias="to")


class ConditionView(BaseModel):
    """One occurrence of a condition. `end` is none while it is open.

    `ended_at` is none, too, where nobody knows when; `duration_s` is there when its end was reported. `repeats` counts
    how often it was reported once more, `confirmed_at` is when it was last.
    """

    incident_id: IncidentId
    code: Code
    text: str | None
    severity: Severity
    since: Timestamp
    ended_at: Timestamp | None
    end: End | None
    duration_s: float | None
    repeats: int
    confirmed_at: Timestamp

    @classmethod
    def of(cls, condition: Condition) -> Self:
        """The condition as callers see it."""
        return cls.model_validate(condition, from_attributes=True)


class OpenedView(ConditionView):
    """A condition, and the event that opened it."""

    event_id: EventId


class ConditionsView(BaseModel):
    """Conditions, newest first; `cursor` leads to older ones, and is none on the last page."""

    conditions: list[OpenedView]
    cursor: str | None


def condition_router(conditions: Conditions, members: Members, caller: Caller) -> APIRouter:
    """Conditions of the company's devices, or, for the operator, of any."""
    router = APIRouter(prefix="/v1/devices/{device_id}/conditions", tags=["event log"])

    @router.get("")
    async def page(
        device_id: DeviceId, page: Annotated[ConditionPage, Query()], user_id: Annotated[UserId | None, Depends(caller)]
    ) -> ConditionsView:
        """Read what is wrong with the device, and what was."""
        if user_id is not None:
            await members.require_reader(user_id, device_id)
        after = Place(*decode_cursor(page.cursor)) if page.cursor else None
        found = await conditions.page(
            device_id, page.limit, is_open=page.is_open, start=page.start, end=page.end, after=after
        )
        last = found[-1] if len(found) == page.limit else None
        cursor = encode_cursor(last.since, last.incident_id) if last else None
        return ConditionsView(conditions=[OpenedView.of(each) for each in found], cursor=cursor)

    return router

"""The route of a device's history of disabled periods."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from ups_device.adapters.log_routes import Caller, MailView
from ups_device.domain.mail import Copy
from ups_device.domain.period import Period, PeriodPlace
from ups_device.handlers.mails import Mails
from ups_device.handlers.members import Members
from ups_device.handlers.notifications import Notifications
from ups_runtime.http import RequestBody, decode_cursor, encode_cursor
from ups_schemas.decision import EnabledBy, Happened, Tripping
from ups_schemas.device import Actor
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import DeviceId, NotificationId, PeriodId, UserId


class PeriodList(RequestBody):
    """Which page of the periods."""

    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=400)


class PeriodView(BaseModel):
    """One disabled period. `enabled_at`, `by` and what comes after are there once it has ended.

    `actor` and `reason` are also those of an order that the throttle has not confirmed yet. `mails` are all copies of
    the alert at its beginning and of the mail at its end, and what became of each.
    """

    period_id: PeriodId
    since: Timestamp
    until: Timestamp
    enabled_at: Timestamp | None
    by: EnabledBy | None
    actor: Actor | None
    reason: str
    requested_at: Timestamp | None
    tripped_by: tuple[Tripping, ...]
    happened: tuple[Happened, ...]
    suppressed_count: int
    mails: list[MailView]

    @classmethod
    def of(cls, period: Period, copies: Mapping[NotificationId, Sequence[Copy]]) -> "PeriodView":
        """The period as callers see it."""
        requested = period.requested
        waiting = requested if period.enabled_at is None else None
        return cls(
            period_id=period.period_id,
            since=period.since,
            until=period.until,
            enabled_at=period.enabled_at,
            by=period.by,
            actor=waiting.actor if waiting else period.actor,
            reason=waiting.reason if waiting else period.reason,
            requested_at=requested.enabled_at if requested else None,
            tripped_by=period.tripped_by,
            happened=period.happened,
            suppressed_count=period.suppressed_count,
            mails=[MailView.of(copy) for each in period.notifications for copy in copies.get(each, ())],
        )


class PeriodPage(BaseModel):
    """Periods, newest first; `cursor` leads to older ones, and is none on the last page."""

    periods: list[PeriodView]
    cursor: str | None

    @classmethod
    def of(cls, page: Sequence[Period], limit: int, copies: Mapping[NotificationId, Sequence[Copy]]) -> "PeriodPage":
        """A page of at most so many."""
        cursor = encode_cursor(page[-1].since, page[-1].period_id) if len(page) == limit else None
        return cls(periods=[PeriodView.of(period, copies) for period in page], cursor=cursor)


def period_router(notifications: Notifications, mails: Mails, members: Members, caller: Caller) -> APIRouter:
    """When notifications of a device were disabled, and what ended that."""
    router = APIRouter(prefix="/v1/devices/{device_id}/notifications", tags=["notifications"])

    @router.get("/periods")
    async def periods(
        device_id: DeviceId, query: Annotated[PeriodList, Query()], user_id: Annotated[UserId | None, Depends(caller)]
    ) -> PeriodPage:
        """Look at the disabled periods of the device under its present owner, newest first."""
        if user_id is not None:
            await members.require_reader(user_id, device_id)
        after = PeriodPlace(*decode_cursor(query.cursor)) if query.cursor else None
        page = await notifications.history(device_id, after, query.limit)
        copies = await mails.of({each for period in page for each in period.notifications})
        return PeriodPage.of(page, query.limit, copies)

    return router

"""Routes of Event Notifications: whether they are on, and asking for them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from ups_device.adapters.log_routes import Caller
from ups_device.domain.period import Answer, State
from ups_device.handlers.members import Members
from ups_device.handlers.notifications import Notifications, Status
from ups_runtime.http import RequestBody
from ups_schemas.decision import (
    Tripping,
)
from ups_schemas.device import Actor
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import DeviceId, PeriodId, UserId

_TEXT_BY_ANSWER = {
    Answer.REQUESTED: "Event Notifications of this device are being enabled. This does not resubscribe anybody.",
    Answer.ALREADY_REQUESTED: "Event Notifications of this device are being enabled already.",
    Answer.ALREADY_ENABLED: "Event Notifications of this device are enabled.",
}


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

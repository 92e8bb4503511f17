"""The route that answers *I get no e-mail*, page-ready."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from ups_device.adapters.log_routes import Caller, RowView
from ups_device.domain.why import Effect, Finding, Kind, Link
from ups_device.handlers.members import Members
from ups_device.handlers.why import Explained, Why
from ups_runtime.errors import Forbidden, Refused
from ups_runtime.http import RequestBody
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import DeviceId, UserId


class WhyQuery(RequestBody):
    """Who gets none: oneself, unless the operator asks."""

    user_id: UserId | None = None


class ReasonView(BaseModel):
    """One thing that was looked at: what it does to mails, in words too, and which page helps."""

    kind: Kind
    effect: Effect
    text: str
    since: Timestamp | None
    until: Timestamp | None
    link_kind: Link | None

    @classmethod
    def of(cls, finding: Finding) -> "ReasonView":
        """The finding as callers see it."""
        return cls(
            kind=finding.kind,
            effect=finding.effect,
            text=finding.text,
            since=finding.since,
            until=finding.until,
            link_kind=finding.link,
        )


class OwnView(BaseModel):
    """The person's part in a row: whether it was to be mailed to them, and what came of that."""

    told: bool
    text: str


class OwnRowView(RowView):
    """A row of the log, and the person's part in it."""

    own: OwnView


class WhyNoMailView(BaseModel):
    """Why a person gets no mail.

    `mailed`: whether something critical that happens now would be mailed to them. If not, the first of the `reasons`
    stops it; those that only limit come last. `last` are the newest rows of the log.
    """

    mailed: bool
    text: str
    reasons: list[ReasonView]
    in_order: list[ReasonView]
    last: list[OwnRowView]
    support_address: str

    @classmethod
    def of(cls, explained: Explained, support_address: str) -> "WhyNoMailView":
        """The answer as callers see it."""
        answer, words = explained.answer, explained.words
        return cls(
            mailed=answer.mailed,
            text=answer.text,
            reasons=[ReasonView.of(finding) for finding in answer.reasons],
            in_order=[ReasonView.of(finding) for finding in answer.in_order],
            last=[
                OwnRowView(**RowView.of(row, words).model_dump(), own=OwnView(told=part.told, text=part.text))
                for row, part in explained.rows
            ],
            support_address=support_address,
        )


def why_router(why: Why, members: Members, caller: Caller, support_address: str) -> APIRouter:
    """Why somebody gets no mail about a device."""
    router = APIRouter(prefix="/v1/devices/{device_id}", tags=["why"])

    @router.get("/why-no-mail")
    async def why_no_mail(
        device_id: DeviceId,
        query: Annotated[WhyQuery, Query()],
        user_id: Annotated[UserId | None, Depends(caller)],
    ) -> WhyNoMailView:
        """Why you get no mail about this device; the operator asks for anybody by `user_id`."""
        if user_id is not None:
            await members.require_reader(user_id, device_id)
            if query.user_id not in {None, user_id}:
                raise Forbidden("other-person", "You can ask for yourself only.")
        who = user_id or query.user_id
        if who is None:
            raise Refused("user-missing", "Say who gets no mail: user_id.", "user_id")
        return WhyNoMailView.of(await why.no_mail(who, device_id), support_address)

    return router

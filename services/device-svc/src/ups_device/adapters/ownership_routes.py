"""Routes by which a device gets another owner."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from ups_device.adapters.log_routes import Caller
from ups_device.adapters.member_routes import SignedIn
from ups_device.handlers.members import Members
from ups_device.handlers.ownership import Ownerships, Taken
from ups_runtime.http import RequestBody
from ups_schemas.ids import DeviceId, UserId

_Result = Literal["handed_over", "claimed", "already_theirs", "already_yours"]
_TEXT_BY_RESULT = {
    "handed_over": "The device has its new owner, who is told by e-mail. Its keys work on, and who was subscribed "
    "stays subscribed.",
    "already_theirs": "The device is theirs already. Nothing has changed.",
    "claimed": "The device is yours. Its keys work on, and who was subscribed stays subscribed.",
    "already_yours": "The device is yours already. Nothing has changed.",
}


class HandOverBody(RequestBody):
    """Who gets the device."""

    to: UserId


class OwnershipView(BaseModel):
    """Whose the device is now, and what came of the request, also in words."""

    result: _Result
    text: str
    device_id: DeviceId
    version: int
    ownership: int
    owner: UserId | None

    @classmethod
    def of(cls, result: _Result, taken: Taken) -> "OwnershipView":
        """What callers see of it."""
        snapshot = taken.device.snapshot
        return cls(
            result=result,
            text=_TEXT_BY_RESULT[result],
            device_id=snapshot.device_id,
            version=snapshot.version,
            ownership=snapshot.ownership,
            owner=snapshot.owner,
        )


def ownership_router(ownerships: Ownerships, members: Members, caller: Caller, person: SignedIn) -> APIRouter:
    """Handing over, as the owner or the operator; claiming, as any member."""
    router = APIRouter(prefix="/v1/devices/{device_id}", tags=["ownership"])

    @router.post("/hand-over")
    async def hand_over(
        device_id: DeviceId, body: HandOverBody, user_id: Annotated[UserId | None, Depends(caller)]
    ) -> OwnershipView:
        """Give the device to a co-worker. It is logged and counted anew; a disabled period ends without mail."""
        if user_id is not None:
            await members.require_reader(user_id, device_id)
        taken = await ownerships.hand_over(device_id, body.to, user_id)
        if taken.changed:
            return OwnershipView.of("handed_over", taken)
        return OwnershipView.of("already_yours" if body.to == user_id else "already_theirs", taken)

    @router.post("/claim")
    async def claim(device_id: DeviceId, user_id: Annotated[UserId, Depends(person)]) -> OwnershipView:
        """Become the owner of a device of your company that nobody owns."""
        await members.require_reader(user_id, device_id)
        taken = await ownerships.claim(device_id, user_id)
        return OwnershipView.of("claimed" if taken.changed else "already_yours", taken)

    return router

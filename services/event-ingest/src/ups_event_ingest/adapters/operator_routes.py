"""`POST /v1/operator/drills`: a test event by order of the operator, who has no device's key."""

from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel

from ups_event_ingest.domain.refusal import Refusal
from ups_event_ingest.handlers import Arrival, Ingest, Way
from ups_runtime.clock import Clock
from ups_runtime.http import ProblemError, RequestBody
from ups_schemas.envelope import Timestamp
from ups_schemas.ids import DeviceId, EventId, UserId


class DrillBody(RequestBody):
    """Which device, and who gets the mail."""

    device_id: DeviceId
    requested_by: UserId


class DrillView(BaseModel):
    """The test event: the brokers have it."""

    event_id: EventId
    device_id: DeviceId
    received_at: Timestamp


def drill_router(ingest: Ingest, clock: Clock, make_id: Callable[[], str]) -> APIRouter:
    """Tests of the way to a mail."""
    router = APIRouter(prefix="/v1/operator/drills", tags=["drills"])

    @router.post("", status_code=202)
    async def drill(body: DrillBody) -> DrillView:
        """Test the way from here to a mail: it opens no condition, is not counted, and mails who asked."""
        arrival = Arrival(Way.OPERATOR, clock.now(), make_id)
        verdict = await ingest.drill(body.device_id, body.requested_by, arrival)
        if isinstance(verdict, Refusal):
            raise ProblemError(404, "unknown-device", "There is no such device.", field="device_id")
        return DrillView(event_id=verdict.event_id, device_id=verdict.device_id, received_at=verdict.received_at)

    return router

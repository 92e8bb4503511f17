"""Routes for plans: the operator's, and the signed webhook by which a shop tells what was bought."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from ups_device.adapters.device_routes import DeviceView
from ups_device.adapters.plan_views import (
    PlanBody,
    PlanOfDevice,
    PlanView,
    PurchaseBody,
    PurchaseMessage,
    PurchaseView,
)
from ups_device.adapters.webhook import Webhook
from ups_device.handlers.devices import Registry
from ups_device.handlers.plans import Plans
from ups_schemas.ids import DeviceId, Id

WEBHOOKS = "/v1/webhooks/"

# A message names one device and one plan.
MAX_MESSAGE_BYTES = 16 * 1024

_SHOWN_PURCHASES = 20


def plan_router(registry: Registry, plans: Plans) -> APIRouter:
    """The operator's."""
    router = APIRouter(prefix="/v1/operator", tags=["plans"])

    @router.get("/devices/{device_id}/plan")
    async def get(device_id: DeviceId) -> PlanOfDevice:
        """Look at a device's plan, and at what was bought."""
        device = await registry.get(device_id)
        purchases = await plans.last_purchases(device_id, _SHOWN_PURCHASES)
        view = PlanView.of(device.snapshot.plan, registry.plan_in_force(device))
        return PlanOfDevice(
            **view.model_dump(),
            device_id=device_id,
            since=device.plan_since,
            purchases=[PurchaseView.of(each) for each in purchases],
        )

    @router.put("/devices/{device_id}/plan")
    async def set_plan(device_id: DeviceId, body: PlanBody) -> DeviceView:
        """Put the device on a plan; on the one that it is on already, nothing happens."""
        return DeviceView.of(await plans.set(device_id, body.plan()))

    @router.post("/purchases")
    async def buy(body: PurchaseBody) -> PurchaseView:
        """Carry out a purchase; with an id that is known, nothing happens, and the answer is that of the first time."""
        return PurchaseView.of(await plans.buy(body.order()))

    return router


def purchase_webhook(plans: Plans, webhook: Webhook) -> APIRouter:
    """The shop's."""
    router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

    async def signed(request: Request) -> tuple[Id, bytes]:
        body = await request.body()
        return webhook.check(request.headers, body), body

    @router.post(
        "/purchases",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": PurchaseMessage.model_json_schema()}},
            }
        },
    )
    async def take_purchase(message: Annotated[tuple[Id, bytes], Depends(signed)]) -> PurchaseView:
        """Carry out what was bought. Signed as Standard Webhooks has it; the same purchase again changes nothing."""
        message_id, body = message
        return PurchaseView.of(await plans.buy(_told(body).data.order(), message_id))

    return router


def _told(body: bytes) -> PurchaseMessage:
    try:
        return PurchaseMessage.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_context=False, include_url=False)
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from None

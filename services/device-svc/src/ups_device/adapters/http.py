"""The service's HTTP application: who may call it."""

from collections.abc import Sequence

from fastapi import APIRouter, Depends, FastAPI
from pydantic import SecretStr

from ups_device.adapters import link_routes, plan_routes
from ups_runtime.http import create_app, operator_only

# The largest request lists as many gateway devices as a scope may hold.
MAX_BODY_BYTES = 2 * 1024 * 1024


def build(token: SecretStr, operator: Sequence[APIRouter], others: Sequence[APIRouter]) -> FastAPI:
    """The application: the first need the operator's token, the others see for themselves who calls."""
    app = create_app(
        "Ridethrough device-svc",
        "0.1.0",
        max_body_bytes=MAX_BODY_BYTES,
        max_body_bytes_below={
            link_routes.PREFIX: link_routes.MAX_BODY_BYTES,
            plan_routes.WEBHOOKS: plan_routes.MAX_MESSAGE_BYTES,
        },
    )
    for router in others:
        app.include_router(router)
    for router in operator:
        app.include_router(router, dependencies=[Depends(operator_only(token))])
    return app

"""The service's HTTP application: who may call it, and how a refusal is said."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, SecretStr

from ups_device.handlers.devices import Once
from ups_device.handlers.refusals import Conflict, NotFound, Refused
from ups_runtime.http import Problem, create_app, operator_only, problem_response, problem_type
from ups_schemas.ids import Id

# The largest request lists as many gateway devices as a scope may hold.
MAX_BODY_BYTES = 2 * 1024 * 1024

IdempotencyKey = Annotated[Id | None, Header(description="the same key with the same body creates once")]


def build(token: SecretStr, *routers: APIRouter) -> FastAPI:
    """The application: for the time being, everything needs the operator's token."""
    app = create_app("Ridethrough device-svc", "0.1.0", max_body_bytes=MAX_BODY_BYTES)
    app.add_exception_handler(Refused, _on_refused)  # type: ignore[arg-type]  # starlette types handlers loosely
    for router in routers:
        app.include_router(router, dependencies=[Depends(operator_only(token))])
    return app


def once(key: str | None, body: BaseModel) -> Once | None:
    """What makes a creating request one that may come again."""
    return Once(key, hashlib.sha256(body.model_dump_json().encode()).hexdigest()) if key else None


async def _on_refused(_request: Request, refused: Refused) -> JSONResponse:
    match refused:
        case NotFound():
            status = 404
        case Conflict():
            status = 409
        case _:
            status = 422
    return problem_response(
        Problem(type=problem_type(refused.name), title=refused.title, status=status, field=refused.field)
    )

"""HTTP as every service speaks it: problems as RFC 9457 has them, bounded bodies, the operator's token."""

import base64
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, field_validator
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ups_runtime.errors import Conflict, Forbidden, Gone, NotFound, Refused, Retryable, TooMany, Unauthorised
from ups_runtime.logging import get_logger
from ups_schemas.envelope import from_milliseconds, milliseconds
from ups_schemas.ids import Id

log = get_logger("http")

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 5

# Milliseconds, as long as the moment is a datetime; and the id of the last one listed.
_PLACE = TypeAdapter(tuple[Annotated[int, Field(ge=0, lt=2**47)], Id])

IdempotencyKey = Annotated[Id | None, Header(description="the same key with the same body creates once")]


class Problem(BaseModel):
    """An error as RFC 9457 has it; `field` names what in the request it is about, `errors` all faults if several."""

    type: str
    title: str
    status: int
    detail: str | None = None
    field: str | None = None
    errors: list[dict[str, str]] | None = None


class RequestBody(BaseModel):
    """Base of request bodies: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _whole_characters(cls, value: object) -> object:
        """JSON can escape half a surrogate pair (RFC 8259 section 8.2), which no hash and no database takes."""
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("text with half a character")
        return value


class ProblemError(Exception):
    """Ends a request with a problem. `name` makes its type, a URN that does not change."""

    def __init__(
        self,
        status: int,
        name: str,
        title: str,
        detail: str | None = None,
        field: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.problem = Problem(type=problem_type(name), title=title, status=status, detail=detail, field=field)
        self.headers = headers or {}


def problem_type(name: str) -> str:
    """The `type` of the problem with this name."""
    return f"urn:ridethrough:problem:{name}"


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """The problem as a response."""
    return JSONResponse(problem.model_dump(exclude_none=True), problem.status, headers=headers, media_type=PROBLEM_JSON)


def create_app(
    title: str,
    version: str,
    *,
    max_body_bytes: int = 1024 * 1024,
    max_body_bytes_below: Mapping[str, int] | None = None,
) -> FastAPI:
    """An application whose every error is a problem, and whose bodies are bounded: otherwise below some paths.

    The interactive pages of the framework load scripts from elsewhere, so only `/openapi.json` is served.
    """
    app = FastAPI(
        title=title,
        version=version,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would lead to whatever host the request names
        responses={
            "default": {
                "description": "A problem (RFC 9457)",
                "content": {PROBLEM_JSON: {"schema": Problem.model_json_schema()}},
            }
        },
    )
    app.add_exception_handler(ProblemError, _on_problem)  # type: ignore[arg-type]  # starlette types handlers loosely
    app.add_exception_handler(RequestValidationError, _on_invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _on_http)  # type: ignore[arg-type]
    app.add_exception_handler(Refused, _on_refused)  # type: ignore[arg-type]
    app.add_exception_handler(Retryable, _on_retryable)
    app.add_exception_handler(Exception, _on_crash)
    app.add_middleware(_SecurityHeaders)
    app.add_middleware(_BodyLimit, max_body_bytes=max_body_bytes, below=max_body_bytes_below or {})
    return app


def field_name(location: Sequence[int | str]) -> str:
    """A validation error's place as people write it: `plan.until`, `[3].code`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


async def _on_problem(_request: Request, error: ProblemError) -> JSONResponse:
    return problem_response(error.problem, error.headers)


async def _on_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    faults = [
        {"field": field_name(fault["loc"][1:]) or str(fault["loc"][0]), "message": str(fault["msg"])}
        for fault in error.errors()
    ]
    first = faults[0] if faults else {"field": "body", "message": "invalid"}
    problem = Problem(
        type=problem_type("invalid-request"),
        title="The request is not valid.",
        status=422,
        detail=f"{first['field']}: {first['message']}",
        field=first["field"],
        errors=faults,
    )
    return problem_response(problem)


async def _on_http(_request: Request, error: HTTPException) -> JSONResponse:
    name = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "unsupported-media-type"}
    problem = Problem(
        type=problem_type(name.get(error.status_code, "refused")), title=str(error.detail), status=error.status_code
    )
    return problem_response(problem, dict(error.headers or {}))


async def _on_refused(_request: Request, refused: Refused) -> JSONResponse:
    headers = {}
    match refused:
        case Unauthorised():
            status, headers = 401, {"WWW-Authenticate": "Bearer"}
        case Forbidden():
            status = 403
        case TooMany():
            status, headers = 429, {"Retry-After": str(ceil(refused.retry_after.total_seconds()))}
        case NotFound():
            status = 404
        case Gone():
            status = 410
        case Conflict():
            status = 409
        case _:
            status = 422
    return problem_response(
        Problem(type=problem_type(refused.name), title=refused.title, status=status, field=refused.field), headers
    )


async def _on_retryable(request: Request, error: Exception) -> JSONResponse:
    log.warning("request.unavailable", path=request.url.path, error=str(error))
    problem = Problem(
        type=problem_type("unavailable"), title="Not possible right now. Try again in a moment.", status=503
    )
    return problem_response(problem, {"Retry-After": str(RETRY_AFTER_S)})


async def _on_crash(request: Request, error: Exception) -> JSONResponse:
    log.error("request.crashed", path=request.url.path, exc_info=error)
    problem = Problem(type=problem_type("internal"), title="Something went wrong here. It has been logged.", status=500)
    return problem_response(problem)


class _BodyLimit:
    """413 for a body larger than the limit, whether or not its length was announced."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, below: Mapping[str, int]) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._below = below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        limit_bytes = next(
            (limit for prefix, limit in self._below.items() if path.startswith(prefix)), self._max_body_bytes
        )
        too_large = f"The body is larger than {limit_bytes} bytes."
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > limit_bytes:
                problem = Problem(type=problem_type("too-large"), title=too_large, status=413)
                await problem_response(problem, {"Connection": "close"})(scope, receive, send)
                return
        received_bytes = 0

        async def limited() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > limit_bytes:
                # an HTTPException passes through the framework's body parsing, any other becomes a 400
                raise HTTPException(413, too_large, {"Connection": "close"})
            return message

        await self._app(scope, limited, send)


class _SecurityHeaders:
    """Answers are data: never sniffed, framed, cached or told to others as a Referer."""

    _HEADERS = (
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in self._HEADERS if h[0] not in present)]
            await send(message)

        await self._app(scope, receive, with_headers)


def is_operator(token: SecretStr, credentials: HTTPAuthorizationCredentials | None) -> bool:
    """Whether that is the operator's token."""
    given = credentials.credentials.encode() if credentials else b""
    return hmac.compare_digest(given, token.get_secret_value().encode())


def operator_only(token: SecretStr) -> Callable[..., Awaitable[None]]:
    """A dependency that lets only the operator of the installation in; everybody else gets 401."""
    bearer = HTTPBearer(auto_error=False, scheme_name="operator", description="The operator token")

    async def check(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if not is_operator(token, credentials):
            raise ProblemError(
                401,
                "unauthenticated",
                "This needs the operator token.",
                "Send it as `Authorization: Bearer <token>`.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return check


def encode_cursor(moment: datetime, last_id: str) -> str:
    """A place in a list, for a caller to carry: what is listed is ordered by moments, then by ids."""
    return base64.urlsafe_b64encode(json.dumps([milliseconds(moment), last_id]).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, str]:
    """The place that `encode_cursor` was given.

    Raises:
        ProblemError: 422 when it can be none of ours.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        moment_ms, last_id = _PLACE.validate_json(text, strict=True)
    except ValueError:
        raise ProblemError(
            422, "invalid-cursor", "This cursor is not one of ours. Start without one.", field="cursor"
        ) from None
    return from_milliseconds(moment_ms), last_id

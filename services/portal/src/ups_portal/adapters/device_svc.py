"""device-svc over HTTP: what is behind a link, and what its buttons do. Tokens go in bodies, never in addresses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import httpx
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, StringConstraints, ValidationError

from ups_portal.domain.link import (
    Device,
    EnableLink,
    Link,
    LinkKind,
    Notifications,
    Obstacle,
    Reader,
    Result,
    Scope,
    Subscribed,
    SubscriptionLink,
    Tripping,
    WhyLink,
)
from ups_portal.domain.wording import clean
from ups_portal.handlers import AwayError, DoubtfulError, ForgedError, NotDoneError
from ups_portal.metrics import PortalMetrics
from ups_runtime.http import problem_type
from ups_runtime.logging import get_logger

log = get_logger("device_svc")

# An answer takes some 10 ms. Shorter than 5 s, and a busy database looks like one that is away; people wait no longer.
ANSWER_WITHIN_S = 5.0
CONNECT_WITHIN_S = 2.0
# At once. Each holds a connection there; whoever waits for a turn waits within the same 5 s.
MAX_CALLS = 32
MAX_ANSWER_BYTES = 256 * 1024

FORGED = "forged-link"
# Others wrote at the same time, again and again: nothing stands against it.
CHANGED = "changed-meanwhile"

Text = Annotated[str, StringConstraints(max_length=2000)]


class _Answer(BaseModel):
    """Answers may gain fields."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class _Reader(_Answer):
    address: Text
    zone: Text


class _Device(_Answer):
    name: Text
    site: Text | None = None


class _Plan(_Answer):
    entitled: bool


class _Tripping(_Answer):
    code: Text
    at: datetime


class _Subscribed(_Answer):
    device: bool
    company: bool
    all: bool


class _Enable(_Answer):
    reader: _Reader | None
    device: _Device | None
    notifications: Notifications | None
    since: datetime | None = None
    until: datetime | None = None
    enabled_at: datetime | None = None
    obstacle: Obstacle | None = None
    plan: _Plan | None = None
    subscribed: bool = True
    tripped_by: tuple[_Tripping, ...] = ()


class _Subscription(_Answer):
    reader: _Reader | None
    device: _Device | None
    subscribed: _Subscribed
    scope: Scope | None = None
    last_listener: bool = False


class _Why(_Answer):
    reader: _Reader | None
    device: _Device | None
    mail: Text
    subscribed: _Subscribed | None = None


class _Problem(_Answer):
    type: Text


class _Done(_Answer):
    result: Result


class DeviceSvc:
    """Implements `Links`. Use `connected`."""

    def __init__(
        self, client: httpx.AsyncClient, metrics: PortalMetrics, *, answer_within_s: float = ANSWER_WITHIN_S
    ) -> None:
        self._client = client
        self._metrics = metrics
        self._answer_within_s = answer_within_s
        self._turns = asyncio.Semaphore(MAX_CALLS)

    async def look_up(self, kind: LinkKind, token: str) -> Link:
        """What is so now."""
        answer = await self._ask("lookup", {"kind": kind, "token": token}, changes=False)
        try:
            return _link(kind, answer)
        except ValidationError:
            raise self._failed("lookup", "foreign", changes=False) from None

    async def enable(self, token: str) -> Result:
        """End the disabled period."""
        return await self._change("enable", {"token": token})

    async def unsubscribe(self, token: str, scope: Scope) -> Result:
        """Turn event mail off."""
        return await self._change("unsubscribe", {"token": token, "scope": scope})

    async def resubscribe(self, kind: LinkKind, token: str, scope: Scope) -> Result:
        """Undo that choice."""
        body = {"token": token} if kind is LinkKind.RESUBSCRIBE else {"token": token, "scope": scope}
        return await self._change("resubscribe", body)

    async def _change(self, call: str, body: dict[str, str]) -> Result:
        answer = await self._ask(call, body, changes=True)
        try:
            return _Done.model_validate_json(answer).result
        except ValidationError:
            raise self._failed(call, "foreign", changes=True) from None

    async def _ask(self, call: str, body: dict[str, str], *, changes: bool) -> bytes:
        sent = False
        try:
            async with asyncio.timeout(self._answer_within_s), self._turns:
                with self._metrics.device_svc_seconds.labels(call).time():
                    sent = True
                    status, answer = await self._post(call, body)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise self._failed(call, "unreachable", changes=False) from None
        except TimeoutError:
            raise self._failed(call, "slow", changes=changes and sent) from None
        except httpx.HTTPError:
            raise self._failed(call, "cut", changes=changes) from None
        if status in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
            self._metrics.device_svc_up.set(1)
            return answer
        problem = _problem(answer)
        if status == HTTPStatus.NOT_FOUND and problem == FORGED:
            self._metrics.device_svc_up.set(1)
            raise ForgedError("this installation did not make the link")
        if changes and status in {HTTPStatus.CONFLICT, HTTPStatus.GONE} and problem != CHANGED:
            self._metrics.device_svc_up.set(1)
            raise NotDoneError(problem)
        raise self._failed(call, str(status), changes=changes)

    async def _post(self, call: str, body: dict[str, str]) -> tuple[int, bytes]:
        async with self._client.stream("POST", f"/v1/links/{call}", json=body) as response:
            answer = b""
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > MAX_ANSWER_BYTES:
                    raise httpx.RemoteProtocolError("the answer is larger than any of device-svc")
            return response.status_code, answer

    def _failed(self, call: str, reason: str, *, changes: bool) -> AwayError | DoubtfulError:
        self._metrics.device_svc_up.set(0)
        self._metrics.device_svc_failures.labels(call, reason).inc()
        log.warning("device_svc.failed", call=call, reason=reason, doubtful=changes)
        text = f"device-svc: {call}: {reason}"
        return DoubtfulError(text) if changes else AwayError(text)


@asynccontextmanager
async def connected(
    url: AnyHttpUrl, metrics: PortalMetrics, *, answer_within_s: float = ANSWER_WITHIN_S
) -> AsyncIterator[DeviceSvc]:
    """device-svc at this address, while the block runs; whether it is there shows at the first call."""
    async with httpx.AsyncClient(
        base_url=str(url),
        # each call has its one deadline; only what was never connected was surely not asked
        timeout=httpx.Timeout(None, connect=CONNECT_WITHIN_S),
        limits=httpx.Limits(max_connections=MAX_CALLS),
        # a proxy of the environment has no business with an installation's own services
        trust_env=False,
    ) as client:
        yield DeviceSvc(client, metrics, answer_within_s=answer_within_s)


def _link(kind: LinkKind, answer: bytes) -> Link:
    match kind:
        case LinkKind.ENABLE:
            told = _Enable.model_validate_json(answer)
            return EnableLink(
                **_who_and_what(told),
                notifications=told.notifications,
                since=told.since,
                until=told.until,
                enabled_at=told.enabled_at,
                obstacle=told.obstacle,
                entitled=told.plan is None or told.plan.entitled,
                subscribed=told.subscribed,
                tripped_by=tuple(Tripping(each.code, each.at) for each in told.tripped_by),
            )
        case LinkKind.UNSUBSCRIBE | LinkKind.RESUBSCRIBE:
            subscription = _Subscription.model_validate_json(answer)
            return SubscriptionLink(
                **_who_and_what(subscription),
                subscribed=Subscribed(**subscription.subscribed.model_dump()),
                scope=subscription.scope,
                last_listener=subscription.last_listener,
            )
        case LinkKind.WHY:
            why = _Why.model_validate_json(answer)
            return WhyLink(
                **_who_and_what(why),
                mail=why.mail,
                subscribed=Subscribed(**why.subscribed.model_dump()) if why.subscribed else None,
            )


def _who_and_what(told: _Enable | _Subscription | _Why) -> dict[str, Any]:  # Any: two types, each by its name
    reader, device = told.reader, told.device
    return {
        "reader": Reader(reader.address, reader.zone) if reader else None,
        "device": Device(clean(device.name), clean(device.site or "") or None) if device else None,
    }


def _problem(answer: bytes) -> str:
    try:
        return _Problem.model_validate_json(answer).type.removeprefix(problem_type(""))
    except ValidationError:
        return ""

"""device-svc over HTTP: what is behind a link, and what its buttons do. Tokens go in bodies, never in addresses."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import StringConstraints, ValidationError

from ups_portal.adapters.backend import Answer, Backend
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
from ups_portal.handlers.failures import ForgedError, NotDoneError

FORGED = "forged-link"
# Others wrote at the same time, again and again: nothing stands against it.
CHANGED = "changed-meanwhile"

Text = Annotated[str, StringConstraints(max_length=2000)]


class _Reader(Answer):
    address: Text
    zone: Text


class _Device(Answer):
    name: Text
    site: Text | None = None


class _Plan(Answer):
    entitled: bool


class _Tripping(Answer):
    code: Text
    at: datetime


class _Subscribed(Answer):
    device: bool
    company: bool
    all: bool


class _Enable(Answer):
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


class _Subscription(Answer):
    reader: _Reader | None
    device: _Device | None
    subscribed: _Subscribed
    scope: Scope | None = None
    last_listener: bool = False


class _Why(Answer):
    reader: _Reader | None
    device: _Device | None
    mail: Text
    subscribed: _Subscribed | None = None


class _Done(Answer):
    result: Result


class DeviceSvc:
    """Implements `Links`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def look_up(self, kind: LinkKind, token: str) -> Link:
        """What is so now."""
        answer = await self._ask("lookup", {"kind": kind, "token": token}, changes=False)
        try:
            return _link(kind, answer)
        except ValidationError:
            raise self._backend.failed("lookup", "foreign", changes=False) from None

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
            raise self._backend.failed(call, "foreign", changes=True) from None

    async def _ask(self, call: str, body: dict[str, str], *, changes: bool) -> bytes:
        reply = await self._backend.post(call, f"/v1/links/{call}", body, changes=changes)
        if reply.status in {HTTPStatus.OK, HTTPStatus.ACCEPTED}:
            self._backend.understood()
            return reply.content
        problem = reply.problem.name
        if reply.status == HTTPStatus.NOT_FOUND and problem == FORGED:
            self._backend.understood()
            raise ForgedError("this installation did not make the link")
        if changes and reply.status in {HTTPStatus.CONFLICT, HTTPStatus.GONE} and problem != CHANGED:
            self._backend.understood()
            raise NotDoneError(problem)
        raise self._backend.failed(call, str(reply.status), changes=changes)


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

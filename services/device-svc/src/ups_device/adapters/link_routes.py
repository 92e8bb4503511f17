"""Routes that the pages behind mailed links call: the link's signed token alone decides, and no other is needed."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Response
from pydantic import BaseModel, StringConstraints, TypeAdapter, ValidationError

from ups_device.adapters.link_views import (
    EnableLookupView,
    EnableResult,
    ResubscribeResult,
    Result,
    SubscriptionLookupView,
    UnsubscribeResult,
    WhyLookupView,
)
from ups_device.domain.link import EnableLink, SubscriptionLink
from ups_device.domain.period import Answer
from ups_device.domain.subscription import Scope
from ups_device.handlers.link_lookup import LinkLookup
from ups_device.handlers.links import LinkActions
from ups_runtime.errors import NotFound
from ups_runtime.http import RequestBody
from ups_runtime.links import ForgedLinkError, LinkKind, LinkVerifier
from ups_schemas.ids import DeviceId, UserId

T = TypeVar("T")

PREFIX = "/v1/links"
MAX_BODY_BYTES = 4096

Token = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class LookupBody(RequestBody):
    """A link, as its address has it."""

    kind: LinkKind
    token: Token


class EnableBody(RequestBody):
    """The token of an alert's link."""

    token: Token


class UnsubscribeBody(RequestBody):
    """The token of an unsubscribe link, and how far it shall reach."""

    token: Token
    scope: Scope


class ResubscribeBody(RequestBody):
    """The token of an undo link; or that of an unsubscribe link with the scope to undo."""

    token: Token
    scope: Scope | None = None


class _WhyLink(BaseModel):
    user_id: UserId
    mail: str
    device_id: DeviceId | None


_ENABLE, _SUBSCRIPTION, _WHY = TypeAdapter(EnableLink), TypeAdapter(SubscriptionLink), TypeAdapter(_WhyLink)
_FIELD_BY_CLAIM = {"user": "user_id", "device": "device_id", "company": "company_id", "period": "period_id"}


def link_router(links: LinkVerifier, lookup: LinkLookup, actions: LinkActions) -> APIRouter:
    """Mailed links."""
    router = APIRouter(prefix=PREFIX, tags=["links"])

    @router.post("/lookup")
    async def look(body: LookupBody) -> EnableLookupView | SubscriptionLookupView | WhyLookupView:
        """Look at what a link is about. Changes nothing."""
        match body.kind:
            case LinkKind.ENABLE:
                return EnableLookupView.of(await lookup.enable(_opened(links, _ENABLE, LinkKind.ENABLE, body.token)))
            case LinkKind.UNSUBSCRIBE | LinkKind.RESUBSCRIBE:
                link = _opened(links, _SUBSCRIPTION, body.kind, body.token)
                return SubscriptionLookupView.of(body.kind, link, await lookup.subscription(link))
            case LinkKind.WHY:
                why = _opened(links, _WHY, LinkKind.WHY, body.token)
                return WhyLookupView.of(why.mail, *await lookup.why(why.user_id, why.device_id))

    @router.post("/enable")
    async def enable(body: EnableBody, response: Response) -> EnableResult:
        """Enable Notifications, as the owner. 202 when the order is on its way."""
        answer = await actions.enable(_opened(links, _ENABLE, LinkKind.ENABLE, body.token))
        response.status_code = 202 if answer is Answer.REQUESTED else 200
        return EnableResult(result=answer)

    @router.post("/unsubscribe")
    async def unsubscribe(body: UnsubscribeBody) -> UnsubscribeResult:
        """End event mail of the device, of the company, or all. One change is confirmed by one mail."""
        done = await actions.unsubscribe(_opened(links, _SUBSCRIPTION, LinkKind.UNSUBSCRIBE, body.token), body.scope)
        result = Result.UNSUBSCRIBED if done.changed else Result.ALREADY_UNSUBSCRIBED
        return UnsubscribeResult(result=result, scope=done.scope, last_listener=done.last_listener)

    @router.post("/resubscribe")
    async def resubscribe(body: ResubscribeBody) -> ResubscribeResult:
        """Undo exactly that choice."""
        kind = LinkKind.RESUBSCRIBE if body.scope is None else LinkKind.UNSUBSCRIBE
        link = _opened(links, _SUBSCRIPTION, kind, body.token)
        scope = body.scope or link.scope or Scope.DEVICE
        changed = await actions.resubscribe(link, scope)
        return ResubscribeResult(result=Result.RESUBSCRIBED if changed else Result.ALREADY_SUBSCRIBED, scope=scope)

    return router


def _opened(links: LinkVerifier, link: TypeAdapter[T], kind: LinkKind, token: str) -> T:
    try:
        claims = links.verify(kind, token)
        return link.validate_python({_FIELD_BY_CLAIM.get(name, name): value for name, value in claims.items()})
    except (ForgedLinkError, ValidationError):
        raise NotFound(
            "forged-link", "This link was not made by this installation, or was cut on its way.", "token"
        ) from None

"""The route of what changes while a page is open: device-svc's stream, handed on."""

import asyncio
from collections.abc import Sequence
from http import HTTPMethod, HTTPStatus

from starlette.responses import Response

from ups_portal.adapters.backend import MAX_FOLLOWERS
from ups_portal.adapters.handed_on import hand_on
from ups_portal.adapters.headers import head_only
from ups_portal.adapters.visit import Answer, FramedPage, Visit
from ups_portal.domain.account_link import TooOften
from ups_runtime.streaming import Seats

_EVENTS = "text/event-stream"
# Tabs that one person looks at; device-svc says the same.
_EACH = 10


def live_pages(stopping: asyncio.Event) -> Sequence[FramedPage]:
    """The stream, until the process is `stopping`."""
    return (FramedPage("/live", None, _Live(stopping).follow),)


class _Live:
    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._seats = Seats(_EACH, MAX_FOLLOWERS)

    async def follow(self, visit: Visit) -> Answer:
        if visit.request.method == HTTPMethod.HEAD:
            return head_only({"content-type": _EVENTS})
        asked = visit.request.query_params
        # a browser that comes back by itself says where it was in the header, to the address that it began with
        position = visit.request.headers.get("last-event-id") or asked.get("last_event_id", "")
        query = {"device_id": asked.get("device_id", ""), "last_event_id": position}
        given = {name: value for name, value in query.items() if value}
        answer = await hand_on(visit, self._seats, "follow", "/v1/stream", given, _EVENTS, self._stopping)
        if isinstance(answer, TooOften):
            return Response(status_code=HTTPStatus.TOO_MANY_REQUESTS, headers={"Retry-After": str(answer.wait_s)})
        # proxies that buffer answers are asked not to
        answer.headers["x-accel-buffering"] = "no"
        return answer

"""The stream of what changes: server-sent events (HTML standard, section 9.2), scoped as the Event Log is."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Literal, assert_never

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel, Field

from ups_device.adapters.log_routes import Caller, RowView
from ups_device.adapters.overview_views import OverviewView
from ups_device.domain.event_log import CompanyLog, DeviceLog
from ups_device.domain.stream import Batch, DeviceNews, Moment, News, RowNews
from ups_device.handlers.event_log import EventLog
from ups_device.handlers.members import Members
from ups_device.handlers.readers import Readers
from ups_device.handlers.stream import Follower, Stream, concerns
from ups_runtime.access import bearer
from ups_runtime.clock import Clock
from ups_runtime.errors import Forbidden, Refused, Retryable
from ups_runtime.http import RequestBody
from ups_runtime.streaming import Seats, Streamed
from ups_runtime.waking import set_within
from ups_schemas.ids import CompanyId, DeviceId, UserId
from ups_schemas.telling import Words

MEDIA_TYPE = "text/event-stream"

# Who holds the operator's seats, and has no subscription.
OPERATOR = "operator"

# Tabs of one person; and what one process keeps open.
EACH, IN_ALL = 10, 1_000
# Proxies close what is silent for a minute.
HEARTBEAT_S = 15
# Whoever is removed, or whose token has ended, hears nothing after that.
CHECK_EACH_S = 3
# How long a browser waits before it comes back.
RETRY_MS = 2_000

# Gives the scope as it is now; raises when there is nothing to be heard any more.
Scoped = Callable[[], Awaitable[DeviceLog | CompanyLog]]


class StreamQuery(RequestBody):
    """What to follow, and from where on, for whoever cannot send the header."""

    device_id: DeviceId | None = None
    company_id: CompanyId | None = None
    last_event_id: str | None = Field(None, max_length=100)


class GoneView(BaseModel):
    """A device that the company no longer has."""

    device_id: DeviceId
    removed: Literal[True] = True


class Telling:
    """One answer: what is new, until the follower is ended or may not hear more."""

    def __init__(
        self,
        stream: Stream,
        follower: Follower,
        clock: Clock,
        readers: Readers,
        user_id: UserId | None,
        allowed: Callable[[], Awaitable[None]],
        scoped: Scoped,
    ) -> None:
        self._stream = stream
        self._follower = follower
        self._clock = clock
        self._readers = readers
        self._user_id = user_id
        self._allowed = allowed
        self._scoped = scoped

    async def parts(self, scope: DeviceLog | CompanyLog, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """What is new, as server-sent events."""
        since = Moment.parse(last_event_id) if last_event_id else None
        told = since or self._follower.position
        yield f"retry: {RETRY_MS}\nid: {told}\n\n".encode()
        if last_event_id and since is None:
            batch: Batch | None = Batch(self._follower.position, reset=True)
        else:
            batch = await self._stream.missed(self._follower, since)
        beat_at = self._clock.monotonic()
        while True:
            try:
                await self._allowed()
                if batch and any(isinstance(each, DeviceNews) and concerns(each, scope) for each in batch.news):
                    before, scope = scope, await self._scoped()
                    batch = batch if scope == before else Batch(batch.position, reset=True)
            except (Refused, Retryable):
                return
            if batch is None and self._clock.monotonic() - beat_at >= HEARTBEAT_S:
                batch = Batch(self._follower.position)
            if batch:
                yield _events(batch, told, scope, self._readers.words(self._user_id), self._user_id)
                told, beat_at = batch.position, self._clock.monotonic()
            await set_within(self._follower.woken, CHECK_EACH_S, self._clock)
            if self._follower.ended:
                return
            batch = self._follower.take()


def stream_router(
    stream: Stream, log: EventLog, members: Members, readers: Readers, caller: Caller, clock: Clock
) -> APIRouter:
    """What changes in the company's log and devices."""
    router = APIRouter(prefix="/v1", tags=["event log"])
    seats = Seats(EACH, IN_ALL)

    @router.get("/stream", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
    async def follow(
        query: Annotated[StreamQuery, Query()],
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer())],
        last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    ) -> Streamed:
        """Follow the Event Log and the devices of the company, or of one device, as server-sent events."""
        user_id: UserId | None = await caller(credentials)
        company_id = query.company_id if user_id is None else await members.company(user_id)
        if company_id is None:
            raise Refused("company-missing", "Say of which company: company_id.", "company_id")
        if query.company_id not in {None, company_id}:
            raise Forbidden("other-company", "You can follow your own company only.")

        async def allowed() -> None:
            if user_id != await caller(credentials):
                raise Forbidden("other-person", "This is somebody else's.")
            if user_id is not None and await members.company(user_id) != company_id:
                raise Forbidden("other-company", "You can follow your own company only.")

        async def scoped() -> DeviceLog | CompanyLog:
            if query.device_id is None:
                return CompanyLog(company_id)
            if user_id is not None:
                await members.require_reader(user_id, query.device_id)
            return await log.of_device(query.device_id)

        scope = await scoped()
        leave_seat = seats.take(user_id or OPERATOR)
        try:
            follower = await stream.follow(company_id)
        except BaseException:
            leave_seat()
            raise

        def leave() -> None:
            leave_seat()
            stream.leave(follower)

        telling = Telling(stream, follower, clock, readers, user_id, allowed, scoped)
        parts = telling.parts(scope, last_event_id or query.last_event_id)
        # proxies that buffer answers are asked not to
        return Streamed(parts, leave, headers={"content-type": MEDIA_TYPE, "x-accel-buffering": "no"})

    return router


def _events(batch: Batch, before: Moment, scope: DeviceLog | CompanyLog, words: Words, user_id: UserId | None) -> bytes:
    """The events of a batch. Only the last has the new position: who is cut off before it gets all of them again."""
    events = [("reset", "{}")] if batch.reset else []
    events += [_event(news, words, user_id) for news in batch.news if concerns(news, scope)]
    if not events:
        return f": nothing\nid: {batch.position}\n\n".encode()
    ids = [*[before] * (len(events) - 1), batch.position]
    return "".join(
        f"id: {position}\nevent: {name}\ndata: {data}\n\n" for position, (name, data) in zip(ids, events, strict=True)
    ).encode()


def _event(news: News, words: Words, user_id: UserId | None) -> tuple[str, str]:
    match news:
        case RowNews(row, _):
            return "row", RowView.of(row, words).model_dump_json(by_alias=True)
        case DeviceNews(device_id, overview, _):
            view = OverviewView.of(overview, user_id or OPERATOR) if overview else GoneView(device_id=device_id)
            return "device", view.model_dump_json(by_alias=True)
        case _:
            assert_never(news)

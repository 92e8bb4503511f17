"""Answers that go on: sent as they come, by a bounded number at once, and never taken for whole when they are not."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ups_runtime.errors import Refused, Retryable, TooMany
from ups_runtime.logging import get_logger

RETRY_AFTER = timedelta(seconds=30)

log = get_logger("http")


class Seats:
    """How many such answers there may be at once: for each holder, and in all."""

    def __init__(self, each: int, in_all: int) -> None:
        self._each = each
        self._in_all = in_all
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many there are."""
        return self._taken.total()

    def take(self, holder: str) -> Callable[[], None]:
        """Take a seat. What this gives leaves it; to leave again does nothing.

        Raises:
            TooMany: the holder has as many as one may have, or all are taken.
        """
        if self._taken[holder] >= self._each:
            raise TooMany("too-many-open", f"You have {self._each} of these open already.", RETRY_AFTER)
        if self.taken >= self._in_all:
            raise TooMany("all-open", "Too many people have one of these open. Try again in a moment.", RETRY_AFTER)
        self._taken[holder] += 1
        seated = True

        def leave() -> None:
            nonlocal seated
            if seated:
                seated = False
                self._taken[holder] -= 1
                if not self._taken[holder]:
                    del self._taken[holder]

        return leave


class Streamed(Response):
    """A body that is sent part by part.

    `leave` is called once the other side has gone, and at the end: it may be called twice. No part is asked for after
    that. Where a part cannot be had, or the caller may not have it any more, the connection is cut off, so that what
    was sent cannot be taken for all.
    """

    def __init__(
        self, parts: AsyncGenerator[bytes, None], leave: Callable[[], None], *, headers: Mapping[str, str]
    ) -> None:
        self._parts = parts
        self._leave = leave
        self.status_code = 200
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the parts."""
        gone = asyncio.Event()
        watch = asyncio.create_task(self._watch(receive, gone), name="disconnect")
        try:
            async with aclosing(self._parts) as parts:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                async for part in parts:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                    if gone.is_set():
                        return
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (Retryable, Refused) as error:
            # the server closes a connection whose answer was not finished
            log.warning("stream.cut_off", path=scope["path"], error=str(error))
        finally:
            watch.cancel()
            self._leave()

    async def _watch(self, receive: Receive, gone: asyncio.Event) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()
        self._leave()

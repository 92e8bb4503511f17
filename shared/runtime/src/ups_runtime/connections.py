"""HTTP connections, bounded in what they may send before a request can be judged."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# A key and a proxy's headers take 2 KiB; half of this is what proxies themselves refuse above.
MAX_HEAD_BYTES = 64 * 1024
# Longer, and whoever opens connections without a word holds all that there may be.
HEAD_WITHIN_S = 20.0
# For each part of a body of this size: 1 kbit/s. Slower, and a byte now and then holds a connection for hours.
BODY_PART_BYTES = 4096
BODY_PART_WITHIN_S = 30.0
# Until 48 KiB of what waits to be sent were taken. Longer, and whoever reads nothing holds what was made for them.
TAKEN_WITHIN_S = 30.0


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, which keeps headers of any size and waits for them for ever, for strangers too.

    A connection ends with a 400 when over 64 KiB came (and what one read of the socket takes in) that were neither body
    nor the end of a request's head or trailers, and without a word when a head takes longer than 20 s, less than 4 KiB
    of a body come in 30 s although more would be read, or what was sent is not taken for 30 s.
    """

    head_within_s = HEAD_WITHIN_S
    body_part_within_s = BODY_PART_WITHIN_S
    taken_within_s = TAKEN_WITHIN_S

    def __init__(self, *arguments: Any, **options: Any) -> None:  # Any: uvicorn's own
        super().__init__(*arguments, **options)
        self._unfinished_bytes = 0
        self._body_bytes = 0
        self._head_deadline: asyncio.TimerHandle | None = None
        self._body_deadline: asyncio.TimerHandle | None = None
        self._taken_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._have_head()
        self._have_body()
        self._is_taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the other side to take what was sent."""
        super().pause_writing()
        self._is_taken()
        self._taken_deadline = self.loop.call_later(self.taken_within_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It has."""
        self._is_taken()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless too much of it leads nowhere."""
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._have_head()
        self._unfinished_bytes = 0
        self._await_body()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body is there; how much of that is taken is the application's to say."""
        self._unfinished_bytes = 0
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._unfinished_bytes = 0
        self._have_body()
        super().on_message_complete()

    def _await_head(self) -> None:
        self._have_head()
        self._head_deadline = self.loop.call_later(self.head_within_s, self.transport.close)

    def _await_body(self) -> None:
        self._have_body()
        self._body_bytes = 0
        self._body_deadline = self.loop.call_later(self.body_part_within_s, self._look_at_body)

    def _look_at_body(self) -> None:
        if self._body_bytes < BODY_PART_BYTES and not self.flow.read_paused:
            self.transport.close()
        else:
            self._await_body()

    def _have_body(self) -> None:
        if self._body_deadline is not None:
            self._body_deadline.cancel()
            self._body_deadline = None

    def _is_taken(self) -> None:
        if self._taken_deadline is not None:
            self._taken_deadline.cancel()
            self._taken_deadline = None

    def _have_head(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from ups_runtime.clock import SystemClock
from ups_runtime.connections import BoundedHttp
from ups_runtime.errors import Retryable, TooMany
from ups_runtime.lifecycle import Life
from ups_runtime.streaming import Seats, Streamed
from ups_runtime.testing import eventually


@dataclass
class Server:
    """Serves what a test makes: parts, until it says that there are no more."""

    life: Life
    asked: int = 0
    left: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    more: Callable[[], Awaitable[bytes]] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.life.ports[0]}/"

    async def answer(self, _request: Request) -> Streamed:
        return Streamed(self._parts(), self._leave, headers={"content-type": "text/plain"})

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        try:
            while self.more and (part := await self.more()):
                self.asked += 1
                yield part
        finally:
            self.closed.set()

    def _leave(self) -> None:
        self.left += 1


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(BoundedHttp, "taken_within_s", 0.3)
    life = Life("probe", SystemClock())
    server = Server(life)
    await life.serve(Starlette(routes=[Route("/", server.answer)]), "127.0.0.1", 0)
    yield server
    await life.tear_down()
    life.failure.cancel()


async def test_what_is_whole_arrives_whole(server: Server) -> None:
    parts = [b"a" * 100_000, b"b", b""]

    async def more() -> bytes:
        return parts.pop(0)

    server.more = more
    async with httpx.AsyncClient() as client:
        answer = await client.get(server.url)

    assert answer.content == b"a" * 100_000 + b"b"
    assert "content-length" not in answer.headers
    assert server.left


async def test_what_is_cut_off_cannot_be_taken_for_whole(server: Server) -> None:
    async def more() -> bytes:
        if server.asked == 2:
            raise Retryable("the database is away")
        return b"part"

    server.more = more
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(server.url)

    assert server.left
    assert server.closed.is_set()


async def test_who_does_not_read_is_cut_off_and_nothing_more_is_made_for_them(server: Server) -> None:
    async def more() -> bytes:
        return b"x" * 65536

    server.more = more
    _, writer = await asyncio.open_connection("127.0.0.1", server.life.ports[0], limit=1024)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    await eventually(server.closed.is_set)

    assert server.left
    writer.close()


async def test_who_goes_away_is_noticed_although_nothing_is_sent(server: Server) -> None:
    waiting = asyncio.Event()

    async def more() -> bytes:
        await waiting.wait()
        return b""

    server.more = more
    _, writer = await asyncio.open_connection("127.0.0.1", server.life.ports[0])
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await writer.drain()
    writer.close()

    await eventually(lambda: server.left)

    waiting.set()
    await eventually(server.closed.is_set)


def test_each_has_so_many_seats_and_all_together_so_many() -> None:
    seats = Seats(each=2, in_all=3)
    leave = seats.take("anna")
    seats.take("anna")
    with pytest.raises(TooMany, match="2 of these"):
        seats.take("anna")
    seats.take("ben")
    with pytest.raises(TooMany, match="Too many people"):
        seats.take("carl")

    leave()
    leave()

    seats.take("carl")
    assert seats.taken == 3
    with pytest.raises(TooMany):
        seats.take("dora")

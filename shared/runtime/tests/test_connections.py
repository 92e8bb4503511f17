import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ups_runtime.clock import SystemClock
from ups_runtime.connections import BoundedHttp
from ups_runtime.lifecycle import Life
from ups_runtime.testing import eventually

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
ENOUGH = 40


@dataclass
class Server:
    port: int
    go_on: asyncio.Event
    waits: list[float]

    async def send(self, *parts: bytes, again: bytes = b"") -> bytes:
        """What a connection answers before it ends; `again` is written up to 40 times, as far as it is taken."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts + (again,) * (ENOUGH if again else 0):
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass
        try:
            async with asyncio.timeout(5):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(BoundedHttp, "head_within_s", 0.2)
    go_on = asyncio.Event()
    waits: list[float] = []

    def wait(_self: BoundedHttp) -> float:
        waits.append(0.5)
        return waits[-1]

    monkeypatch.setattr(BoundedHttp, "body_part_within_s", property(wait))

    async def answer(request: Request) -> PlainTextResponse:
        await request.body()
        return PlainTextResponse("answer")

    async def answer_when_told(request: Request) -> PlainTextResponse:
        await go_on.wait()
        return await answer(request)

    async def answer_at_once(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("answer")

    life = Life("probe", SystemClock())
    ways = {"/": answer, "/told": answer_when_told, "/at-once": answer_at_once}
    app = Starlette(routes=[Route(path, way, methods=["GET", "POST"]) for path, way in ways.items()])
    yield Server(await life.serve(app, "127.0.0.1", 0), go_on, waits)
    await life.tear_down()
    life.failure.cancel()


@pytest.mark.parametrize(
    ("begun", "again"),
    [
        (HEAD + b"x: ", b"y" * 65536),
        (HEAD, b"x: y\r\n" * 10_000),
        (b"POST /", b"y" * 65536),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"x: y\r\n" * 10_000),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nx: ", b"y" * 65536),
    ],
    ids=["one header", "many headers", "path", "trailers", "one trailer"],
)
async def test_a_head_without_an_end_is_not_kept(server: Server, begun: bytes, again: bytes) -> None:
    answered = await server.send(begun, again=again)

    assert answered.count(b"HTTP/1.1 200") <= 1
    assert not answered or b"HTTP/1.1 400" in answered or b"HTTP/1.1 200" in answered


@pytest.mark.parametrize("begun", [b"", HEAD], ids=["nothing", "half a head"])
async def test_a_head_that_does_not_come_is_not_waited_for(server: Server, begun: bytes) -> None:
    assert await server.send(begun) == b""


async def test_a_large_body_is_the_applications_to_judge(server: Server) -> None:
    size = 1024 * 1024

    answered = await server.send(HEAD + f"Connection: close\r\nContent-Length: {size}\r\n\r\n".encode(), b"y" * size)

    assert answered.endswith(b"answer")


async def test_a_body_that_does_not_come_is_not_waited_for(server: Server) -> None:
    assert await server.send(HEAD + b"Content-Length: 30000\r\n\r\n", b"y" * 4000) == b""


async def test_a_body_that_nobody_waits_for_keeps_no_connection(server: Server) -> None:
    answered = await server.send(HEAD.replace(b"/", b"/at-once", 1) + b"Content-Length: 30000\r\n\r\n", b"y" * 4000)

    assert answered.endswith(b"answer")


async def test_a_body_may_come_slowly(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HEAD + b"Content-Length: 10000\r\n\r\n" + b"y" * 5000)
    await eventually(lambda: len(server.waits) == 2)

    writer.write(b"y" * 5000)

    assert (await reader.readuntil(b"answer")).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_an_application_may_read_a_body_slowly(server: Server) -> None:
    size = 10 * 1024 * 1024  # more than is kept on the way to it
    head = HEAD.replace(b"/", b"/told", 1) + f"Connection: close\r\nContent-Length: {size}\r\n\r\n".encode()
    answering = asyncio.create_task(server.send(head, b"y" * size))
    await eventually(lambda: len(server.waits) >= 3)

    server.go_on.set()

    assert (await answering).endswith(b"answer")


async def test_a_small_answer_on_a_kept_connection_waits_for_no_acknowledgement(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    began = time.perf_counter()

    for _ in range(20):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"answer")

    # a peer acknowledges after 40 ms, which the second part of each answer would wait for
    assert time.perf_counter() - began < 20 * 0.04
    writer.close()

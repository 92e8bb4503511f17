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

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
ENOUGH = 40


@dataclass
class Server:
    port: int

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

    async def answer(request: Request) -> PlainTextResponse:
        await request.body()
        return PlainTextResponse("answer")

    life = Life("probe", SystemClock())
    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    yield Server(await life.serve(app, "127.0.0.1", 0))
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


async def test_a_small_answer_on_a_kept_connection_waits_for_no_acknowledgement(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    began = time.perf_counter()

    for _ in range(20):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"answer")

    # a peer acknowledges after 40 ms, which the second part of each answer would wait for
    assert time.perf_counter() - began < 20 * 0.04
    writer.close()

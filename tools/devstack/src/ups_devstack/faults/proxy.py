"""A TCP proxy that reads Kafka's framing: requests and answers can be delayed or dropped by their API key.

Each request begins with its length, API key, API version and correlation id, each answer with its length and the
correlation id (Kafka protocol guide, "Request and Response Headers").
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

END_TXN = 26

# A connection closed at once may take a request along that the broker has not read yet.
ANSWERED_WITHIN_S = 1.0

_LENGTH = struct.Struct(">i")
_REQUEST = struct.Struct(">hhi")
_ANSWER = struct.Struct(">i")


class Bite(StrEnum):
    """What is done to a request or its answer."""

    ANSWER_LATE = "answered late"
    ANSWER_NEVER = "answered never"
    REQUEST_LATE = "asked late"  # after the client gave up: the old request lands in the next transaction's time


@dataclass
class Rule:
    """Bite the next `left` exchanges of `api_key`; `bitten` counts them, `landed` the requests that came late."""

    api_key: int
    bite: Bite
    seconds: float = 0.0
    left: int = 0
    bitten: int = 0
    landed: int = 0

    def takes(self, api_key: int, *bites: Bite) -> bool:
        """Whether this exchange is one to bite; counts it if it is."""
        if api_key != self.api_key or self.bite not in bites or self.left <= 0:
            return False
        self.left -= 1
        self.bitten += 1
        return True


class Proxy:
    """Listens on `port` and speaks to one broker; `rule` may be changed at any time."""

    def __init__(self, host: str, broker_port: int) -> None:
        self.port = 0
        self.rule: Rule | None = None
        self._upstream = (host, broker_port)
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        """Listen while the block runs; what is delayed then is dropped with its end."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            broker, to_broker = await asyncio.open_connection(*self._upstream)
            try:
                await self._both_ways(client, to_client, broker, to_broker)
            finally:
                to_broker.close()
        to_client.close()

    async def _both_ways(
        self,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        broker: asyncio.StreamReader,
        to_broker: asyncio.StreamWriter,
    ) -> None:
        keys: dict[int, int] = {}
        held: list[asyncio.Task[None]] = []

        async def requests() -> None:
            while True:
                frame = await _frame(client)
                api_key, _, correlation_id = _REQUEST.unpack_from(frame, _LENGTH.size)
                keys[correlation_id] = api_key
                rule = self.rule
                if rule is not None and rule.takes(api_key, Bite.REQUEST_LATE):
                    held.append(asyncio.create_task(_later(rule, to_broker, frame)))
                else:
                    to_broker.write(frame)
                    await to_broker.drain()

        async def answers() -> None:
            while True:
                frame = await _frame(broker)
                (correlation_id,) = _ANSWER.unpack_from(frame, _LENGTH.size)
                api_key, rule = keys.pop(correlation_id, -1), self.rule
                if rule is not None and rule.takes(api_key, Bite.ANSWER_LATE, Bite.ANSWER_NEVER):
                    if rule.bite is Bite.ANSWER_NEVER:
                        continue
                    await asyncio.sleep(rule.seconds)
                to_client.write(frame)
                await to_client.drain()

        ways = [asyncio.create_task(requests()), asyncio.create_task(answers())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            # the broker hears of a request that was held back even when its client has gone
            await asyncio.gather(*held)
            if held:
                await asyncio.sleep(ANSWERED_WITHIN_S)
        finally:
            for task in (*ways, *held):
                task.cancel()
            await asyncio.gather(*ways, *held, return_exceptions=True)


async def _frame(stream: asyncio.StreamReader) -> bytes:
    length = await stream.readexactly(_LENGTH.size)
    return length + await stream.readexactly(_LENGTH.unpack(length)[0])


async def _later(rule: Rule, to_broker: asyncio.StreamWriter, frame: bytes) -> None:
    await asyncio.sleep(rule.seconds)
    to_broker.write(frame)
    await to_broker.drain()
    rule.landed += 1

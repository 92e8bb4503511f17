"""A mail server that does what a test's script says: refuses, breaks off, keeps silent, or takes the mail."""

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum


class Then(Enum):
    """What to do instead of answering."""

    CUT = "cut"  # break the connection; a message that has arrived whole is thrown away
    KEEP_AND_CUT = "keep and cut"  # take the message, and break the connection without an answer
    HANG = "hang"  # never answer
    WAIT = "wait"  # until the test opens the gate; then all is fine
    KEEP_AND_HANG = "keep and hang"  # take the message, and never answer


@dataclass(frozen=True)
class Taken:
    """A mail that the server took."""

    sender: str
    recipient: str
    message: bytes


_WHEN_FINE = {"CONNECT": "220 test", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "CONTENT": "250 taken"}


@dataclass
class ScriptedServer:
    """`script` holds per phase (CONNECT, EHLO, AUTH, MAIL, RCPT, DATA, CONTENT) what to do the next times.

    When a phase has no more in it, all is fine. `pace_s` says how long each answer takes on a connection, by its number
    (from 1). Connections beyond `most_at_once` are told `too_many` instead of a greeting, and counted.
    """

    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    capabilities: tuple[str, ...] = ()
    script: defaultdict[str, deque[str | Then]] = field(default_factory=lambda: defaultdict(deque))
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: bool = False
    pace_s: dict[int, float] = field(default_factory=dict)
    most_at_once: int | None = None
    too_many: str | Then = "421 too many connections"
    turned_away: int = 0
    _open: dict[asyncio.StreamWriter, int] = field(default_factory=dict)

    def next(self, phase: str, *actions: str | Then) -> None:
        """Do this the next times that it comes to this phase."""
        self.script[phase].extend(actions)

    def drop_all(self) -> None:
        """Break every open connection."""
        for writer in list(self._open):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self._open[writer] = self.connections
        try:
            if self.most_at_once is not None and len(self._open) > self.most_at_once:
                self.turned_away += 1
                self.script["CONNECT"].appendleft(self.too_many)
                await self._answer("CONNECT", writer)
                return
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, _CutError):
            pass
        finally:
            del self._open[writer]
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = recipient = ""
        await self._answer("CONNECT", writer)
        while line := (await reader.readline()).decode("ascii", "replace").strip():
            verb = line.split()[0].upper()
            self.commands.append(verb)
            match verb:
                case "EHLO":
                    greeting = ["test", *self.capabilities]
                    lines = [f"250{'-' if each is not greeting[-1] else ' '}{each}" for each in greeting]
                    await self._answer("EHLO", writer, "\r\n".join(lines))
                case "AUTH":
                    await self._answer("AUTH", writer, "235 welcome")
                case "MAIL":
                    sender = line.partition("<")[2].partition(">")[0]
                    await self._answer("MAIL", writer)
                case "RCPT":
                    recipient = line.partition("<")[2].partition(">")[0]
                    await self._answer("RCPT", writer)
                case "DATA":
                    if await self._answer("DATA", writer):
                        message = await reader.readuntil(b"\r\n.\r\n")
                        await self._content(Taken(sender, recipient, _unstuffed(message)), writer)
                case "QUIT":
                    await _say(writer, "221 bye")
                    return
                case _:
                    await _say(writer, "250 ok")

    async def _content(self, mail: Taken, writer: asyncio.StreamWriter) -> None:
        action = self.script["CONTENT"][0] if self.script["CONTENT"] else "250"
        if action in {Then.KEEP_AND_CUT, Then.KEEP_AND_HANG, Then.WAIT} or (
            isinstance(action, str) and action.startswith("2")
        ):
            self.taken.append(mail)
        await self._answer("CONTENT", writer)

    async def _answer(self, phase: str, writer: asyncio.StreamWriter, fine: str | None = None) -> bool:
        """Whether the answer was the fine one."""
        waiting = self.script[phase]
        said_when_fine = fine or _WHEN_FINE[phase]
        action = waiting.popleft() if waiting else said_when_fine
        await asyncio.sleep(self.pace_s.get(self._open[writer], 0))
        if action is Then.WAIT:
            self.waiting = True
            await self.gate.wait()
            action = said_when_fine
        match action:
            case Then.CUT | Then.KEEP_AND_CUT:
                raise _CutError
            case Then.HANG | Then.KEEP_AND_HANG:
                await asyncio.Event().wait()
            case Then.WAIT:
                pass
            case str():
                await _say(writer, action)
        return isinstance(action, str) and action[0] in "23"


class _CutError(Exception):
    pass


async def _say(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(f"{text}\r\n".encode())
    await writer.drain()


def _unstuffed(message: bytes) -> bytes:
    return message.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")


@asynccontextmanager
async def scripted_server(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[ScriptedServer]:
    """The server while the block runs."""
    scripted = ScriptedServer()
    tasks: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(scripted.serve(reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls, limit=2**24)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()

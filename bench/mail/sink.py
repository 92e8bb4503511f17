"""A mail server that takes everything at once and writes down when, and to whom: the same for every contender."""

import asyncio
import socket
import sys
import time
from pathlib import Path
from typing import TextIO

_ANSWERS = {b"EHLO": b"250-sink\r\n250 8BITMIME\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
_END = b"\r\n.\r\n"
_WRITE_EVERY_S = 0.1


class Session(asyncio.Protocol):
    """One connection: as little work as SMTP allows."""

    def __init__(self, taken: list[str]) -> None:
        self._taken = taken
        self._held = bytearray()
        self._in_message = False
        self._recipient = ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer each line, and each whole message."""
        assert self._transport is not None
        self._held += data
        while True:
            end = _END if self._in_message else b"\r\n"
            head, found, rest = self._held.partition(end)
            if not found:
                return
            self._held = rest
            if self._in_message:
                self._taken.append(f"{time.time()} {self._recipient}\n")
                self._in_message = False
                self._transport.write(b"250 taken\r\n")
                continue
            verb = bytes(head[:4]).upper()
            if verb == b"RCPT":
                self._recipient = bytes(head).partition(b"<")[2].partition(b">")[0].decode()
            self._in_message = verb == b"DATA"
            self._transport.write(_ANSWERS.get(verb, b"250 ok\r\n"))


def serve(port_file: Path, taken_file: Path) -> None:
    """Serve until killed."""
    with socket.create_server(("127.0.0.1", 0)) as listening, taken_file.open("a") as file:
        port_file.write_text(str(listening.getsockname()[1]))
        asyncio.run(_serve(listening, file))


async def _serve(listening: socket.socket, file: TextIO) -> None:
    taken: list[str] = []
    async with await asyncio.get_running_loop().create_server(lambda: Session(taken), sock=listening):
        while True:
            await asyncio.sleep(_WRITE_EVERY_S)
            file.writelines(taken)
            file.flush()
            taken.clear()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]))

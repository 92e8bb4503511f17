"""What a server can answer, and what it is taken for."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ups_event_ingest.adapters.nut_client import Failed, Failure, UpsdClient
from ups_event_ingest.adapters.nut_file import WatchedUps
from ups_event_ingest.domain.nut import Reading

HANG_UP = b""
SILENCE = None


def listing(*lines: str) -> bytes:
    return "\n".join(("BEGIN LIST VAR ups", *lines, "END LIST VAR ups", "")).encode("latin-1")


HEALTHY = listing('VAR ups ups.status "OL CHRG"', 'VAR ups ups.mfr "Some \\"quoted\\" maker"', 'VAR ups ups.alarm ""')


class ScriptedUpsd:
    """Answers each line with `answer`; HANG_UP closes, SILENCE says nothing. Stops and listens again at one port."""

    def __init__(self) -> None:
        self.answer: bytes | None = HEALTHY
        self.asked: list[str] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        for writer in list(self._open):
            writer.close()
            await writer.wait_closed()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while line := await reader.readline():
                self.asked.append(line.decode().strip())
                if self.answer == HANG_UP:
                    break
                writer.write(self.answer or b"")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()


@pytest.fixture
async def upsd() -> AsyncIterator[ScriptedUpsd]:
    server = ScriptedUpsd()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(upsd: ScriptedUpsd) -> AsyncIterator[UpsdClient]:
    client = UpsdClient(WatchedUps("dev-1", "ups", "127.0.0.1", upsd.port), step_within_s=0.2, read_within_s=0.5)
    yield client
    client.close()


async def test_a_reading_is_all_variables_over_one_connection(client: UpsdClient, upsd: ScriptedUpsd) -> None:
    first, second = await client.read(), await client.read()

    assert isinstance(first, Reading)
    assert first.variables["ups.status"] == "OL CHRG"
    assert first.variables["ups.alarm"] == ""
    assert second == first
    assert upsd.asked == ["LIST VAR ups"] * 2
    assert upsd.connections == 1


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"ERR DATA-STALE\n", Failure.STALE),
        (b"ERR DRIVER-NOT-CONNECTED\n", Failure.STALE),
        (b"ERR UNKNOWN-UPS\n", Failure.REFUSED),
        (b"ERR ACCESS-DENIED\n", Failure.REFUSED),
        (b"ERR SOMETHING-NEW\n", Failure.REFUSED),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Failure.UNREADABLE),
        (b"BEGIN LIST VAR another\n", Failure.UNREADABLE),
        (b"\xff\xfe\x00\n", Failure.UNREADABLE),
        (listing('VAR ups ups.mfr "M\xfcller"'), Failure.UNREADABLE),
        (listing("VAR ups"), Failure.UNREADABLE),
        (listing("VAR ups ups.status"), Failure.UNREADABLE),
        (b"x" * 200_000, Failure.UNREADABLE),
        (listing(*['VAR ups ups.alarm "' + "a" * 1000 + '"'] * 200), Failure.UNREADABLE),
        (b"BEGIN LIST VAR ups\nVAR ups ups.status ", Failure.UNREACHABLE),
        (b"BEGIN LIST VAR ups", Failure.UNREACHABLE),
        (HANG_UP, Failure.UNREACHABLE),
        (SILENCE, Failure.UNREACHABLE),
    ],
    ids=lambda value: None if isinstance(value, Failure) else repr(value)[:40],
)
async def test_whatever_comes_has_a_name_and_the_next_reading_is_not_mixed_up_with_it(
    client: UpsdClient, upsd: ScriptedUpsd, answer: bytes | None, failure: Failure
) -> None:
    upsd.answer = answer

    failed = await client.read()

    assert isinstance(failed, Failed)
    assert failed.failure is failure
    upsd.answer = HEALTHY
    assert isinstance(await client.read(), Reading)


async def test_the_servers_own_words_are_the_detail(client: UpsdClient, upsd: ScriptedUpsd) -> None:
    upsd.answer = b"ERR UNKNOWN-UPS\n"

    assert await client.read() == Failed(Failure.REFUSED, "UNKNOWN-UPS")


async def test_a_server_that_was_restarted_is_read_again_at_once(client: UpsdClient, upsd: ScriptedUpsd) -> None:
    await client.read()
    await upsd.stop()
    away = await client.read()
    await upsd.start()

    assert isinstance(away, Failed)
    assert away.failure is Failure.UNREACHABLE
    assert isinstance(await client.read(), Reading)


async def test_a_host_that_cannot_be_is_unreachable() -> None:
    failed = await UpsdClient(WatchedUps("dev-1", "ups", "nowhere.invalid", 3493), step_within_s=2).read()

    assert isinstance(failed, Failed)
    assert failed.failure is Failure.UNREACHABLE

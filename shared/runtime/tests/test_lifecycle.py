import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ups_runtime.errors import ExitCode, Fatal
from ups_runtime.lifecycle import Life, running
from ups_runtime.settings import HttpSettings, LogSettings


@dataclass(frozen=True)
class Settings:
    http: HttpSettings
    log: LogSettings


SETTINGS = Settings(HttpSettings(host="127.0.0.1", side_host="127.0.0.1"), LogSettings())


@asynccontextmanager
async def resource(name: str, closed: list[str]):
    yield name
    closed.append(name)


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_parts_are_torn_down_in_reverse_order() -> None:
    closed: list[str] = []

    async def start(life: Life, _settings: Settings) -> None:
        await life.enter("first", resource("first", closed))
        life.spawn("loop", for_ever())
        await life.enter("second", resource("second", closed))

    async with running("probe", SETTINGS, start):
        assert closed == []

    assert closed == ["second", "first"]


async def test_a_failed_start_tears_down_what_it_began() -> None:
    closed: list[str] = []

    async def start(life: Life, _settings: Settings) -> None:
        await life.enter("first", resource("first", closed))
        raise Fatal(ExitCode.DEPENDENCY, "no database")

    with pytest.raises(Fatal, match="no database"):
        async with running("probe", SETTINGS, start):
            pass

    assert closed == ["first"]


async def test_a_part_that_hangs_at_its_close_does_not_keep_the_others_open() -> None:
    closed: list[str] = []

    @asynccontextmanager
    async def hanging():
        yield
        await asyncio.Event().wait()

    async def start(life: Life, _settings: Settings) -> None:
        await life.enter("first", resource("first", closed))
        await life.enter("hanging", hanging(), close_within_s=0.05)

    async with running("probe", SETTINGS, start):
        pass

    assert closed == ["first"]


async def test_the_crash_of_a_part_is_the_failure_of_the_process() -> None:
    async def crash() -> None:
        raise RuntimeError("bug")

    async def start(life: Life, _settings: Settings) -> None:
        life.spawn("crash", crash())

    with pytest.raises(RuntimeError, match="bug"):
        async with running("probe", SETTINGS, start) as life:
            await asyncio.wait([life.failure], timeout=5)


async def test_a_stopping_process_is_not_ready() -> None:
    seen: list[dict[str, str]] = []

    @asynccontextmanager
    async def looking(life: Life):
        yield
        seen.append(life.health.missing())

    async def start(life: Life, _settings: Settings) -> None:
        await life.enter("looking", looking(life))

    async with running("probe", SETTINGS, start) as life:
        assert life.health.missing() == {}

    assert seen == [{"process": "stopping"}]


async def test_http_is_served_on_a_port_of_the_kernels_choice() -> None:
    async def hello(_request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    ports: list[int] = []

    async def start(life: Life, settings: Settings) -> None:
        app = Starlette(routes=[Route("/", hello)])
        ports.append(await life.serve(app, settings.http.host, settings.http.port))

    async with running("probe", SETTINGS, start) as life, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{ports[0]}/")
        side = await client.get(f"http://127.0.0.1:{life.side_port}/livez")

    assert answer.text == "hello"
    assert "server" not in answer.headers
    assert side.json() == {"alive": True, "stuck": {}}


async def test_a_taken_port_is_said() -> None:
    async def start(life: Life, _settings: Settings) -> None:
        port = await life.serve(Starlette(), "127.0.0.1", 0)
        await life.serve(Starlette(), "127.0.0.1", port)

    with pytest.raises(Fatal, match="cannot listen on"):
        async with running("probe", SETTINGS, start):
            pass


PROGRAM = textwrap.dedent(
    """
    import asyncio
    from dataclasses import dataclass
    from starlette.applications import Starlette
    from ups_runtime.errors import ExitCode, Fatal
    from ups_runtime.lifecycle import run
    from ups_runtime.settings import HttpSettings, LogSettings

    @dataclass(frozen=True)
    class Settings:
        http: HttpSettings
        log: LogSettings

    async def fail():
        raise Fatal(ExitCode.POISON, "too much poison")

    async def start(life, settings):
        import sys
        if sys.argv[1] == "fatal":
            life.spawn("fail", fail())
        if sys.argv[1] == "waits":
            print("waiting", flush=True)
            await asyncio.Event().wait()
        await life.serve(Starlette(), settings.http.host, settings.http.port)

    run("probe", Settings, start)
    """
)


def start_program(tmp_path, mode: str, **env: str) -> subprocess.Popen[str]:
    environ = {"PATH": os.environ["PATH"], "UPS_HTTP_PORTS_FILE": str(tmp_path / "ports.json")} | env
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, mode], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=30)
    return process.returncode, err


async def test_a_process_says_its_ports_and_leaves_on_sigterm(tmp_path) -> None:
    process = start_program(tmp_path, "serve")
    while not (tmp_path / "ports.json").exists():
        assert process.poll() is None
        await asyncio.sleep(0.05)
    ports = json.loads((tmp_path / "ports.json").read_text())

    process.send_signal(signal.SIGTERM)
    code, err = finish(process)

    assert code == ExitCode.OK
    assert ports["port"] > 0
    assert ports["side_port"] > 0
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events == ["process.starting", "process.started", "process.stopping", "process.stopped"]


def test_a_fatal_part_gives_the_exit_code(tmp_path) -> None:
    code, err = finish(start_program(tmp_path, "fatal"))

    assert code == ExitCode.POISON
    assert "too much poison" in err


def test_a_process_that_still_waits_leaves_on_sigterm(tmp_path) -> None:
    process = start_program(tmp_path, "waits")
    assert process.stdout
    assert process.stdout.readline() == "waiting\n"

    process.send_signal(signal.SIGTERM)

    assert finish(process)[0] == ExitCode.OK


def test_wrong_settings_are_all_named_and_nothing_starts(tmp_path) -> None:
    code, err = finish(start_program(tmp_path, "serve", UPS_HTTP_PRT="1", UPS_LOG_LEVEL="loud"))

    assert code == ExitCode.SETTINGS
    assert "UPS_HTTP_PRT: no such setting; did you mean UPS_HTTP_PORT?" in err
    assert "UPS_LOG_LEVEL: " in err


@pytest.mark.parametrize(
    ("trusted", "forwarded", "seen"),
    [
        ("", "203.0.113.7", "127.0.0.1"),
        ("192.0.2.0/24", "203.0.113.7", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("192.0.2.0/24, 127.0.0.1", "198.51.100.1, 203.0.113.7, 192.0.2.3", "203.0.113.7"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
async def test_a_proxy_is_believed_where_a_request_comes_from_only_if_it_is_named(
    monkeypatch: pytest.MonkeyPatch, trusted: str, forwarded: str, seen: str
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(request.client.host))])

    async def start(life: Life, _settings: Settings) -> None:
        await life.serve(app, "127.0.0.1", 0, trusted_proxies=trusted)

    async with running("probe", SETTINGS, start) as life, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{life.ports[0]}/", headers={"X-Forwarded-For": forwarded})

    assert answer.text == seen

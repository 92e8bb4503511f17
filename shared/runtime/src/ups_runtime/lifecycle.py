"""The life of a process: parts started in order, torn down in reverse, by name and with a deadline each."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import uvicorn
from starlette.types import ASGIApp

from ups_runtime.clock import Clock, SystemClock
from ups_runtime.connections import BoundedHttp
from ups_runtime.errors import ExitCode, Fatal
from ups_runtime.health import Health, side_app
from ups_runtime.logging import configure, get_logger
from ups_runtime.metrics import Metrics
from ups_runtime.settings import HttpSettings, LogSettings, SettingsError, load

T = TypeVar("T")

# From SIGTERM to the end; orchestrators kill at 30 s. Past it the process leaves with STUCK.
GRACE_S = 25

log = get_logger("process")


class BaseSettings(Protocol):
    """What the settings of every process have."""

    @property
    def http(self) -> HttpSettings:
        """Where it listens."""

    @property
    def log(self) -> LogSettings:
        """What it logs."""


S = TypeVar("S", bound=BaseSettings)
Start = Callable[["Life", S], Awaitable[None]]


class Life:
    """What a service's `start` builds on: it enters resources, spawns parts and serves HTTP.

    Whatever was entered, spawned or served is torn down in reverse order, each within its deadline, also after a failed
    start. The crash of one spawned part ends the process: `failure` then holds its exception.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.metrics = Metrics(name)
        self.health = Health(clock)
        self.stopping = asyncio.Event()
        # who still routes traffic here is told, while what was begun is answered
        self.health.add("process", lambda: "stopping" if self.stopping.is_set() else None)
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ports: list[int] = []
        self.side_port = 0
        self._teardown: list[tuple[str, float, Callable[[], Awaitable[object]]]] = []

    async def enter(self, name: str, manager: AbstractAsyncContextManager[T], *, close_within_s: float = 10) -> T:
        """Enter a resource that lives until teardown."""
        resource = await manager.__aenter__()
        self._teardown.append((name, close_within_s, lambda: manager.__aexit__(None, None, None)))
        return resource

    def spawn(self, name: str, part: Coroutine[Any, Any, None], *, close_within_s: float = 10) -> None:
        """Run a part until teardown cancels it. If it raises, or returns before that, the process ends."""
        task = asyncio.create_task(part, name=name)
        task.add_done_callback(self._ended)

        async def cancel() -> None:
            task.cancel()
            # its failure, if any, was reported by `_ended`
            await asyncio.wait([task])

        self._teardown.append((name, close_within_s, cancel))

    async def serve(self, app: ASGIApp, host: str, port: int, *, name: str = "http", trusted_proxies: str = "") -> int:
        """Serve HTTP and give the port, which the kernel chooses for 0. Teardown answers what was begun, then closes.

        Of `trusted_proxies`, addresses or networks with commas between, it is believed where a request comes from.

        Raises:
            Fatal: with SETTINGS when the port is taken.
        """
        listener = _listen(host, port)
        server = _Server(
            uvicorn.Config(
                app,
                http=BoundedHttp,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=8,
                timeout_keep_alive=65,  # above the 60 s after which common proxies let go
                ws="none",
                # otherwise the library believes whoever is on this machine, and an environment variable of its own
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=trusted_proxies,
            )
        )
        task = asyncio.create_task(server.serve(sockets=[listener]), name=name)
        task.add_done_callback(self._ended)

        async def close() -> None:
            server.should_exit = True
            await asyncio.wait([task])

        self._teardown.append((name, 10, close))
        up = asyncio.create_task(server.up.wait(), name=f"{name} up")
        await asyncio.wait([task, up], return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        chosen: int = listener.getsockname()[1]
        self.ports.append(chosen)
        return chosen

    async def tear_down(self) -> None:
        """Close everything in reverse order. One part that fails or hangs keeps none of the others from closing."""
        self.stopping.set()
        while self._teardown:
            name, within_s, close = self._teardown.pop()
            try:
                async with asyncio.timeout(within_s):
                    await close()
            except TimeoutError:
                log.error("part.hangs", part=name, within_s=within_s)
            except Exception as error:  # noqa: BLE001 - the outermost frame of a teardown
                log.error("part.close_failed", part=name, error=repr(error))

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self.stopping.is_set() or self.failure.done():
            if not task.cancelled() and task.exception():
                log.error("part.failed_late", part=task.get_name(), error=repr(task.exception()))
            return
        if task.cancelled():
            self.failure.set_exception(RuntimeError(f"{task.get_name()} was cancelled from inside"))
        else:
            self.failure.set_exception(task.exception() or RuntimeError(f"{task.get_name()} ended by itself"))


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to `run`."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends small answers at once only where the protocol is named
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Fatal(ExitCode.SETTINGS, f"cannot listen on {host} port {port}: {error.strerror}") from error
    listener.set_inheritable(False)
    return listener


@asynccontextmanager
async def running(name: str, settings: S, start: Start[S], *, clock: Clock | None = None) -> AsyncIterator[Life]:
    """A service in this process, for tests: started, and torn down at the end.

    Raises:
        Exception: whatever ended one of its parts, on leaving.
    """
    life = Life(name, clock or SystemClock())
    try:
        life.side_port = await life.serve(
            side_app(life.health, life.metrics), settings.http.side_host, settings.http.side_port, name="side"
        )
        life.ports.clear()
        await start(life, settings)
        yield life
    finally:
        await life.tear_down()
        if life.failure.done():
            life.failure.result()
        life.failure.cancel()


async def _live(name: str, settings: S, start: Start[S]) -> ExitCode:
    life = Life(name, SystemClock())
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopped: asyncio.Future[Any] = asyncio.create_task(stop.wait(), name="signal")
    starting: asyncio.Future[None] | None = None
    try:
        life.side_port = await life.serve(
            side_app(life.health, life.metrics), settings.http.side_host, settings.http.side_port, name="side"
        )
        life.ports.clear()
        life.health.add("start", lambda: "starting" if starting is None or not starting.done() else None)
        log.info("process.starting", side_port=life.side_port)
        starting = asyncio.create_task(_as_coroutine(start(life, settings)), name="start")
        await asyncio.wait([starting, stopped, life.failure], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _announce(life, settings.http.ports_file)
            await asyncio.wait([stopped, life.failure], return_when=asyncio.FIRST_COMPLETED)
        if life.failure.done():
            life.failure.result()
        log.info("process.stopping")
    except Fatal as fatal:
        log.error("process.fatal", exit_code=fatal.exit_code, message=str(fatal))
        return fatal.exit_code
    except Exception:
        log.exception("process.crashed")
        return ExitCode.CRASHED
    finally:
        watchdog = threading.Timer(GRACE_S, os._exit, [ExitCode.STUCK])
        watchdog.daemon = True
        watchdog.start()
        if starting and not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
        await life.tear_down()
        stopped.cancel()
        life.failure.cancel()
        watchdog.cancel()
    log.info("process.stopped")
    return ExitCode.OK


async def _as_coroutine(awaitable: Awaitable[None]) -> None:
    await awaitable


def _announce(life: Life, ports_file: Path | None) -> None:
    port = life.ports[0] if life.ports else None
    if ports_file:
        partial = ports_file.with_suffix(".partial")
        partial.write_text(json.dumps({"port": port, "side_port": life.side_port, "pid": os.getpid()}))
        partial.replace(ports_file)
    log.info("process.started", http_port=port, side_port=life.side_port)


def run(name: str, settings_type: type[S], start: Start[S]) -> NoReturn:
    """Be the process: settings from the environment, parts by `start`, until SIGTERM or SIGINT; then leave.

    Exit codes are `ExitCode`'s. From the signal on it takes at most 25 s.
    """
    try:
        settings = load(settings_type, os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{name} cannot start, its settings are wrong:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in error.problems)
        sys.exit(ExitCode.SETTINGS)
    configure(settings.log, name)
    code = ExitCode.OK
    with contextlib.suppress(KeyboardInterrupt):
        code = asyncio.run(_live(name, settings, start))
    sys.exit(code)

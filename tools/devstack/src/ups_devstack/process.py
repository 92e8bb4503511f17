"""A child process: its own group, its output in a log file, ready when a probe says so, dead when we are."""

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from ups_devstack import launch
from ups_devstack.errors import NotReadyError

# Starting is mostly the child's work: a poll costs one connection attempt, and adds at most this to each start.
POLL_INTERVAL_S = 0.05
TAIL_LINES = 25


@functools.cache
def _spawner() -> ThreadPoolExecutor:
    """Give the one thread that starts children, which lives as long as the process.

    The kernel ties a child to the *thread* that forked it. A worker thread of some event loop ends with that loop.
    """
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="ups-devstack-spawner")


def free_ports(count: int) -> tuple[int, ...]:
    """Give ports of 127.0.0.1, all different, for servers that set SO_REUSEADDR, as ours do.

    The kernel gives them to nobody else for a minute, neither to clients as their own: a connection that the server's
    side has closed first lingers on each (TIME_WAIT).
    """
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        for listener in listeners:
            with socket.create_connection(listener.getsockname()):
                listener.accept()[0].close()
        return tuple(int(each.getsockname()[1]) for each in listeners)


def accepts_connections(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


class Child:
    """One program that can be started, stopped, killed and started again; safe to call from any thread.

    Everything it prints is appended to `log_path`, which is kept.
    """

    def __init__(self, name: str, log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process id while the program runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """What the program ended with by itself (negative: a signal); None while it runs or after it was stopped."""
        return None if self._process is None else self._process.poll()

    def start(self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> None:
        """Start the program; `env` is added to ours. Returns at once: see `wait_ready`."""
        command = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), *map(str, argv)]
        with self._lock:
            if self.pid is not None:
                raise RuntimeError(f"{self.name} already runs")
            self._stopping.clear()
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            with self.log_path.open("ab") as log:
                self._log_offset = log.tell()
                self._process = (
                    _spawner()
                    .submit(
                        subprocess.Popen,
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        env={**os.environ, **(env or {})},
                        start_new_session=True,
                    )
                    .result()
                )

    def wait_ready(self, probe: Callable[[], str | None], *, timeout_s: float) -> None:
        """Wait until `probe` gives None; what else it gives says what is still missing.

        Raises:
            NotReadyError: it ended, was stopped, or took too long; the message ends with the log's last lines.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            missing = probe()
            process = self._process
            if self._stopping.is_set() or process is None:
                raise NotReadyError(f"{self.name} was stopped before it was ready")
            # Looked at even when something answers: it may be a stranger on the port that the child did not get.
            if (code := process.poll()) is not None:
                raise self._not_ready(f"{self.name} ended with {_describe_exit(code)} before it was ready")
            if missing is None:
                return
            if time.monotonic() > deadline:
                raise self._not_ready(f"{self.name} was not ready after {timeout_s:.0f} s: {missing}")
            self._stopping.wait(POLL_INTERVAL_S)

    def wait_ended_well(self, *, timeout_s: float) -> None:
        """Wait for a program that does its work and ends.

        Raises:
            NotReadyError: it failed, was stopped, or took too long; the message ends with the log's last lines.
        """
        process = self._process
        if process is None:
            raise NotReadyError(f"{self.name} was stopped before it was done")
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise self._not_ready(f"{self.name} was not done after {timeout_s:.0f} s") from None
        if code != 0:
            raise self._not_ready(f"{self.name} ended with {_describe_exit(code)}")

    def stop(self, *, grace_s: float = 20) -> None:
        """Ask the program to end; kill it when it has not done so after `grace_s`."""
        self._end(signal.SIGTERM, grace_s)

    def kill(self) -> None:
        """Pull the plug: no warning, nothing flushed."""
        self._end(signal.SIGKILL, 10)

    def log_tail(self) -> str:
        """Give the last lines that the program printed since it was last started."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as log:
            log.seek(self._log_offset)
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    def _end(self, first_signal: signal.Signals, grace_s: float) -> None:
        self._stopping.set()
        with self._lock:
            process = self._process
            if process is None:
                return
            self._signal(process, first_signal)
            try:
                process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self._signal(process, signal.SIGKILL)
                process.wait(10)
            self._process = None

    @staticmethod
    def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        if process.poll() is None:
            # start_new_session made the child the leader of a group of the same number.
            os.killpg(process.pid, number)

    def _not_ready(self, what: str) -> NotReadyError:
        tail = self.log_tail() or "(it printed nothing)"
        return NotReadyError(f"{what}. Its log is {self.log_path}; the last lines:\n{tail}")


def start_on_kept_ports(
    path: Path, count: int, start: Callable[[tuple[int, ...]], object], *, attempts: int = 3
) -> tuple[int, ...]:
    """Call `start` with the ports noted in `path`, or with fresh ones when those are not free; note what worked.

    Tries again with others if somebody took a port between the choice and the start.
    """
    ports = _noted_ports(path, count) or free_ports(count)
    for attempt in range(1, attempts + 1):
        try:
            start(ports)
        except NotReadyError as error:
            if attempt == attempts or "address already in use" not in str(error).lower():
                raise
            ports = free_ports(count)
        else:
            break
    path.write_text(json.dumps(ports))
    return ports


def _noted_ports(path: Path, count: int) -> tuple[int, ...] | None:
    try:
        ports = tuple(int(port) for port in json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return ports if len(ports) == count and all(map(_is_free, ports)) else None


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        # Connections of an earlier server that are still closing do not count: servers set this, too.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _describe_exit(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

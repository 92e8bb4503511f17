"""A real NUT server with a UPS that shows what a test says: `upsd`, and its driver `dummy-ups`."""

import getpass
import os
import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from ups_devstack.errors import UnavailableError
from ups_devstack.process import Child, start_on_kept_ports

# Debian's /usr/sbin/upsd is a script that asks /etc/nut/nut.conf whether it may run; the program is beside the drivers.
FOLDERS = tuple(map(Path, ("/lib/nut", "/usr/lib/nut", "/usr/libexec/nut", "/usr/lib64/nut", "/usr/sbin", "/sbin")))
READY_TIMEOUT_S = 30
UPS = "ups"

_CONFIG = """\
user = {user}
[{ups}]
    driver = dummy-ups
    port = {device}
    mode = dummy-once
    pollinterval = 1
"""


class NutServer:
    """One `upsd` with one UPS, on a port of the kernel's choice, as this user; methods block.

    Enter it to start, leave it to stop. Its name stays the same over `stop`, `kill` and `start`. Without its driver
    the server has no data, and says so.
    """

    host = "127.0.0.1"

    def __init__(self, log_dir: Path) -> None:
        # the driver's socket is in here, whose path has at most 107 characters
        self._folder = Path(tempfile.mkdtemp(prefix="nut-"))
        self._upsd = Child("upsd", log_dir / "upsd.log")
        self._driver = Child("dummy-ups", log_dir / "dummy-ups.log")
        self._variables: dict[str, str] = {}
        self._written_at = 0
        self._port: int | None = None
        self.set(ups_status="OL", battery_charge="100")

    def __enter__(self) -> Self:
        """Start the driver and the server."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both."""
        self.close()

    @property
    def name(self) -> str:
        """The UPS as NUT's programs name it: `ups@host:port`."""
        if self._port is None:
            raise RuntimeError("upsd was not started yet")
        return f"{UPS}@{self.host}:{self._port}"

    def set(self, **variables: str) -> None:
        """Let the UPS show these beside what it showed before: `ups_status="OB LB"`, or `**{"ups.status": "OB LB"}`.

        The driver looks once a second. An empty text removes `ups.alarm`.
        """
        self._variables |= {name.replace("_", "."): value for name, value in variables.items()}
        partial = self._folder / "partial.dev"
        partial.write_text("".join(f'{name}: "{value}"\n' for name, value in self._variables.items()))
        # the driver reads a file again whose time has moved on by whole seconds
        self._written_at = max(int(partial.stat().st_mtime), self._written_at + 1)
        os.utime(partial, (self._written_at, self._written_at))
        partial.replace(self._folder / "ups.dev")

    def start(self) -> None:
        """Start the server, and its driver unless that runs; returns when the server has its data."""
        if self._driver.pid is None:
            self.start_driver()
        if self._port is None:
            (self._port,) = start_on_kept_ports(self._folder / "ports.json", 1, lambda ports: self._start(ports[0]))
        else:
            self._start(self._port)

    def stop(self) -> None:
        """Stop the server in order."""
        self._upsd.stop(grace_s=5)

    def kill(self) -> None:
        """Pull the server's plug."""
        self._upsd.kill()

    def start_driver(self) -> None:
        """Start the driver; the server finds it within seconds."""
        self._write("ups.conf", _CONFIG.format(user=getpass.getuser(), ups=UPS, device=self._folder / "ups.dev"))
        self._socket.unlink(missing_ok=True)
        self._driver.start([_program("dummy-ups"), "-a", UPS, "-u", getpass.getuser(), "-F"], env=self._environ)
        self._driver.wait_ready(
            lambda: None if self._socket.exists() else "it has no socket yet", timeout_s=READY_TIMEOUT_S
        )

    def stop_driver(self) -> None:
        """Stop the driver in order."""
        self._driver.stop(grace_s=5)

    def kill_driver(self) -> None:
        """Pull the driver's plug: the server has no data from then on."""
        self._driver.kill()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self.stop_driver()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _socket(self) -> Path:
        return self._folder / f"dummy-ups-{UPS}"

    @property
    def _environ(self) -> dict[str, str]:
        return {"NUT_CONFPATH": str(self._folder), "NUT_STATEPATH": str(self._folder)}

    def _start(self, port: int) -> None:
        self._write("upsd.conf", f"LISTEN {self.host} {port}\nMAXAGE 15\n")
        self._write("upsd.users", "")
        self._upsd.start([_program("upsd"), "-u", getpass.getuser(), "-F"], env=self._environ)
        self._upsd.wait_ready(lambda: self._missing(port), timeout_s=READY_TIMEOUT_S)

    def _missing(self, port: int) -> str | None:
        with suppress(OSError), socket.create_connection((self.host, port), timeout=1) as connection:
            connection.sendall(f"GET VAR {UPS} ups.status\n".encode())
            answer = connection.makefile().readline().strip()
            return None if answer.startswith("VAR") and "WAIT" not in answer else f"it answered {answer!r}"
        return "it does not listen yet"

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.touch(mode=0o600)
        path.write_text(text)


def reason_unavailable() -> str | None:
    """Say why this machine cannot run NUT, and what to install; None when it can."""
    try:
        for name in ("upsd", "dummy-ups"):
            _program(name)
    except UnavailableError as error:
        return str(error)
    return None


def _program(name: str) -> Path:
    for folder in FOLDERS:
        if os.access(folder / name, os.X_OK):
            return folder / name
    raise UnavailableError(f"{name} is not installed. On Debian: apt-get install nut-server")

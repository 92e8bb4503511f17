"""A mail server that delivers nothing: takes mail by SMTP, shows it as web pages, gives it out over REST."""

import sys
from pathlib import Path

import httpx

from ups_devstack.inbox import Inbox
from ups_devstack.process import Child, accepts_connections, start_on_kept_ports
from ups_devstack.progress import Report

READY_TIMEOUT_S = 60


class EmbeddedMailbox:
    """One `maildump` whose mails stay in `data_dir`; addresses too, unless somebody else took them since."""

    host = "127.0.0.1"

    def __init__(self, data_dir: Path, log_dir: Path) -> None:
        self._data_dir = data_dir
        self._child = Child("the mail inbox", log_dir / "maildump.log")
        self._ports: tuple[int, ...] | None = None

    @property
    def smtp_port(self) -> int:
        """Where mail is handed in; no TLS, no login."""
        return self._known_ports()[0]

    @property
    def inbox(self) -> Inbox:
        """What it holds."""
        return self._inbox(self._known_ports())

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    def start(self, report: Report) -> None:
        """Start and wait until it greets SMTP clients and answers REST requests."""
        report("starting")
        if self._ports is None:
            self._ports = start_on_kept_ports(self._data_dir / "ports.json", 2, self._start)
        else:
            self._start(self._ports)

    def stop(self) -> None:
        """Shut down in order."""
        self._child.stop(grace_s=5)

    def kill(self) -> None:
        """Pull the plug."""
        self._child.kill()

    def close(self) -> None:
        """Stop for good; the data stay."""
        self.stop()

    def _known_ports(self) -> tuple[int, ...]:
        if self._ports is None:
            raise RuntimeError("the mail inbox was not started yet")
        return self._ports

    def _inbox(self, ports: tuple[int, ...]) -> Inbox:
        return Inbox(f"http://{self.host}:{ports[1]}", "maildump")

    def _start(self, ports: tuple[int, ...]) -> None:
        smtp, http = ports
        self._data_dir.mkdir(parents=True, exist_ok=True)
        where = ["--smtp-ip", self.host, "--smtp-port", str(smtp), "--http-ip", self.host, "--http-port", str(http)]
        database = (self._data_dir / "mails.sqlite").absolute()
        self._child.start([maildump_path(), *where, "--db", database, "--foreground", "--no-quit"])
        self._child.wait_ready(
            lambda: missing_for_clients(self.host, smtp, self._inbox(ports).list_url),
            timeout_s=READY_TIMEOUT_S,
        )


def maildump_path() -> Path:
    """Give the program in its own environment, beside ours: it pins web libraries that the services use too."""
    return Path(f"{sys.prefix}-mailbox") / "bin" / "maildump"


def missing_for_clients(host: str, smtp_port: int, list_url: str) -> str | None:
    """Say what keeps clients from using the inbox; None when mail can be sent and read."""
    if not accepts_connections(host, smtp_port):
        return "it takes no mail yet"
    try:
        status = httpx.get(list_url, timeout=2, trust_env=False).status_code
    except httpx.HTTPError as error:
        return f"its REST interface gave {type(error).__name__}"
    return None if status == httpx.codes.OK else f"its REST interface answered {status}"


def reason_unavailable() -> str | None:
    """Say why this machine cannot run the inbox; None when it can."""
    path = maildump_path()
    return None if path.exists() else f"{path.name} is not installed in {path.parents[1]}: make setup does that"

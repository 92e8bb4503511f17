"""The services of an installation as children of this process: started side by side, ready by their own word."""

import asyncio
import http.client
import json
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ups_devstack.process import Child, free_ports
from ups_devstack.shop import new_secret
from ups_devstack.stack import Backing
from ups_runtime.kafka import apply_topics
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import TOPICS, Service

log = get_logger("topics")

# Importing and starting a service takes a second or two; six at once on two cores take longer.
READY_WITHIN_S = 90

MODULES: Mapping[Service, str] = {
    Service.INVITE_SVC: "ups_invite.app",
    Service.DEVICE_SVC: "ups_device.app",
    Service.EVENT_INGEST: "ups_event_ingest.app",
    Service.THROTTLE: "ups_throttle.app",
    Service.NOTIFIER: "ups_notifier.app",
    Service.PORTAL: "ups_portal.app",
}

# Others are told where these are before they start, so their ports are chosen here and stay.
ADDRESSED = (Service.DEVICE_SVC, Service.INVITE_SVC, Service.PORTAL)


@dataclass(frozen=True)
class Installation:
    """What distinguishes one installation from another on the same backing parts."""

    prefix: str = ""
    operator_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    link_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    invite_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    session_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    shop_secret: str = field(default_factory=new_secret, repr=False)
    ports: Mapping[Service, int] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)


class ServiceChild:
    """One service: started, stopped and killed from any thread; its ports are its own after each start."""

    def __init__(self, service: Service, environ: Mapping[str, str], folder: Path, log_dir: Path) -> None:
        self.service = service
        self.wanted = False
        self._environ = environ
        self._ports_file = folder / f"{service}.ports.json"
        self._child = Child(service, log_dir / f"{service}.log")
        self._ports: dict[str, int] = {}

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    @property
    def log_path(self) -> Path:
        """Where its output is."""
        return self._child.log_path

    @property
    def url(self) -> str:
        """Where its API is; empty for a service without one."""
        return f"http://127.0.0.1:{self._ports['port']}" if self._ports.get("port") else ""

    @property
    def side_url(self) -> str:
        """Where `/livez`, `/readyz` and `/metrics` are."""
        return f"http://127.0.0.1:{self._ports['side_port']}" if self._ports else ""

    def launch(self) -> None:
        """Start the process; `wait_ready` says when it works."""
        self.wanted = True
        self._ports = {}
        self._ports_file.unlink(missing_ok=True)
        environ = {**self._environ, "UPS_HTTP_PORTS_FILE": str(self._ports_file)}
        self._child.start([sys.executable, "-m", MODULES[self.service]], env=environ)

    def wait_ready(self, *, timeout_s: float = READY_WITHIN_S) -> None:
        """Return when the service says that it is ready.

        Raises:
            NotReadyError: it ended or took too long; the message ends with the log's last lines.
        """
        self._child.wait_ready(self._missing, timeout_s=timeout_s)

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """Ask it to end, as an orchestrator does."""
        self.wanted = False
        self._child.stop(grace_s=30)

    def kill(self, *, wanted: bool = False) -> None:
        """Pull the plug. `wanted` leaves it to a supervisor to start it again."""
        self.wanted = wanted
        self._child.kill()

    def _missing(self) -> str | None:
        if not self._ports:
            if not self._ports_file.exists():
                return "it has not started its parts"
            self._ports = json.loads(self._ports_file.read_text())
        with suppress(OSError, http.client.HTTPException, ValueError):
            status, answer = _get_json(self._ports["side_port"], "/readyz")
            return None if status == http.client.OK else f"missing: {answer.get('missing')}"
        return "its side port does not answer"


class Services:
    """All services on one backing; methods block and may be called from any thread."""

    def __init__(self, backing: Backing, installation: Installation, folder: Path, log_dir: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        chosen = dict(zip(ADDRESSED, free_ports(len(ADDRESSED)), strict=True))
        installation = replace(installation, ports={**chosen, **installation.ports})
        self.backing = backing
        self.installation = installation
        self.children = {
            service: ServiceChild(service, _environ(service, backing, installation), folder, log_dir)
            for service in MODULES
        }

    def __getitem__(self, service: Service) -> ServiceChild:
        return self.children[service]

    @property
    def kafka(self) -> KafkaSettings:
        """How a client of this installation reaches its topics."""
        return KafkaSettings(bootstrap_servers=self.backing.kafka_bootstrap, prefix=self.installation.prefix)

    def start(self) -> None:
        """Create the topics, start every service, and return when all are ready.

        Raises:
            NotReadyError: of the first that is not.
        """
        asyncio.run(apply_topics(self.kafka, TOPICS, 1, log))
        for child in self.children.values():
            child.launch()
        for child in self.children.values():
            child.wait_ready()

    def stop(self) -> None:
        """Stop every service, in the reverse of the data's way, so that what is on its way arrives."""
        for child in reversed(self.children.values()):
            child.stop()

    def restart_the_dead(self) -> list[str]:
        """Start again what ended without being asked to; says what it did, one line each."""
        said = []
        for service, child in self.children.items():
            if child.wanted and child.pid is None:
                said.append(f"{service} ended by itself; starting it again. Its log: {child.log_path}")
                child.launch()
        return said

    def wait_ready(self) -> None:
        """Return when every service that should run is ready."""
        for child in self.children.values():
            if child.wanted:
                child.wait_ready()


def write_stack_file(path: Path, services: Services) -> None:
    """Write where everything is, for other tools. It holds the operator token: only its owner can read it."""
    backing = services.backing
    content: dict[str, Any] = {  # Any: JSON
        "kafka_bootstrap": backing.kafka_bootstrap,
        "kafka_prefix": services.installation.prefix,
        "mongo_uri": backing.mongo_uri,
        "smtp_host": backing.smtp_host,
        "smtp_port": backing.smtp_port,
        "inbox_url": backing.inbox.url,
        "operator_token": services.installation.operator_token,
        "data_dir": str(backing.data_dir),
        "log_dir": str(backing.log_dir),
        "pids": {**backing.pids, **{str(name): child.pid for name, child in services.children.items()}},
        "services": {
            str(name): {"url": child.url, "side_url": child.side_url, "pid": child.pid, "log": str(child.log_path)}
            for name, child in services.children.items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(path)


def _environ(service: Service, backing: Backing, installation: Installation) -> dict[str, str]:
    environ = {
        "UPS_KAFKA_BOOTSTRAP_SERVERS": backing.kafka_bootstrap,
        "UPS_KAFKA_PREFIX": installation.prefix,
        "UPS_MONGO_URI": backing.mongo_uri,
        "UPS_MONGO_DATABASE_PREFIX": f"{installation.prefix}_" if installation.prefix else "",
        "UPS_HTTP_HOST": "127.0.0.1",
        "UPS_HTTP_SIDE_HOST": "127.0.0.1",
        "UPS_HTTP_PORT": str(installation.ports.get(service, 0)),
        "UPS_HTTP_SIDE_PORT": "0",
        "UPS_LOG_FORMAT": "json",
        "UPS_OPERATOR_TOKEN": installation.operator_token,
        "UPS_PORTAL_BASE_URL": f"http://127.0.0.1:{installation.ports[Service.PORTAL]}",
        "UPS_BACKEND_DEVICE_URL": f"http://127.0.0.1:{installation.ports[Service.DEVICE_SVC]}",
        "UPS_BACKEND_INVITE_URL": f"http://127.0.0.1:{installation.ports[Service.INVITE_SVC]}",
        "UPS_LINK_KEYS": installation.link_key,
        "UPS_INVITE_SECRET": installation.invite_secret,
        "UPS_INVITE_TRUSTED_PROXIES": "127.0.0.1",
        "UPS_SMTP_HOST": backing.smtp_host,
        "UPS_SMTP_PORT": str(backing.smtp_port),
        "PYTHONUNBUFFERED": "1",
    }
    if service is Service.DEVICE_SVC:
        environ["UPS_DEVICE_PURCHASE_SECRETS"] = installation.shop_secret
    if service is Service.PORTAL:
        environ["UPS_PORTAL_SESSION_KEYS"] = installation.session_key
        if ingest_port := installation.ports.get(Service.EVENT_INGEST):
            environ["UPS_PORTAL_EVENTS_URL"] = f"http://127.0.0.1:{ingest_port}"
    return environ | dict(installation.environ)


def _get_json(port: int, path: str) -> tuple[int, dict[str, Any]]:  # Any: JSON
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()

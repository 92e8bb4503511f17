"""How fast contenders work through the events that are there, and what they use for it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.progress import Progress

from bench.cluster import Site, committed
from bench.process import Contender, Usage, usage
from ups_runtime.kafka import admin, started

LOOK_EVERY_S = 0.25
# Nothing new for so long: it hangs.
SILENCE_S = 90.0


@dataclass(frozen=True)
class Pace:
    """One run: from the first commit that was seen to the last, start-up apart."""

    name: str
    processes: int
    events: int
    seconds: float
    cpu_s: float
    broker_cpu_s: float
    peak_mib: float

    @property
    def per_second(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_per_event_s(self) -> float:
        """CPU time for each event, in seconds."""
        return self.cpu_s / self.events

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Its figures, and those that follow from them."""
        return {
            **asdict(self),
            "events_per_s": self.per_second,
            "cpu_us_per_event": 1e6 * self.cpu_per_event_s,
            "broker_cpu_us_per_event": 1e6 * self.broker_cpu_s / self.events,
        }


async def run(
    name: str, contenders: Sequence[Contender], site: Site, group: str, events: int, broker_pid: int, progress: Progress
) -> Pace:
    """Let the contenders work through `events` and stop them."""
    task = progress.add_task(name, total=events)
    for contender in contenders:
        contender.start()
    try:
        async with started(admin(site.kafka)) as client:
            began: tuple[int, float, Sequence[Usage]] | None = None
            done, moved_at = 0, time.monotonic()
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                before, done = done, await committed(client, site, group)
                now = time.monotonic()
                used = [*(contender.usage for contender in contenders), usage(broker_pid)]
                progress.update(task, completed=done)
                if done > before:
                    moved_at = now
                    if began is None:
                        began = (done, now, used)
                elif now - moved_at > SILENCE_S:
                    raise RuntimeError(f"{name} stands still at {done} of {events} events")
                if began is not None and done >= events:
                    break
    finally:
        for contender in contenders:
            contender.stop()
        progress.remove_task(task)
    first, first_at, used_before = began
    if first >= events:
        raise RuntimeError(f"{name} took all {events:,} events between two looks: measure with more events")
    spent = [after.cpu_s - before.cpu_s for after, before in zip(used, used_before, strict=True)]
    peak = max(each.peak_bytes for each in used[:-1]) / 2**20
    return Pace(name, len(contenders), events - first, now - first_at, sum(spent[:-1]), spent[-1], peak)

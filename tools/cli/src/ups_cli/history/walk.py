"""Goes through an installation's partition numbers, with progress."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from rich.progress import Progress, TaskID

from ups_cli.history.gather import TOPICS, Bounds, DeadEvents, gathered
from ups_cli.history.log import Log, opened
from ups_cli.history.spool import Spool
from ups_cli.output import progress
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import EVENTS

OnProgress = Callable[[str, int], None]
Each = Callable[[Bounds, Spool, OnProgress], None]


class _StoppedError(Exception):
    """Somebody wants the walk to end, and what is called has no moment of its own to notice."""


def walk(settings: KafkaSettings, each: Each, *, device_id: str | None = None, since: datetime | None = None) -> None:
    """Hand each partition number's records over, or those of one device; what is said on the way is shown.

    Ctrl-C ends it, at the next word of `each` if that is at work.
    """
    asyncio.run(_walk(settings, each, device_id, since))


async def _walk(settings: KafkaSettings, each: Each, device_id: str | None, since: datetime | None) -> None:
    dead = DeadEvents()
    with progress() as bar:
        async with opened(settings, TOPICS) as log:
            numbers = [log.partition_of(EVENTS, device_id)] if device_id else range(log.partitions(EVENTS))
            for number in numbers:
                task = bar.add_task(f"partition {number}", total=0)
                await _partition(log, number, dead, each, (device_id, since), (bar, task))
                bar.remove_task(task)


async def _partition(
    log: Log,
    number: int,
    dead: DeadEvents,
    each: Each,
    wanted: tuple[str | None, datetime | None],
    shown: tuple[Progress, TaskID],
) -> None:
    (device_id, since), (bar, task) = wanted, shown
    walking = asyncio.current_task()

    def on_read(done: int, total: int) -> None:
        bar.update(task, description=f"partition {number}: records", completed=done, total=total)

    def on_progress(what: str, done: int) -> None:
        bar.update(task, description=f"partition {number}: {what}", completed=done, total=None)
        if walking is not None and walking.cancelling():
            raise _StoppedError

    async with gathered(log, number, dead, device_id=device_id, since=since, on_progress=on_read) as (bounds, spool):
        try:
            each(bounds, spool, on_progress)
        except _StoppedError:
            # the loop's turn, in which the cancellation arrives
            await asyncio.sleep(0)
            raise

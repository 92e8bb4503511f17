"""How much event-ingest takes: clients that send again as soon as they are answered."""

import asyncio
import time
from dataclasses import dataclass

from rich.progress import Progress

from bench.mail.site import Site, people_and_devices
from ups_schemas.topics import Service

CLIENTS = 8
DEVICES = 1_000


@dataclass(frozen=True)
class Capacity:
    """What it acknowledged with all clients at it, `per_request` events in each request."""

    per_request: int
    events_per_s: float
    cpu_us_per_event: float


async def capacity(site: Site, per_request: int, seconds: float, progress: Progress) -> Capacity:
    """Readings of known devices, which nobody is told of: they go as far as `ups.events`, like every other event."""
    await people_and_devices(site, range(DEVICES), DEVICES)
    await site.send_readings([0])
    task = progress.add_task(f"ingest, {per_request} a request", total=seconds)
    used, began = site.usage(Service.EVENT_INGEST).cpu_s, time.monotonic()
    accepted = 0

    async def client(number: int) -> None:
        nonlocal accepted
        sent = number * per_request
        while (gone := time.monotonic() - began) < seconds:
            await site.send_readings([(sent + each) % DEVICES for each in range(per_request)])
            accepted += per_request
            sent += CLIENTS * per_request
            progress.update(task, completed=gone)

    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(client(number))
    took = time.monotonic() - began
    progress.remove_task(task)
    cpu_s = site.usage(Service.EVENT_INGEST).cpu_s - used
    return Capacity(per_request, accepted / took, 1e6 * cpu_s / accepted)

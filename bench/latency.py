"""How long after its event a decision can be read, at a steady rate."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

from aiokafka import AIOKafkaConsumer
from rich.progress import Progress

from bench.cluster import Site, lay_out, load_devices, tail
from bench.process import throttle
from bench.workload import Workload, event, event_record, partition_of
from ups_runtime.kafka import producer, started
from ups_schemas.topics import DECISIONS, EVENTS

RATES = (200, 2_000)
WARM_UP_S = 3.0
SECONDS = 15.0
TICK_S = 0.01
# Events that were sent last are waited for this long.
REST_S = 3.0

_DECIDED = ("ce_type", b"ups.event-decided.v1")


@dataclass(frozen=True)
class Latency:
    """Milliseconds from `received_at` to a read-committed reader's hands."""

    per_second: int
    decisions: int
    p50_ms: float
    p99_ms: float


async def run(site: Site, devices: int, folder: Path, progress: Progress) -> list[Latency]:
    """Measure at each rate, with one throttle."""
    await lay_out(site)
    workload = Workload(0, devices, datetime.now(UTC))
    await load_devices(site, workload)
    contender = throttle(0, site.environ, folder)
    contender.start()
    try:
        await asyncio.to_thread(contender.wait_ready)
        picks = workload.picks()
        return [await _at_rate(site, rate, picks, progress) for rate in RATES]
    finally:
        contender.stop()


async def _at_rate(site: Site, rate: int, picks: Iterator[tuple[int, int]], progress: Progress) -> Latency:
    task = progress.add_task(f"latency at {rate:,} events/s", total=WARM_UP_S + SECONDS + REST_S)
    waits_ms: list[float] = []
    async with tail(site, DECISIONS) as decided:
        reader = asyncio.create_task(_read(decided, time.time() + WARM_UP_S, waits_ms))
        sender = asyncio.create_task(_send(site, rate, picks))
        try:
            while not sender.done():
                await asyncio.sleep(TICK_S * 20)
                progress.advance(task, TICK_S * 20)
            await sender
            await asyncio.sleep(REST_S)
        finally:
            for each in (sender, reader):
                each.cancel()
            await asyncio.wait([sender, reader])
            progress.remove_task(task)
    cuts = quantiles(waits_ms, n=100)
    return Latency(rate, len(waits_ms), cuts[49], cuts[98])


async def _send(site: Site, rate: int, picks: Iterator[tuple[int, int]]) -> None:
    topic = site.topic(EVENTS)
    async with started(producer(site.kafka, "bench.latency")) as client:
        acks: list[asyncio.Future[Any]] = []  # Any: aiokafka's RecordMetadata
        began, sent = time.monotonic(), 0
        while (lasted := time.monotonic() - began) < WARM_UP_S + SECONDS:
            for _ in range(int(lasted * rate) - sent):
                device, count = next(picks)
                record = event_record(event(device, count, datetime.now(UTC)))
                acks.append(
                    await client.send(
                        topic,
                        record.value,
                        record.key,
                        partition=partition_of(record.key),
                        timestamp_ms=record.timestamp_ms,
                        headers=record.headers,
                    )
                )
                sent += 1
            await asyncio.sleep(TICK_S)
        await asyncio.gather(*acks)


async def _read(decided: AIOKafkaConsumer, since: float, waits_ms: list[float]) -> None:
    while True:
        batches = await decided.getmany(timeout_ms=100)
        now = time.time()
        if now >= since:
            waits_ms += [
                now * 1000 - record.timestamp
                for batch in batches.values()
                for record in batch
                if _DECIDED in record.headers
            ]

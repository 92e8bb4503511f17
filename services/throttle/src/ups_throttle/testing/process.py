"""What a simulated process has of its own: a clock that may be wrong, a consumer's buffers, ports that go silent."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ups_runtime.clock import Clock
from ups_schemas.envelope import milliseconds
from ups_throttle.adapters.memory_log import LogRecord, Place
from ups_throttle.adapters.memory_port import Crashed, MemoryPort
from ups_throttle.port import Polled
from ups_throttle.records import Offsets
from ups_throttle.testing.traced import Seen, TracedLog
from ups_throttle.worker import Worker

BATCH_RECORDS = 3


class World(Protocol):
    """What a process stands in."""

    @property
    def log(self) -> TracedLog:
        """The brokers."""

    @property
    def clock(self) -> Clock:
        """The time that is right."""

    @property
    def bites(self) -> Counter[str]:
        """What happened, to be counted."""

    @property
    def waiting(self) -> "list[Waiting]":
        """Who stands at a point."""

    def note(self, text: str) -> None:
        """Add a line to the trace."""


class Process:
    """One process of the group; it is a `Clock` that may be wrong."""

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self.skew = timedelta(0)
        self.fetched: dict[Place, list[LogRecord]] = {}
        self.is_frozen = False
        self.is_dead = False
        self._clock = world.clock

    def now(self) -> datetime:
        """As `Clock`."""
        return self._clock.now() + self.skew

    def monotonic(self) -> float:
        """As `Clock`."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """As `Clock`."""
        await self._clock.sleep(seconds)


class SimulatedPort(MemoryPort):
    """A port whose every point is a place where the world decides how it goes on."""

    def __init__(self, world: World, process: Process, number: int) -> None:
        super().__init__(world.log, number, point=self._stand, batch_records=BATCH_RECORDS, fetched=process.fetched)
        self.number = number
        self.is_silent = False
        self.in_transaction = False
        self._is_resumed = False
        self._world = world
        self._process = process
        self._seen = Seen()

    @property
    def id(self) -> str:
        """The transactional id."""
        return self._id

    @property
    def epoch(self) -> int:
        """The epoch of its producer."""
        return self._epoch

    async def begin(self) -> None:
        """As `MemoryPort`."""
        self.in_transaction = True
        await super().begin()
        self._seen = self._seen._replace(devices_next=self._devices_next)

    async def devices_to_end(self) -> AsyncIterator[Polled]:
        """As `MemoryPort`."""
        async for polled in super().devices_to_end():
            self._world.bites["view_behind"] += self._is_resumed and bool(polled.devices)
            yield polled

    async def resume(self, offsets: Offsets) -> None:
        """As `MemoryPort`."""
        await super().resume(offsets)
        self._is_resumed = True

    async def ends(self) -> Offsets:
        """As `MemoryPort`."""
        now_ms = milliseconds(self._process.now())
        ends = await super().ends()
        self._seen = self._seen._replace(now_ms=now_ms, ends=ends)
        return ends

    async def flush(self) -> None:
        """As `MemoryPort`."""
        self._world.bites["send_lost"] += any(lost for _, lost in self._unsent)
        await super().flush()

    async def send_offsets(self, offsets: Offsets) -> None:
        """As `MemoryPort`."""
        await super().send_offsets(offsets)
        self._world.log.saw(self._id, self._seen)

    async def commit(self) -> None:
        """As `MemoryPort`."""
        await super().commit()
        self.in_transaction = False

    async def close(self) -> None:
        """As `MemoryPort`; a dead process does nothing, and what a silent one says is not heard."""
        if not self.is_silent and not self._process.is_dead:
            await super().close()

    async def _stand(self, point: str) -> None:
        if self._process.is_dead:
            raise Crashed
        waiting = Waiting(self._process, self, point, asyncio.get_running_loop().create_future())
        self._world.waiting.append(waiting)
        try:
            error = await waiting.go_on
        finally:
            if waiting in self._world.waiting:
                self._world.waiting.remove(waiting)
        if error is not None:
            raise error


@dataclass(eq=False)
class Waiting:
    """A worker at a point; the result is what it raises there, none to go on."""

    process: Process
    port: SimulatedPort
    point: str
    go_on: "asyncio.Future[BaseException | None]"


@dataclass(eq=False)
class Running:
    """A worker and its task."""

    process: Process
    number: int
    worker: Worker
    task: "asyncio.Task[None]"

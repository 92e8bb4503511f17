"""The worker's port on a `MemoryLog`: the verified fake, which passes the same contract suite as the port on Kafka."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from ups_runtime.errors import Retryable
from ups_schemas.topics import (
    COMMANDS,
    DEAD_LETTERS,
    DECISIONS,
    DEVICES,
    EVENTS,
    SUPPRESSIONS,
    THROTTLE_STATE,
    Service,
    Topic,
)
from ups_throttle.adapters.memory_log import Fate, LogRecord, MemoryLog, Place
from ups_throttle.adapters.wire import parse_record, read_device
from ups_throttle.domain.device import Device
from ups_throttle.port import Polled
from ups_throttle.records import TAKEOVER_KEY, Committed, Offsets, Outgoing, Record, Role, Source

TOPIC_BY_ROLE = {
    Role.DECISION: DECISIONS.name,
    Role.SUPPRESSION: SUPPRESSIONS.name,
    Role.CHANGELOG: THROTTLE_STATE.name,
    Role.DEAD_LETTER: DEAD_LETTERS[Service.THROTTLE].name,
}


class Crashed(BaseException):
    """The process is gone: raised by a test at a point, and nothing after it happens."""


async def _no_point(_name: str) -> None:
    """Let everything pass."""


class MemoryPort:
    """`port.Port` on a `MemoryLog`.

    `point` is awaited before and after everything that would leave the process; what it raises happens there. After
    `Crashed` the port does nothing more, not even close. `fetched` is what the process's consumer holds in its buffers:
    ports of one process share it, and without it all ports of the log are of one process.
    """

    def __init__(
        self,
        log: MemoryLog,
        number: int,
        *,
        point: Callable[[str], Awaitable[None]] = _no_point,
        batch_records: int = 2000,
        fetched: dict[Place, list[LogRecord]] | None = None,
    ) -> None:
        self._log = log
        self._fetched = log.buffers if fetched is None else fetched
        self._number = number
        self._point = point
        self._batch_records = batch_records
        self._id = f"throttle.{number}"
        self._epoch = 0
        self._crashed = False
        self._unsent: list[tuple[Outgoing, bool]] = []
        self._position = Offsets(0, 0)
        self._devices_next = 0
        self._held: list[Record] = []

    async def fence(self) -> None:
        """As `port.Port`."""
        await self._at("fence.before")
        self._epoch = self._log.start(self._id)
        await self._at("fence.after")

    async def committed(self) -> Committed:
        """As `port.Port`."""
        await self._at("committed")
        return Committed(self._log.offsets.get(self._place(EVENTS)), self._log.offsets.get(self._place(COMMANDS)))

    async def changelog(self, takeover_id: bytes) -> AsyncIterator[Sequence[tuple[bytes, bytes | None]]]:
        """As `port.Port`; two records at a time, so that there is a middle to crash in."""
        records = self._log.read(THROTTLE_STATE.name, self._number)
        for first in range(0, len(records), 2):
            await self._at("changelog")
            chunk = [(record.key or b"", record.value) for record in records[first : first + 2]]
            yield chunk
            if (TAKEOVER_KEY, takeover_id) in chunk:
                return
        raise Retryable("cannot read the changelog: the marker did not come")

    async def devices_to_end(self) -> AsyncIterator[Polled]:
        """As `port.Port`."""
        await self._at("devices")
        devices, unreadable = self._new_devices()
        yield Polled(unreadable, devices, self._position)

    async def resume(self, offsets: Offsets) -> None:
        """As `port.Port`."""
        await self._at("resume.before")
        self._fetched.pop(self._place(EVENTS), None)
        self._held.clear()
        self._position = offsets
        await self._at("resume.after")

    async def poll(self, wait_s: float) -> Polled:
        """As `port.Port`; everything there is is fetched, and handed out by `batch_records`."""
        await self._at("poll.before")
        if wait_s > 0 and not self._something_new():
            await self._wait(wait_s)
        commands = [
            parse_record(Source.COMMANDS, raw)
            for raw in self._log.read(COMMANDS.name, self._number, self._position.commands)
        ]
        buffer = self._fetched.setdefault(self._place(EVENTS), [])
        next_fetch = buffer[-1].offset + 1 if buffer else self._position.events
        buffer += self._log.read(EVENTS.name, self._number, next_fetch)
        taken, buffer[:] = buffer[: self._batch_records], buffer[self._batch_records :]
        events = [parse_record(Source.EVENTS, raw) for raw in taken]
        events_next = taken[-1].offset + 1 if buffer else self._log.end(EVENTS.name, self._number)
        self._position = Offsets(events_next, self._log.end(COMMANDS.name, self._number))
        # Like a slow follower: devices come when there are no events, so a view is behind whenever it can be.
        devices, unreadable = self._new_devices() if not events else ([], [])
        polled = Polled([*commands, *unreadable, *events], devices, self._position, len(buffer))
        await self._at("poll.after")
        return polled

    async def ends(self) -> Offsets:
        """As `port.Port`."""
        await self._at("ends")
        return Offsets(self._log.end(EVENTS.name, self._number), self._log.end(COMMANDS.name, self._number))

    async def begin(self) -> None:
        """As `port.Port`; like aiokafka's, it asks nobody."""
        await self._at("begin")
        self._unsent = []

    async def send(self, outgoing: Sequence[Outgoing]) -> None:
        """As `port.Port`."""
        await self._at("send.before")
        for each in outgoing:
            lost = self._log.lose_sends > 0
            self._log.lose_sends -= lost
            self._unsent.append((each, lost))
        await self._at("send.after")

    async def flush(self) -> None:
        """As `port.Port`."""
        await self._at("flush.before")
        self._deliver(self._unsent)
        failed = any(lost for _, lost in self._unsent)
        self._unsent = []
        await self._at("flush.after")
        if failed:
            raise Retryable("cannot wait for acknowledgements: a send failed")

    async def send_offsets(self, offsets: Offsets) -> None:
        """As `port.Port`."""
        await self._at("offsets.before")
        self._log.check(self._id, self._epoch)
        self._log.transaction(self._id).offsets.update(
            {self._place(EVENTS): offsets.events, self._place(COMMANDS): offsets.commands}
        )
        await self._at("offsets.after")

    async def commit(self) -> None:
        """As `port.Port`; what was not flushed goes out now, and nobody hears of what was lost."""
        await self._at("commit.before")
        self._deliver(self._unsent)
        self._log.check(self._id, self._epoch)
        self._log.finish(self._id, Fate.COMMITTED)
        await self._at("commit.after")

    async def close(self) -> None:
        """As `port.Port`."""
        if not self._crashed and self._epoch and self._log._epochs[self._id] == self._epoch:  # noqa: SLF001
            self._log.finish(self._id, Fate.ABORTED)

    def _deliver(self, sends: Sequence[tuple[Outgoing, bool]]) -> None:
        self._log.check(self._id, self._epoch)
        for (role, payload), lost in sends:
            if not lost:
                partition = 0 if role is Role.DEAD_LETTER else self._number
                self._log.append(TOPIC_BY_ROLE[role], partition, payload, self._log.transaction(self._id))

    def _new_devices(self) -> tuple[list[tuple[str, Device | None]], list[Record]]:
        devices, unreadable = [], []
        for raw in self._log.read(DEVICES.name, self._number, self._devices_next):
            parsed = read_device(raw)
            if isinstance(parsed, Record):
                unreadable.append(parsed)
            else:
                devices.append(parsed)
        self._devices_next = self._log.end(DEVICES.name, self._number)
        return devices, unreadable

    def _something_new(self) -> bool:
        return (
            bool(self._fetched.get(self._place(EVENTS)))
            or self._log.end(EVENTS.name, self._number) > self._position.events
            or self._log.end(COMMANDS.name, self._number) > self._position.commands
            or self._log.end(DEVICES.name, self._number) > self._devices_next
        )

    async def _wait(self, wait_s: float) -> None:
        waits = {
            asyncio.ensure_future(self._log.changed.wait()),
            asyncio.ensure_future(self._log.clock.sleep(wait_s)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _place(self, topic: Topic) -> Place:
        return Place(topic.name, self._number)

    async def _at(self, name: str) -> None:
        if self._crashed:
            raise Crashed
        try:
            await self._point(name)
        except Crashed:
            self._crashed = True
            raise

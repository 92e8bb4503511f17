"""One partition's loop: take over, decide in transactions, fire timers, until it is told to stop.

Taking over
  1. Start the transactional producer of this number. That fences every earlier owner: from here on its commits fail.
  2. Commit a take-over marker of our own to the changelog.
  3. Read the changelog, read-committed, until that marker comes by: nothing before it can still be missing. From here
     to 5 a few partitions go at a time, see `turns`.
  4. Read the devices to their end. They have another writer, so no marker of ours can stand there. What cannot be read
     goes to the dead letters once: the sentinel says up to where that was done, since each take-over meets it again.
  5. Ask for the committed offsets and compare: state that is ahead of them, or offsets that are gone, end the process.
     Nobody guesses here; but only an owner may judge. Who was taken over in the middle compares the old with the new.
  6. Commit a sentinel with both offsets: offsets expire unless committed anew, and the sentinel proves there were some.
     It is another record than the marker: a first start that dies in between must not look like lost offsets.
  7. Seek to the offsets, which discards whatever was fetched before, and resume.

A round
  8. Poll.
  9. If an event was accepted under a newer device snapshot than ours, read the devices to their end first.
 10. Decide: a `Commit` value, with the partition as it was.
 11. Begin; send every output and one changelog record for each touched device.
 12. Await every acknowledgement: a transaction can commit although a send of it failed.
 13. Send the offsets of both sources.
 14. Commit. No clear answer: the producer is thrown away and the partition taken over anew, which settles the doubt.
 15. Only now apply the commit to the partition.

Timers
 16. When the clock passes the earliest, ask where both sources end at that moment.
 17. Decide on everything up to there, in rounds.
 18. Fire what was due at that moment, in transactions like any other.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Fenced, Retryable
from ups_runtime.logging import get_logger
from ups_schemas.envelope import milliseconds
from ups_throttle.metrics import Instruments
from ups_throttle.overlay import Commit
from ups_throttle.partition import Partition
from ups_throttle.port import Drain, Port
from ups_throttle.records import Offsets, Outgoing, Record, Wire
from ups_throttle.setbacks import Setbacks
from ups_throttle.takeover import claim, restore
from ups_throttle.turns import Turns

# How long a poll waits when nothing comes: a timer is late by at most this, and so is the answer to a stop.
IDLE_POLL_S = 0.5
SENTINEL_EVERY_S = 86_400.0

log = get_logger("throttle.worker")


@dataclass(frozen=True, slots=True)
class Tools:
    """What every worker of a process is handed."""

    partitions: int
    wire: Wire
    clock: Clock
    instruments: Instruments
    new_id: Callable[[], bytes]
    new_drain: Callable[[], Drain]
    timers_at_once: int = 500
    turns: Turns = field(default_factory=Turns)


class _Barrier(NamedTuple):
    """The moment that timers are fired for, and how far both sources must be decided before."""

    now_ms: int
    ends: Offsets


class Worker:
    """Owns one partition number while it runs."""

    def __init__(
        self, number: int, open_port: Callable[[], Port], tools: Tools, *, beat: Callable[[], None] = lambda: None
    ) -> None:
        self.number = number
        self.caught_up = False
        self._open_port = open_port
        self._tools = tools
        self._clock = tools.clock
        self._drain = tools.new_drain()
        self._stop = asyncio.Event()
        self._position = Offsets(0, 0)
        self._barrier: _Barrier | None = None
        self._sentinel_at = 0.0
        self._setbacks = Setbacks(number, tools.clock)
        self._log = log.bind(partition=number)
        self._beat = beat

    def stop(self) -> None:
        """Ask it to end after the transaction that it is in; nothing is lost if it is cancelled instead."""
        self._stop.set()

    async def run(self) -> None:
        """Own the partition until `stop`.

        Raises:
            Fatal: when the process must end.
        """
        while not self._stop.is_set():
            port = self._open_port()
            self.caught_up = False
            pause_s = 0.0
            try:
                await self._own(port)
            except Fenced:
                self._tools.instruments.fenced.inc()
                pause_s = self._setbacks.fenced()
                self._log.warning("partition.fenced", pause_s=pause_s)
            except (Retryable, TimeoutError) as error:
                self._tools.instruments.abandoned.labels(type(error).__name__).inc()
                pause_s = self._setbacks.failed(error)
                self._log.warning("partition.taken_over_anew", error=str(error), pause_s=pause_s)
            finally:
                self.caught_up = False
                await port.close()
            heed_cancellation()
            await self._pause(pause_s)

    async def _own(self, port: Port) -> None:
        started_at = self._clock.monotonic()
        partition = await self._take_over(port)
        if partition is None:
            return
        self._setbacks.taken_over()
        seconds = self._clock.monotonic() - started_at
        self._tools.instruments.takeovers.inc()
        self._tools.instruments.takeover_seconds.observe(seconds)
        self._log.info(
            "partition.taken_over",
            states=partition.state_count,
            seconds=round(seconds, 3),
            **partition.offsets._asdict(),
        )
        while not self._stop.is_set():
            heed_cancellation()
            await self._round(port, partition)
            await self._fire_timers(port, partition)
            if self._clock.monotonic() - self._sentinel_at >= SENTINEL_EVERY_S:
                await self._renew_sentinel(port, partition)
            self._setbacks.turned()
            self._beat()

    async def _take_over(self, port: Port) -> Partition | None:
        partition = Partition(self.number, self._tools.partitions, self._tools.wire)
        # What the last one counted it may not have written: that comes again.
        self._drain = self._tools.new_drain()
        takeover_id = self._tools.new_id()
        # 1, 2
        await claim(port, takeover_id, self._transact)
        async with self._tools.turns.turn(self._clock):
            # 3 to 5
            unreadable = await restore(port, partition, takeover_id, self._now_ms(), self._transact, self._goes_on)
        if unreadable is None:
            return None
        if unreadable:
            await self._decide(port, partition, unreadable, partition.offsets)
        # 6
        await self._renew_sentinel(port, partition)
        # 7
        await port.resume(partition.offsets)
        self._position = partition.offsets
        self._barrier = _Barrier(self._now_ms(), await port.ends())
        return partition

    async def _round(self, port: Port, partition: Partition) -> None:
        # 8
        polled = await port.poll(self._wait_s(partition))
        records = list(polled.records)
        for device_id, device in polled.devices:
            partition.follow(device_id, device)
        # 9
        if partition.is_behind(records):
            async for more in port.devices_to_end():
                records += more.records
                for device_id, device in more.devices:
                    partition.follow(device_id, device)
                if not self._goes_on():
                    return
        if records:
            await self._decide(port, partition, records, polled.offsets)
            self._tools.instruments.batch_records.observe(len(records))
            # 0: of a record that the client cannot parse the time is not known either
            first_ms = min((record.raw.timestamp for record in records if record.raw.timestamp), default=self._now_ms())
            self._tools.instruments.delay_seconds.observe(max(0, self._now_ms() - first_ms) / 1000)
        self._position = polled.offsets
        self._tools.instruments.lag_records.labels(str(self.number)).set(polled.lag_records)

    async def _decide(self, port: Port, partition: Partition, records: Sequence[Record], offsets: Offsets) -> None:
        # 10
        commit = partition.batch(records, offsets)
        for is_dead in commit.dead:
            if is_dead:
                self._drain.dead()
            else:
                self._drain.passed()
        # 11 to 15
        await self._commit(port, partition, commit)

    async def _fire_timers(self, port: Port, partition: Partition) -> None:
        now_ms = self._now_ms()
        if self._barrier is None:
            if (wake_ms := partition.next_wake_ms) is None or wake_ms > now_ms:
                return
            # 16
            self._barrier = _Barrier(now_ms, await port.ends())
        # 17
        if not self._reached(self._barrier):
            return
        self.caught_up = True
        # 18
        commit = partition.tick(self._barrier.now_ms, self._tools.timers_at_once)
        self._tools.instruments.stuck_timers.inc(len(commit.stuck_timers))
        for device_id, error in commit.stuck_timers:
            self._log.error("timer.failed", device_id=device_id, error=error)
        if commit.changes_nothing:
            partition.apply(commit)
        else:
            await self._commit(port, partition, commit)
        if (wake_ms := partition.next_wake_ms) is None or wake_ms > self._barrier.now_ms:
            self._barrier = None

    async def _renew_sentinel(self, port: Port, partition: Partition) -> None:
        await self._commit(port, partition, partition.sentinel())
        self._sentinel_at = self._clock.monotonic()

    async def _commit(self, port: Port, partition: Partition, commit: Commit) -> None:
        started_at = self._clock.monotonic()
        # 11 to 14
        await self._transact(port, commit.outgoing, commit.offsets)
        # 15
        partition.apply(commit)
        self._tools.instruments.commit_seconds.observe(self._clock.monotonic() - started_at)
        self._tools.instruments.committed(commit)
        self._tools.instruments.devices.labels(str(self.number)).set(partition.state_count)
        for buried in commit.buried:
            self._log.warning("record.dead_lettered", **buried._asdict())

    async def _transact(self, port: Port, outgoing: Sequence[Outgoing], offsets: Offsets | None) -> None:
        # 11
        await port.begin()
        await port.send(outgoing)
        # 12
        await port.flush()
        # 13
        if offsets is not None:
            await port.send_offsets(offsets)
        # 14
        await port.commit()

    def _goes_on(self) -> bool:
        """Show a sign of life; whether nobody has asked to stop."""
        self._beat()
        return not self._stop.is_set()

    def _wait_s(self, partition: Partition) -> float:
        if self._barrier is not None:
            return 0 if self._reached(self._barrier) else IDLE_POLL_S
        if (wake_ms := partition.next_wake_ms) is None:
            return IDLE_POLL_S
        return min(IDLE_POLL_S, max(0, wake_ms - self._now_ms()) / 1000)

    def _reached(self, barrier: _Barrier) -> bool:
        return self._position.events >= barrier.ends.events and self._position.commands >= barrier.ends.commands

    async def _pause(self, seconds: float) -> None:
        """Wait, unless told to stop."""
        self._beat()
        if seconds <= 0 or self._stop.is_set():
            return
        waits = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._stop.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            self._beat()

    def _now_ms(self) -> int:
        return milliseconds(self._clock.now())

"""Workers and ports with one mistake each, to see that the simulation finds it."""

from collections.abc import AsyncIterator, Sequence

from ups_throttle.overlay import Commit
from ups_throttle.partition import Partition
from ups_throttle.port import Polled, Port
from ups_throttle.records import Offsets, Outgoing, Role
from ups_throttle.testing.process import SimulatedPort
from ups_throttle.worker import Worker


class NoFencing(SimulatedPort):
    """Starts its producer without ending what the former owner does."""

    async def fence(self) -> None:
        """Take the epoch that is in force, as if both were one producer."""
        await self._at("fence.before")
        self._epoch = self._world.log.epoch(self._id) or self._world.log.start(self._id)


class CommitsBeforeSendsAreAwaited(Worker):
    """Leaves out step 12."""

    async def _transact(self, port: Port, outgoing: Sequence[Outgoing], offsets: Offsets | None) -> None:
        await port.begin()
        await port.send(outgoing)
        if offsets is not None:
            await port.send_offsets(offsets)
        await port.commit()


class AppliesBeforeCommit(Worker):
    """Applies first, and keeps its memory when the transaction fails."""

    _kept: Partition | None = None

    async def _take_over(self, port: Port) -> Partition | None:
        partition = await super()._take_over(port)
        if partition is not None and self._kept is not None:
            self._kept.offsets = partition.offsets
            return self._kept
        self._kept = partition
        return partition

    async def _commit(self, port: Port, partition: Partition, commit: Commit) -> None:
        partition.apply(commit)
        await super()._commit(port, partition, commit)


class FiresTimersOutsideTheTransaction(Worker):
    """Says that a period is over in one transaction, and remembers it in another."""

    async def _commit(self, port: Port, partition: Partition, commit: Commit) -> None:
        said = [each for each in commit.outgoing if each.role is not Role.CHANGELOG]
        if said and not commit.dead:
            await self._transact(port, said, None)
            commit.outgoing[:] = [each for each in commit.outgoing if each.role is Role.CHANGELOG]
        await super()._commit(port, partition, commit)


class SeeksOneTooFar(SimulatedPort):
    """Goes on after the record that it should go on at."""

    async def resume(self, offsets: Offsets) -> None:
        """As if what is committed were the last record read, not the next."""
        await super().resume(offsets._replace(events=offsets.events + 1) if offsets.events else offsets)


class SeeksOneTooShort(SimulatedPort):
    """Goes on at the last record that was decided."""

    async def resume(self, offsets: Offsets) -> None:
        """As if what is committed were the next record, not the one after it."""
        await super().resume(offsets._replace(events=max(0, offsets.events - 1)))


class KeepsFetchedRecords(SimulatedPort):
    """Hands out after a take-over what was fetched before it."""

    async def resume(self, offsets: Offsets) -> None:
        """Seek without dropping."""
        fetched = {place: list(records) for place, records in self._fetched.items()}
        await super().resume(offsets)
        self._fetched.update(fetched)


class CommitsOffsetsFirst(Worker):
    """Commits the offsets in a transaction of their own, before the decisions."""

    async def _transact(self, port: Port, outgoing: Sequence[Outgoing], offsets: Offsets | None) -> None:
        if offsets is not None:
            await super()._transact(port, [], offsets)
        await super()._transact(port, outgoing, None)


class DecidesOutsideTheTransaction(Worker):
    """Says what it decides in a transaction before that of the state and the offsets."""

    async def _transact(self, port: Port, outgoing: Sequence[Outgoing], offsets: Offsets | None) -> None:
        await super()._transact(port, [each for each in outgoing if each.role is not Role.CHANGELOG], None)
        await super()._transact(port, [each for each in outgoing if each.role is Role.CHANGELOG], offsets)


class FiresTimersAtOnce(Worker):
    """Leaves out step 17: timers do not wait for what has come before."""

    def _reached(self, _barrier: object) -> bool:
        return True


class JudgesByAnOldView(SimulatedPort):
    """Leaves out step 9: never reads the devices to their end once it has begun."""

    async def devices_to_end(self) -> AsyncIterator[Polled]:
        """Only while taking over."""
        if not self._is_resumed:
            async for polled in super().devices_to_end():
                yield polled


WORKERS = (
    CommitsBeforeSendsAreAwaited,
    AppliesBeforeCommit,
    FiresTimersOutsideTheTransaction,
    CommitsOffsetsFirst,
    DecidesOutsideTheTransaction,
    FiresTimersAtOnce,
)
PORTS = (NoFencing, SeeksOneTooFar, SeeksOneTooShort, KeepsFetchedRecords, JudgesByAnOldView)

"""The worker's port on aiokafka: a transactional producer of its own, the group's consumer for events, a follower.

The follower has no group: with several topics in one group the default assignor gives partition p of one to one member
and p of another to another as soon as the numbers are odd. Brokers answer the requests of one connection in order, so a
fetch that waits for records holds up whatever comes after it: offsets are asked for by a client that never fetches, and
another assignment gets another consumer.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from ups_runtime.errors import ExitCode, Fatal
from ups_runtime.kafka import UNREADABLE, consumer, scoped, stop, topic_name, transactional_producer
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import COMMANDS, DEAD_LETTERS, DECISIONS, DEVICES, EVENTS, SUPPRESSIONS, THROTTLE_STATE, Service
from ups_throttle.adapters.deadlines import REQUEST_DEADLINE_S, SILENCE_DEADLINE_S, deadline, mapped
from ups_throttle.adapters.reader import Reader, Turn
from ups_throttle.adapters.wire import parse_record, read_device, unparsed
from ups_throttle.domain.device import Device
from ups_throttle.port import Polled
from ups_throttle.records import TAKEOVER_KEY, Committed, Offsets, Outgoing, Record, Role, Source

GROUP = "throttle"

# Below the brokers' limit of 1 MiB with room for what a batch adds; larger batches gained nothing.
BATCH_BYTES = 512 * 1024


class KafkaPort:
    """`port.Port` for one partition number, from one take-over to its end."""

    def __init__(
        self,
        settings: KafkaSettings,
        number: int,
        events: AIOKafkaConsumer,
        asker: AIOKafkaConsumer,
        *,
        batch_records: int = 2000,
    ) -> None:
        self._settings = settings
        self._number = number
        self._events = events
        self._asker = asker
        self._batch_records = batch_records
        self._events_at = self._at(topic_name(settings, EVENTS))
        self._commands_at = self._at(topic_name(settings, COMMANDS))
        self._devices_at = self._at(topic_name(settings, DEVICES))
        self._changelog_at = self._at(topic_name(settings, THROTTLE_STATE))
        self._targets = {
            Role.DECISION: self._at(topic_name(settings, DECISIONS)),
            Role.SUPPRESSION: self._at(topic_name(settings, SUPPRESSIONS)),
            Role.CHANGELOG: self._changelog_at,
            Role.DEAD_LETTER: TopicPartition(topic_name(settings, DEAD_LETTERS[Service.THROTTLE]), 0),
        }
        self._group = scoped(settings, GROUP)
        self._producer = transactional_producer(
            settings, f"{GROUP}.{number}", max_batch_size=BATCH_BYTES, request_timeout_ms=int(REQUEST_DEADLINE_S * 1000)
        )
        self._event_reader = Reader(events, [self._events_at], batch_records)
        self._follower: AIOKafkaConsumer | None = None
        self._follow_reader: Reader | None = None
        self._acks: list[asyncio.Future[Any]] = []  # Any: aiokafka's RecordMetadata
        self._held_commands: list[Record] = []
        self._position = Offsets(0, 0)
        self._devices_next = 0
        self._follows_devices = False

    # ------------------------------------------------------------ taking over

    async def fence(self) -> None:
        """Start the producer: the coordinator ends the former owner's transaction and raises the epoch."""
        async with deadline("start the transactional producer"):
            await self._producer.start()

    async def committed(self) -> Committed:
        """Ask the group's coordinator."""
        async with deadline("fetch committed offsets"):
            return Committed(
                await self._events.committed(self._events_at), await self._events.committed(self._commands_at)
            )

    async def changelog(self, takeover_id: bytes) -> AsyncIterator[Sequence[tuple[bytes, bytes | None]]]:
        """Read from the beginning. The marker is committed, so it will come: silence means that brokers are away."""
        await self._follow({self._changelog_at: 0})
        own = (TAKEOVER_KEY, takeover_id)
        while True:
            async with deadline("read the changelog", SILENCE_DEADLINE_S):
                records: Sequence[Any] = ()  # Any: aiokafka's ConsumerRecord
                while not records:
                    turn = await self._turn()
                    if turn.unreadable:
                        raise Fatal(
                            ExitCode.STALE_STATE,
                            f"the changelog's record {turn.unreadable[0].offset} of partition {self._number} cannot be "
                            f"read, and it may be state: {UNREADABLE}",
                        )
                    records = turn.records.get(self._changelog_at, ())
            chunk = [(record.key, record.value) for record in records if record.key is not None]
            yield chunk
            if own in chunk:
                return

    async def resume(self, offsets: Offsets) -> None:
        """Seek, which drops what aiokafka has in its buffers, after dropping what we had; then let it flow."""
        await self._event_reader.discard()
        self._held_commands.clear()
        followed = await self._follow({self._devices_at: self._devices_next, self._commands_at: offsets.commands})
        # 0: nothing was ever decided here, and the first records may be gone already.
        events = offsets.events or await self._beginning(self._events_at)
        with mapped("seek"):
            self._events.seek(self._events_at, events)
            self._events.resume(self._events_at)
        self._position = Offsets(events, followed[self._commands_at])

    # ------------------------------------------------------------ reading

    async def devices_to_end(self) -> AsyncIterator[Polled]:
        """Read on from where the follower is. Commands that come along are kept for the next poll."""
        end = await self._end(self._devices_at)
        if not self._follows_devices:
            self._devices_next = (await self._follow({self._devices_at: 0}))[self._devices_at]
            self._follows_devices = True
        while self._devices_next < end:
            read_to, records, devices = self._devices_next, list[Record](), list[tuple[str, Device | None]]()
            async with deadline("read the devices", SILENCE_DEADLINE_S):
                while self._devices_next == read_to:
                    more, moved = self._followed(await self._turn())
                    records += more
                    devices += moved
            self._held_commands += [record for record in records if record.source is Source.COMMANDS]
            unreadable = [record for record in records if record.source is Source.DEVICES]
            yield Polled(unreadable, devices, self._position)

    async def poll(self, wait_s: float) -> Polled:
        """Take whatever a reader has ready, commands first."""
        turns = {self._event_reader.begin(), self._reader.begin()}
        if not self._held_commands:
            await asyncio.wait(turns, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        with mapped("poll"):
            followed = self._reader.take() or Turn()
            fetched = self._event_reader.take() or Turn()
        records, devices = self._followed(followed)
        held, self._held_commands = self._held_commands, []
        events = _parsed(Source.EVENTS, fetched, self._events_at)
        self._position = Offsets(fetched.reached.get(self._events_at, self._position.events), self._position.commands)
        return Polled([*held, *records, *events], devices, self._position, self._lag())

    async def ends(self) -> Offsets:
        """Ask the brokers, read-committed."""
        return Offsets(await self._end(self._events_at), await self._end(self._commands_at))

    def _followed(self, turn: Turn) -> tuple[list[Record], list[tuple[str, Device | None]]]:
        records = _parsed(Source.COMMANDS, turn, self._commands_at)
        records += [unparsed(Source.DEVICES, raw) for raw in turn.unreadable_of(self._devices_at)]
        devices = []
        for raw in turn.records.get(self._devices_at, ()):
            parsed = read_device(raw)
            if isinstance(parsed, Record):
                records.append(parsed)
            else:
                devices.append(parsed)
        commands = turn.reached.get(self._commands_at, self._position.commands)
        self._position = Offsets(self._position.events, commands)
        self._devices_next = turn.reached.get(self._devices_at, self._devices_next)
        return records, devices

    async def _follow(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        """Follow these partitions instead of what was followed before; gives where it begins, which for 0 is the first.

        The first offsets are asked for even where nobody wants them: aiokafka leaks a connection that is still being
        made when its client stops, and then there is one already.
        """
        await self._stop_following()
        # "none": an offset that is gone must be heard of, not replaced.
        self._follower = follower = consumer(self._settings, None, offset_reset="none")
        async with deadline("connect the follower"):
            await follower.start()
            first = await follower.beginning_offsets(list(offsets))
        begins = {partition: offset or first[partition] for partition, offset in offsets.items()}
        with mapped("assign the follower"):
            follower.assign(list(begins))
            for partition, offset in begins.items():
                follower.seek(partition, offset)
        self._follow_reader = Reader(follower, list(begins), self._batch_records)
        return begins

    async def _stop_following(self) -> None:
        if self._follow_reader is not None:
            await self._follow_reader.discard()
        if self._follower is not None:
            await stop(self._follower)

    async def _turn(self) -> Turn:
        await asyncio.wait([self._reader.begin()])
        return self._reader.take() or Turn()

    @property
    def _reader(self) -> Reader:
        if self._follow_reader is None:
            raise RuntimeError("not taken over yet")
        return self._follow_reader

    async def _beginning(self, partition: TopicPartition) -> int:
        async with deadline("ask for the first offset"):
            return int((await self._asker.beginning_offsets([partition]))[partition])

    async def _end(self, partition: TopicPartition) -> int:
        async with deadline("ask for the last offset"):
            return int((await self._asker.end_offsets([partition]))[partition])

    def _lag(self) -> int:
        if self._events_at not in self._events.assignment():
            return 0
        return max(0, (self._events.highwater(self._events_at) or 0) - self._position.events)

    # ------------------------------------------------------------ writing

    async def begin(self) -> None:
        """Begin a transaction."""
        self._acks = []
        async with deadline("begin a transaction"):
            await self._producer.begin_transaction()

    async def send(self, outgoing: Sequence[Outgoing]) -> None:
        """Fill whole batches for each partition: a quarter faster than record by record."""
        by_role: dict[Role, list[Outgoing]] = {}
        for each in outgoing:
            by_role.setdefault(each.role, []).append(each)
        for role, group in by_role.items():
            target = self._targets[role]
            batch = self._producer.create_batch()
            for each in group:
                if not _append(batch, each):
                    await self._hand_over(batch, target)
                    batch = self._producer.create_batch()
                    _append(batch, each)
            await self._hand_over(batch, target)

    async def flush(self) -> None:
        """Look at every acknowledgement: aiokafka commits a transaction although one of its batches failed."""
        async with deadline("wait for acknowledgements"):
            for ack in self._acks:
                await ack
        self._acks = []

    async def send_offsets(self, offsets: Offsets) -> None:
        """Send both under the group's id."""
        async with deadline("send offsets"):
            await self._producer.send_offsets_to_transaction(
                {self._events_at: offsets.events, self._commands_at: offsets.commands}, self._group
            )

    async def commit(self) -> None:
        """Commit; anything but a clear answer makes the producer useless."""
        async with deadline("commit"):
            await self._producer.commit_transaction()

    async def close(self) -> None:
        """Stop the clients that are ours; the group's consumer is not."""
        await self._event_reader.discard()
        await asyncio.gather(stop(self._producer), self._stop_following())

    async def _hand_over(self, batch: Any, target: TopicPartition) -> None:  # Any: aiokafka's BatchBuilder
        batch.close()
        async with deadline("send"):
            ack = await self._producer.send_batch(batch, target.topic, partition=target.partition)
        # one that fails after we gave up on the transaction is nobody's news
        ack.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._acks.append(ack)

    def _at(self, topic: str) -> TopicPartition:
        return TopicPartition(topic, self._number)


def _parsed(source: Source, turn: Turn, partition: TopicPartition) -> list[Record]:
    parsed = [parse_record(source, raw) for raw in turn.records.get(partition, ())]
    return parsed + [unparsed(source, raw) for raw in turn.unreadable_of(partition)]


def _append(batch: Any, each: Outgoing) -> bool:  # Any: aiokafka's BatchBuilder
    payload = each.payload
    added = batch.append(
        timestamp=payload.timestamp_ms, key=payload.key, value=payload.value, headers=list(payload.headers)
    )
    return added is not None

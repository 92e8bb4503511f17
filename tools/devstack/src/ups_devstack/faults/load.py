"""Events, orders, duplicates and poison, written as fast as they are decided."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from ups_devstack.faults.reading import DECISION, Reader
from ups_runtime.errors import Retryable
from ups_runtime.kafka import admin, end_offsets, producer, scoped, started, topic_name
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import eventually
from ups_schemas.decision import EnabledBy, EventDecided, NotificationsDisabled, NotificationsEnabled
from ups_schemas.device import DeviceSnapshot, EnableNotifications, Policy
from ups_schemas.envelope import to_utc_milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.topics import COMMANDS, DEVICES, EVENTS, Topic
from ups_throttle.adapters.kafka import GROUP
from ups_throttle.records import Payload
from ups_throttle.testing.samples import device, enable, event, payload

# Periods that end by their timer within a run, and periods that only an order ends.
SHORT = Policy(limit=3, window_s=60, period_s=3)
LONG = Policy(limit=3, window_s=60, period_s=604_800)
SHORT_S = 60

# More than a working throttle is ever late with a timer under this load.
OVERDUE = timedelta(seconds=5)

# Enough for several transactions to be under way at any moment; more, and a stop waits for the rest to be decided.
IN_FLIGHT = 400
AT_ONCE = 20
EVENTS_PER_S = 200.0
# As fast as it is decided: there is no moment without a transaction under way.
FLOOD_PER_S = 5000.0

POISON = b"\xff\x00"
SETTLED_WITHIN_S = 90.0
# As long as a request may take. An ack that a broker's end left behind in the client never comes.
ACKED_WITHIN_S = 30.0

Written = AcceptedEvent | DeviceSnapshot | EnableNotifications


def fleet(count: int) -> dict[str, DeviceSnapshot]:
    """Devices by their id; every fourth has periods that last."""
    return {f"d-{n}": device(f"d-{n}", policy=SHORT if n % 4 else LONG) for n in range(count)}


def topic_of(message: Written) -> Topic:
    """Where the message belongs."""
    match message:
        case AcceptedEvent():
            return EVENTS
        case DeviceSnapshot():
            return DEVICES
        case EnableNotifications():
            return COMMANDS


def now() -> datetime:
    """The time, as the wire has it."""
    return to_utc_milliseconds(datetime.now(UTC))


class Load:
    """Writes while `running`, and knows what it wrote and what was decided.

    `early` counts the periods that ended before their time; the devices in `quiet` send nothing.
    """

    def __init__(
        self, kafka: KafkaSettings, decided: Reader, devices: Mapping[str, DeviceSnapshot], chance: random.Random
    ) -> None:
        self.decided = decided
        self.devices = devices
        self.sent = 0
        self.count_decided = 0
        self.early = 0
        self.events_per_s = EVENTS_PER_S
        self.quiet: frozenset[str] = frozenset()
        self._kafka = kafka
        self._chance = chance
        self._numbers = defaultdict[str, int](int)
        self._running_periods: dict[str, NotificationsDisabled] = {}
        self._looked_at = 0
        self._orders: list[EnableNotifications] = []
        self._resources = AsyncExitStack()
        self._writer: AIOKafkaProducer | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Load"]:
        """Write from the devices on; with the end of the block no more is written.

        A load that dies ends the block at once, whatever it waits for: its error is what the block raises.
        """
        snapshots = [(topic_of(each), payload(each)) for each in self.devices.values()]
        await self._write([*snapshots, *[(DEVICES, Payload(f"poison-{n}".encode(), POISON)) for n in range(3)]])
        stop = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._load(stop), name="load")
                yield self
                stop.set()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        finally:
            await self._resources.aclose()

    async def goes_on(self, more: int, *, within_s: float = SETTLED_WITHIN_S) -> None:
        """Return when so many more decisions were made."""
        wanted = self.count_decided + more
        every_s = self._chance.random() / 20
        await eventually(lambda: self.count_decided >= wanted, within_s=within_s, every_s=every_s)

    async def settled(self) -> None:
        """Return when every event has its decision or was read without one, and every short period has ended."""
        async with started(admin(self._kafka)) as asker:
            _: bool = await eventually(lambda: self._is_settled(asker), within_s=SETTLED_WITHIN_S, every_s=0.1)

    def count_disabled(self) -> int:
        """Count the periods that run and will end by time."""
        return sum(one.until - one.since < timedelta(seconds=SHORT_S) for one in self._running_periods.values())

    def count_overdue_in_silence(self) -> int:
        """Count the periods that go on well past their end, and let the devices whose period runs send nothing.

        An event after its end would end the period by itself.
        """
        self.quiet = frozenset(one.device_id for one in self._running_periods.values())
        late = now() - OVERDUE
        return sum(one.until < late for one in self._running_periods.values())

    async def _load(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._look()
            if self.sent - self.count_decided > IN_FLIGHT:
                await asyncio.sleep(0.02)
                continue
            batch = [(COMMANDS, payload(order)) for order in self._orders]
            self._orders.clear()
            for _ in range(AT_ONCE):
                batch += self._some()
            await self._write(batch)
            await asyncio.sleep(AT_ONCE / self.events_per_s)

    def _some(self) -> list[tuple[Topic, Payload]]:
        talking = [each for each in self.devices if each not in self.quiet]
        if not talking:
            return []
        device_id = self._chance.choice(talking)
        roll = self._chance.random()
        if roll < 0.01:  # noqa: PLR2004 - one in a hundred; more would look like a bad release
            return [(EVENTS, Payload(device_id.encode(), POISON))]
        self.sent += 1
        self._numbers[device_id] += 1
        heard = event(self._numbers[device_id], device_id, received_at=now(), **_phase(self._chance))
        once = (EVENTS, payload(heard))
        return [once, once] if roll < 0.04 else [once]  # noqa: PLR2004

    async def _write(self, batch: list[tuple[Topic, Payload]]) -> None:
        """Write all, and all again when it is not known to have been written: the throttle knows duplicates."""
        while True:
            try:
                async with asyncio.timeout(ACKED_WITHIN_S):
                    writer = await self._writing()
                    acks = [
                        await writer.send(
                            topic_name(self._kafka, topic),
                            given.value,
                            given.key,
                            timestamp_ms=given.timestamp_ms,
                            headers=list(given.headers),
                        )
                        for topic, given in batch
                    ]
                    await asyncio.gather(*acks)
            except (KafkaError, OSError):
                self._writer = None
                await asyncio.sleep(0.5)
            else:
                return

    async def _writing(self) -> AIOKafkaProducer:
        if self._writer is None:
            self._writer = await self._resources.enter_async_context(started(producer(self._kafka, "load")))
        return self._writer

    async def _look(self) -> None:
        records = await self.decided.read()
        for record in records[self._looked_at :]:
            decision = DECISION.validate_json(record.value)
            match decision:
                case EventDecided():
                    self.count_decided += 1
                case NotificationsDisabled():
                    self._running_periods[decision.period_id] = decision
                    if self._chance.random() < 0.4:  # noqa: PLR2004 - the others end by time, or last
                        self._orders.append(enable(decision.period_id, decision.device_id, enabled_at=now()))
                case NotificationsEnabled():
                    self._running_periods.pop(decision.period_id, None)
                    self.early += decision.by is EnabledBy.TIME and decision.until > now()
                case _:
                    pass
        self._looked_at = len(records)

    async def _is_settled(self, asker: AIOKafkaAdminClient) -> bool:
        is_over = self.count_decided >= self.sent or await self._is_read(asker)
        await self._look()
        return is_over and not self.count_disabled()

    async def _is_read(self, asker: AIOKafkaAdminClient) -> bool:
        """Whether the group has committed all that was written: what has no decision yet gets none."""
        try:
            committed = await asker.list_consumer_group_offsets(scoped(self._kafka, GROUP))
            ends = await end_offsets(
                self.decided.client,
                [
                    TopicPartition(topic_name(self._kafka, topic), number)
                    for topic in (EVENTS, COMMANDS)
                    for number in range(topic.partitions)
                ],
            )
        except (KafkaError, Retryable):
            return False
        return all(end == 0 or (place in committed and committed[place].offset == end) for place, end in ends.items())


def _phase(chance: random.Random) -> dict[str, Any]:  # Any: fields of the model
    return chance.choice(
        [
            {"code": "ON_BATTERY", "phase": "raise", "native_text": None},
            {"code": "POWER_RESTORED", "phase": "clear", "native_text": None},
            {"code": "ON_BATTERY", "phase": "repeat", "native_text": None},
            {},
        ]
    )

"""Periods that ended while the throttle was down, on a real broker."""

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import TypeAdapter

from ups_devstack.stack import Backing
from ups_runtime.kafka import apply_topics, consumer, producer, started, topic_name
from ups_runtime.lifecycle import Life, running
from ups_runtime.logging import get_logger
from ups_runtime.settings import HttpSettings, KafkaSettings, LogSettings
from ups_runtime.testing import eventually
from ups_schemas.decision import Decision, EnabledBy, EventDecided, NotificationsDisabled, NotificationsEnabled
from ups_schemas.device import DeviceSnapshot, Policy
from ups_schemas.envelope import to_utc_milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.topics import (
    COMMANDS,
    DEAD_LETTERS,
    DECISIONS,
    DEVICES,
    EVENTS,
    SUPPRESSIONS,
    THROTTLE_STATE,
    Service,
)
from ups_throttle.app import start
from ups_throttle.settings import Settings, ThrottleSettings
from ups_throttle.testing.samples import device, event, payload

TOPICS = (EVENTS, DEVICES, COMMANDS, DECISIONS, SUPPRESSIONS, THROTTLE_STATE, DEAD_LETTERS[Service.THROTTLE])
DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
DEVICE_COUNT = 300
TIMERS_AT_ONCE = 5
# Long enough to decide on all of them and to go down before the first ends, on a slow machine.
PERIOD = timedelta(seconds=12)
TRIPS = Policy(limit=1, window_s=1800, period_s=int(PERIOD.total_seconds()))


def now() -> datetime:
    return to_utc_milliseconds(datetime.now(UTC))


def throttle(kafka: KafkaSettings) -> AbstractAsyncContextManager[Life]:
    settings = Settings(
        kafka, HttpSettings(side_host="127.0.0.1"), LogSettings(), ThrottleSettings(timers_at_once=TIMERS_AT_ONCE)
    )
    return running(Service.THROTTLE, settings, start)


class Decided:
    """What a read-committed consumer sees, from the beginning."""

    def __init__(self, client: AIOKafkaConsumer) -> None:
        self._client = client
        self._found: list[Decision] = []

    async def of(self, kind: type) -> list[Decision]:
        while batches := await self._client.getmany(timeout_ms=50):
            self._found += [DECISION.validate_json(record.value) for batch in batches.values() for record in batch]
        return [decision for decision in self._found if isinstance(decision, kind)]

    async def are(self, kind: type, count: int) -> bool:
        return len(await self.of(kind)) >= count


async def write(kafka: KafkaSettings, writer: AIOKafkaProducer, *messages: AcceptedEvent | DeviceSnapshot) -> None:
    acks = []
    for message in messages:
        topic = DEVICES if isinstance(message, DeviceSnapshot) else EVENTS
        record = payload(message)
        acks.append(
            await writer.send(
                topic_name(kafka, topic),
                record.value,
                record.key,
                timestamp_ms=record.timestamp_ms,
                headers=list(record.headers),
            )
        )
    for ack in acks:
        await ack


async def test_periods_that_ended_in_a_downtime_end_once_each_as_of_their_end(stack: Backing, prefix: str) -> None:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix, session_timeout_s=6)
    await apply_topics(kafka, TOPICS, 1, get_logger("test"))
    device_ids = [f"d-{number}" for number in range(DEVICE_COUNT)]
    async with AsyncExitStack() as lives:
        writer = await lives.enter_async_context(started(producer(kafka, "test")))
        client = await lives.enter_async_context(started(consumer(kafka, None)))
        client.assign([TopicPartition(topic_name(kafka, DECISIONS), n) for n in range(DECISIONS.partitions)])
        decided = Decided(client)
        await write(kafka, writer, *(device(each, policy=TRIPS) for each in [*device_ids, "d-new"]))
        async with throttle(kafka):
            since = now()
            await write(
                kafka, writer, *(event(number, each, received_at=since) for each in device_ids for number in (1, 2))
            )
            await eventually(lambda: decided.are(NotificationsDisabled, DEVICE_COUNT), within_s=60)
        ended_while_up = len(await decided.of(NotificationsEnabled))
        await eventually(lambda: now() > since + PERIOD, within_s=60)
        await write(kafka, writer, event(1, "d-new", received_at=now()))

        async with throttle(kafka):
            await eventually(lambda: decided.are(NotificationsEnabled, DEVICE_COUNT), within_s=60)
            await eventually(lambda: decided.are(EventDecided, 2 * DEVICE_COUNT + 1), within_s=60)
            # another pass of every partition: what would be doubled is doubled by then
            await write(kafka, writer, *(event(3, each, received_at=now()) for each in device_ids))
            await eventually(lambda: decided.are(EventDecided, 3 * DEVICE_COUNT + 1), within_s=60)

        enabled = await decided.of(NotificationsEnabled)

    assert ended_while_up < DEVICE_COUNT
    assert sorted(one.device_id for one in enabled) == sorted(device_ids)
    assert {(one.by, one.since, one.enabled_at) for one in enabled} == {(EnabledBy.TIME, since, since + PERIOD)}

"""The throttle as a process on a real broker: each event decided once, over restarts and rebalances."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from ups_devstack.faults.load import now, topic_of
from ups_devstack.faults.reading import Reader, reading
from ups_devstack.faults.verdict import judge
from ups_devstack.stack import Backing
from ups_runtime.errors import ExitCode, Fatal
from ups_runtime.kafka import apply_topics, consumer, producer, started, topic_name
from ups_runtime.lifecycle import Life, running
from ups_runtime.logging import get_logger
from ups_runtime.settings import HttpSettings, KafkaSettings, LogSettings
from ups_runtime.testing import eventually
from ups_runtime.testing.forged import forge
from ups_schemas.decision import EnabledBy, EventDecided, NotificationsDisabled, NotificationsEnabled
from ups_schemas.device import DeviceSnapshot, EnableNotifications, Policy
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
    Topic,
)
from ups_throttle.adapters.kafka import KafkaPort
from ups_throttle.app import start
from ups_throttle.settings import Settings, ThrottleSettings
from ups_throttle.testing.samples import device, enable, event, payload

DEAD = DEAD_LETTERS[Service.THROTTLE]
TOPICS = (EVENTS, DEVICES, COMMANDS, DECISIONS, SUPPRESSIONS, THROTTLE_STATE, DEAD)
TRIPS = Policy(limit=2, window_s=1800, period_s=3600)


@dataclass
class Bench:
    kafka: KafkaSettings
    writer: AIOKafkaProducer
    decided: Reader
    lives: AsyncExitStack

    def throttle(self) -> AbstractAsyncContextManager[Life]:
        return running(Service.THROTTLE, settings_for(self.kafka), start)

    async def add(self, *messages: AcceptedEvent | DeviceSnapshot | EnableNotifications) -> list[Any]:
        acks = []
        for message in messages:
            topic = topic_of(message)
            given = payload(message)
            acks.append(
                await self.writer.send(
                    topic_name(self.kafka, topic),
                    given.value,
                    given.key,
                    timestamp_ms=given.timestamp_ms,
                    headers=list(given.headers),
                )
            )
        return [await ack for ack in acks]

    async def outcomes(self, device_id: str) -> list[str]:
        return [
            decision.outcome
            for decision in await self.decided.decisions(device_id)
            if isinstance(decision, EventDecided)
        ]


def settings_for(kafka: KafkaSettings) -> Settings:
    return Settings(kafka, HttpSettings(side_host="127.0.0.1"), LogSettings(), ThrottleSettings())


def heard(number: int, device_id: str = "d-1", **more: Any) -> AcceptedEvent:
    return event(number, device_id, received_at=now(), **more)


def owned(life: Life) -> set[int]:
    return {
        int(sample.labels["partition"])
        for metric in life.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "ups_throttle_lag_records"
    }


async def ready(life: Life) -> None:
    await eventually(lambda: not life.health.missing() and owned(life), within_s=30)


async def read_from_beginning(lives: AsyncExitStack, kafka: KafkaSettings, topic: Topic) -> Reader:
    return await lives.enter_async_context(reading(kafka, topic))


@pytest.fixture
async def bench(stack: Backing, prefix: str) -> AsyncIterator[Bench]:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix, session_timeout_s=6)
    await apply_topics(kafka, TOPICS, 1, get_logger("test"))
    async with AsyncExitStack() as lives:
        writer = await lives.enter_async_context(started(producer(kafka, "test")))
        decided = await read_from_beginning(lives, kafka, DECISIONS)
        yield Bench(kafka, writer, decided, lives)


async def test_events_become_decisions_and_a_restart_goes_on_in_the_window(bench: Bench) -> None:
    await bench.add(device(policy=TRIPS), heard(1))
    async with bench.throttle() as life:
        await ready(life)
        await bench.add(heard(2))
        await eventually(lambda: _are(bench, "d-1", ["notify", "notify"]))

    async with bench.throttle():
        await bench.add(heard(3))

        await eventually(lambda: _are(bench, "d-1", ["notify", "notify", "disabled"]), within_s=30)
    suppressions = await read_from_beginning(bench.lives, bench.kafka, SUPPRESSIONS)
    await eventually(suppressions.read)
    assert {record.value for record in suppressions.records} <= {record.value for record in bench.decided.records}


async def test_two_instances_share_the_partitions_and_one_goes_on_alone(bench: Bench) -> None:
    devices = [f"d-{number}" for number in range(24)]
    await bench.add(*(device(each) for each in devices))
    async with bench.throttle() as one:
        await ready(one)
        async with bench.throttle() as two:
            await eventually(lambda: len(owned(one)) == len(owned(two)) == 6, within_s=30)
            await bench.add(*(heard(1, each) for each in devices))
            await eventually(lambda: _count(bench, 24), within_s=30)

        await bench.add(*(heard(2, each) for each in devices))

        await eventually(lambda: _count(bench, 48), within_s=30)
        await eventually(lambda: len(owned(one)) == 12)
    (await judge(bench.kafka, {each: device(each) for each in devices})).assert_right()


async def test_a_period_ends_by_its_timer_on_the_policy_of_the_snapshot(bench: Bench) -> None:
    await bench.add(device(policy=TRIPS.model_copy(update={"period_s": 2})))
    await ready(await bench.lives.enter_async_context(bench.throttle()))

    await bench.add(heard(1), heard(2), heard(3), heard(4))

    enabled = (await eventually(lambda: _enabled(bench)))[0]
    assert (enabled.by, enabled.enabled_at) == (EnabledBy.TIME, enabled.since + timedelta(seconds=2))
    assert enabled.suppressed_count == 1


async def test_an_order_ends_a_period(bench: Bench) -> None:
    await bench.add(device(policy=TRIPS))
    await ready(await bench.lives.enter_async_context(bench.throttle()))
    await bench.add(heard(1), heard(2), heard(3))
    await eventually(lambda: _are(bench, "d-1", ["notify", "notify", "disabled"]))
    (disabled,) = [one for one in await bench.decided.decisions() if isinstance(one, NotificationsDisabled)]

    await bench.add(enable(disabled.period_id, enabled_at=now()))

    enabled = (await eventually(lambda: _enabled(bench)))[0]
    assert (enabled.by, enabled.period_id) == (EnabledBy.HAND, disabled.period_id)


async def test_an_event_accepted_under_a_newer_snapshot_is_decided_by_it(bench: Bench) -> None:
    await bench.add(device(version=1))
    await ready(await bench.lives.enter_async_context(bench.throttle()))

    await bench.add(device(version=2, subscriptions=()), heard(1, device_version=2))

    await eventually(lambda: _are(bench, "d-1", ["no_subscriber"]))


async def test_poison_in_each_topic_goes_to_the_dead_letters_and_neighbours_pass(bench: Bench) -> None:
    await bench.add(device())
    await ready(await bench.lives.enter_async_context(bench.throttle()))
    (place,) = await bench.add(heard(1))
    for topic in (EVENTS, COMMANDS, DEVICES):
        await bench.writer.send_and_wait(
            topic_name(bench.kafka, topic), b"\xff\x00", b"d-1", partition=place.partition, headers=[("h", b"\x00\xff")]
        )
    await bench.add(heard(2))

    await eventually(lambda: _are(bench, "d-1", ["notify", "notify"]))
    letters = await read_from_beginning(bench.lives, bench.kafka, DEAD)
    await eventually(lambda: _has(letters, 3))
    assert {(letter.key, letter.value) for letter in letters.records} == {(b"d-1", b"\xff\x00")}
    assert all(("h", b"\x00\xff") in letter.headers for letter in letters.records)


async def test_what_the_client_cannot_parse_goes_to_the_dead_letters_once_and_its_partition_goes_on(
    bench: Bench,
) -> None:
    (place,) = await bench.add(device())
    forging = await bench.lives.enter_async_context(started(producer(bench.kafka, "forging")))
    forge(forging)
    topics = [topic_name(bench.kafka, topic) for topic in (EVENTS, COMMANDS, DEVICES)]
    offsets = [
        (
            await forging.send_and_wait(
                topic, payload(heard(1)).value, b"d-1", partition=place.partition, headers=[("HOSTILE", b"x")]
            )
        ).offset
        for topic in topics
    ]
    await bench.add(device(version=2), heard(2))

    for number in (3, 4):
        async with bench.throttle() as life:
            await ready(life)
            await bench.add(heard(number, device_version=2))
            await eventually(lambda number=number: _are(bench, "d-1", ["notify"] * (number - 1)))

    letters = await read_from_beginning(bench.lives, bench.kafka, DEAD)
    await eventually(lambda: _has(letters, 3))
    told = [dict(letter.headers) for letter in letters.records]
    assert sorted((each["dlq_topic"].decode(), int(each["dlq_offset"])) for each in told) == sorted(
        zip(topics, offsets, strict=True)
    )
    assert {each["dlq_reason"] for each in told} == {b"undecodable"}


async def test_an_owner_whose_partition_was_taken_over_commits_nothing_more(bench: Bench) -> None:
    await bench.add(device())
    life = await bench.lives.enter_async_context(bench.throttle())
    await ready(life)
    (place,) = await bench.add(heard(1))
    await eventually(lambda: _are(bench, "d-1", ["notify"]))
    reader = await bench.lives.enter_async_context(started(consumer(bench.kafka, None)))
    intruder = KafkaPort(bench.kafka, place.partition, reader, reader)
    await intruder.fence()

    await bench.add(heard(2))

    await eventually(lambda: life.metrics.registry.get_sample_value("ups_throttle_fenced_total") == 1)
    await intruder.close()
    # the group still says that it is the owner's, so after a pause it is taken over anew
    await eventually(lambda: _are(bench, "d-1", ["notify", "notify"]), within_s=30)


async def test_topics_that_do_not_fit_together_are_refused(stack: Backing, prefix: str) -> None:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, [*TOPICS[1:], replace(EVENTS, partitions=3)], 1, get_logger("test"))

    with pytest.raises(Fatal) as fatal:
        async with running(Service.THROTTLE, settings_for(kafka), start):
            pass

    assert fatal.value.exit_code is ExitCode.PARTITIONS_CHANGED


async def _are(bench: Bench, device_id: str, outcomes: list[str]) -> bool:
    return await bench.outcomes(device_id) == outcomes


async def _count(bench: Bench, count: int) -> bool:
    return len(await bench.decided.read()) >= count


async def _has(reader: Reader, count: int) -> bool:
    return len(await reader.read()) >= count


async def _enabled(bench: Bench) -> list[NotificationsEnabled]:
    return [one for one in await bench.decided.decisions() if isinstance(one, NotificationsEnabled)]

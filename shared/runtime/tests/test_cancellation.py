"""A loop ends although the cancellation was lost in what it waited for."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import SystemClock
from ups_runtime.consume import _Loop, consume
from ups_runtime.errors import Retryable
from ups_runtime.health import Health
from ups_runtime.kafka import Unreadable, View, wait_for_kafka
from ups_runtime.lane import Handling, Retry, counters
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_runtime.mongo import wait_for_mongo
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import AnsweredWhenCancelled
from ups_schemas.topics import DEVICES

NOWHERE = KafkaSettings(bootstrap_servers="nowhere.example:9092")


@pytest.fixture
def step() -> AnsweredWhenCancelled:
    return AnsweredWhenCancelled()


async def test_a_task_that_was_cancelled_ends_at_its_next_turn(step: AnsweredWhenCancelled) -> None:
    async def turn_for_ever() -> None:
        while True:
            heed_cancellation()
            await step.wait()

    task = asyncio.create_task(turn_for_ever())

    assert await step.ends(task)
    assert task.cancelled()


async def test_a_task_that_was_cancelled_does_not_rest_first(step: AnsweredWhenCancelled) -> None:
    async def rest_for_an_hour_after_each_turn() -> None:
        while True:
            await step.wait()
            await SystemClock().sleep(3600)

    task = asyncio.create_task(rest_for_an_hour_after_each_turn())

    assert await step.ends(task)
    assert task.cancelled()


async def test_a_time_out_that_is_over_ends_nothing() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()

    heed_cancellation()


async def test_a_consumer_ends(step: AnsweredWhenCancelled) -> None:
    class Consumer:
        def subscribe(self, topics: list[str], listener: object) -> None:
            pass

        async def getmany(self, **_limits: Any) -> dict[TopicPartition, list[Any]]:
            await step.wait()
            return {}

    task = asyncio.create_task(
        consume(
            Consumer(),
            step.wait,
            dead_letters=None,  # type: ignore[arg-type] # nothing is handled
            clock=SystemClock(),
            metrics=Metrics("test"),
            heartbeat=Health(SystemClock()).progress("consume", 30),
            topics=["t"],
        )
    )

    assert await step.ends(task)


async def test_who_waits_for_the_end_of_a_view_ends(step: AnsweredWhenCancelled) -> None:
    class Asker:
        async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
            await step.wait()
            return dict.fromkeys(partitions, 1)

    view = View(NOWHERE, DEVICES, lambda *_: None)
    view._asker = Asker()
    view._wanted.set()

    assert await step.ends(asyncio.create_task(view._answer_reads()))


async def test_a_consumer_that_waits_for_the_dead_letters_ends(step: AnsweredWhenCancelled) -> None:
    class Letters:
        async def put(self, *_letter: object) -> None:
            await step.wait()
            raise Retryable("away")

    handling = Handling(
        step.wait,
        None,
        Letters(),  # type: ignore[arg-type] # as much of it as the loop asks for
        (),
        Retry(),
        SystemClock(),
        counters(Metrics("test")),
    )
    loop = _Loop(None, handling, None)

    assert await step.ends(asyncio.create_task(loop._put_aside(Unreadable("t", 0, 0))))


async def test_a_view_that_waits_for_its_topic_ends(
    step: AnsweredWhenCancelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def partition_counts(*_arguments: object) -> dict[str, int]:
        await step.wait()
        return {}

    monkeypatch.setattr("ups_runtime.kafka.view.partition_counts", partition_counts)
    view = View(NOWHERE, DEVICES, lambda *_: None)

    assert await step.ends(asyncio.create_task(view._follow()))


async def test_who_waits_for_the_brokers_ends(step: AnsweredWhenCancelled, monkeypatch: pytest.MonkeyPatch) -> None:
    class Admin:
        async def start(self) -> None:
            await step.wait()
            raise KafkaError

        async def stop(self) -> None:
            pass

    monkeypatch.setattr("ups_runtime.kafka.clients.admin", lambda _settings: Admin())

    assert await step.ends(asyncio.create_task(wait_for_kafka(NOWHERE, get_logger("test"))))


async def test_who_waits_for_the_database_ends(step: AnsweredWhenCancelled) -> None:
    class Database:
        @property
        def admin(self) -> "Database":
            return self

        async def command(self, _name: str) -> None:
            await step.wait()
            raise PyMongoError

    client: Any = Database()

    assert await step.ends(asyncio.create_task(wait_for_mongo(client, get_logger("test"))))

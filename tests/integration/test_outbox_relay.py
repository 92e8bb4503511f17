"""What was committed is published, in order, and by one relay, whatever happens to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from ups_devstack.stack import Backing
from ups_runtime.clock import SystemClock
from ups_runtime.codec import decode, message_event
from ups_runtime.errors import Permanent, Retryable
from ups_runtime.health import Health
from ups_runtime.kafka import (
    TransactionalProducer,
    apply_topics,
)
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_runtime.mongo import Client, Database, Session, client, database, in_transaction
from ups_runtime.outbox import COLLECTION, Outbox, OutboxMessage
from ups_runtime.outbox_relay import OutboxRelay
from ups_runtime.settings import KafkaSettings, MongoSettings
from ups_runtime.testing import AnsweredWhenCancelled, eventually
from ups_runtime.testing.topics import read_all
from ups_schemas.account import User
from ups_schemas.device import DeviceKey, DeviceScope, DeviceSnapshot, Plan
from ups_schemas.topics import DEVICE_KEYS, DEVICES, USERS, Topic

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def snapshot(version: int, device_id: str = "dev-1") -> OutboxMessage:
    data = DeviceSnapshot(
        device_id=device_id,
        version=version,
        ownership=1,
        company_id="com-1",
        name="Rack 7",
        plan=Plan(name="advanced"),
        changed_at=NOW,
    )
    event = message_event(data, id=f"{device_id}-{version}", source="/device-svc", subject=device_id, time=NOW)
    return OutboxMessage(DEVICES, device_id, event, device_id, version)


def key(device_id: str, version: int, aggregate_id: str | None = None) -> OutboxMessage:
    data = DeviceKey(
        key_id=f"key-{device_id}",
        version=version,
        secret_sha256="0" * 64,
        scope=DeviceScope(device_id=device_id, ownership=1, device_version=version),
        changed_at=NOW,
    )
    event = message_event(data, id=f"key-{device_id}-{version}", source="/device-svc", subject=data.key_id, time=NOW)
    return OutboxMessage(DEVICE_KEYS, data.key_id, event, aggregate_id or device_id, version)


class Crash(BaseException):
    """The process is gone."""


class CrashesBeforeMark(OutboxRelay):
    async def _mark_sent(self, _rows: Sequence[dict[str, Any]]) -> None:
        raise Crash


class SleepsBeforePublish(OutboxRelay):
    """Reads its rows, then is not scheduled until `wake` is set."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.asleep, self.wake, self.outcome = asyncio.Event(), asyncio.Event(), ""

    async def _publish(self, producer: TransactionalProducer, rows: Sequence[dict[str, Any]]) -> None:
        self.asleep.set()
        await self.wake.wait()
        try:
            await super()._publish(producer, rows)
            self.outcome = "published"
        except Exception as error:
            self.outcome = type(error).__name__
            raise


class SleepsBeforeCommit(SleepsBeforePublish):
    """Sleeps with its records sent and not committed."""

    async def _publish(self, producer: TransactionalProducer, rows: Sequence[dict[str, Any]]) -> None:
        commit = producer.commit_transaction

        async def sleep_then_commit() -> None:
            self.asleep.set()
            await self.wake.wait()
            await commit()

        producer.commit_transaction = sleep_then_commit
        try:
            await OutboxRelay._publish(self, producer, rows)
            self.outcome = "published"
        except Exception as error:
            self.outcome = type(error).__name__
            raise


class LeavesSlowly(OutboxRelay):
    """Finds the database gone, and waits for it once more to give up the lease."""

    async def _relay(self, _producer: TransactionalProducer) -> int:
        raise Retryable("MongoDB: gone")

    async def _leave(self) -> None:
        await asyncio.Event().wait()


class LosesItsCancellation(OutboxRelay):
    """Relays its rows, then waits for what swallows its cancellation."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.step = AnsweredWhenCancelled()

    async def _relay(self, producer: TransactionalProducer) -> int:
        rows = await super()._relay(producer)
        await self.step.wait()
        return rows


class LosesItsCancellationWaiting(LosesItsCancellation):
    """Waits for that while the database is gone."""

    async def _lead(self) -> None:
        await self.step.wait()
        raise Retryable("MongoDB: gone")


@dataclass
class Bench:
    kafka: KafkaSettings
    mongo: Client
    db: Database
    outbox: Outbox
    health: Health = field(default_factory=lambda: Health(SystemClock()))

    async def add(self, *messages: OutboxMessage) -> None:
        async def work(session: Session) -> None:
            await self.outbox.add(session, *messages)

        await in_transaction(self.mongo, work)

    def relay(self, kind: type[OutboxRelay] = OutboxRelay, lease_s: float = 1) -> Any:
        clock = SystemClock()
        return kind(self.outbox, self.kafka, "device-svc", clock, Metrics("device-svc"), self.health, lease_s=lease_s)

    @asynccontextmanager
    async def running(self, relay: OutboxRelay) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(relay.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def published(self, topic: Topic) -> list[Any]:
        """The committed records of the topic, partition by partition."""
        return sorted(await read_all(self.kafka, topic), key=lambda record: record.partition)

    async def versions(self, topic: Topic = DEVICES) -> list[int]:
        return [decode(record, topic.messages).data.version for record in await self.published(topic)]

    async def pending(self) -> int:
        return await self.db[COLLECTION].count_documents({"pending": True})

    async def all_sent(self) -> bool:
        return await self.pending() == 0


@pytest.fixture
async def bench(stack: Backing, prefix: str) -> AsyncIterator[Bench]:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, [DEVICES, DEVICE_KEYS], 1, get_logger("test"))
    mongo = client(MongoSettings(uri=stack.mongo_uri))
    db = database(mongo, MongoSettings(database_prefix=f"{prefix}-"), "devices")
    yield Bench(kafka, mongo, db, Outbox(db))
    await mongo.close()


async def test_what_was_committed_is_published_and_what_was_not_is_not(bench: Bench) -> None:
    async def work(session: Session) -> None:
        await bench.outbox.add(session, snapshot(9, "dev-9"))
        raise ZeroDivisionError

    await bench.add(snapshot(1))
    with pytest.raises(ZeroDivisionError):
        await in_transaction(bench.mongo, work)

    async with bench.running(bench.relay()):
        await eventually(bench.all_sent)

    [record] = await bench.published(DEVICES)
    event = snapshot(1).event
    assert decode(record, DeviceSnapshot) == event
    assert (record.key, record.timestamp) == (b"dev-1", int(NOW.timestamp() * 1000))
    row = await bench.db[COLLECTION].find_one({})
    assert row is not None
    assert "pending" not in row
    assert row["sent_at"] > NOW


async def test_of_personal_data_only_when_it_was_sent_is_kept(bench: Bench) -> None:
    person = User(user_id="anna", version=1, address="anna@acme.example", changed_at=NOW)
    event = message_event(person, id="anna:1", source="/invite-svc", subject="anna", time=NOW)
    await apply_topics(bench.kafka, [USERS], 1, get_logger("test"))
    await bench.add(OutboxMessage(USERS, "anna", event, "anna", 1), snapshot(1))

    async with bench.running(bench.relay()):
        await eventually(bench.all_sent)

    [record] = await bench.published(USERS)
    assert decode(record, User) == event
    rows = {row["topic"]: row async for row in bench.db[COLLECTION].find()}
    assert "acme.example" not in str(rows[USERS.name])
    assert b"Rack 7" in rows[DEVICES.name]["value"]


@pytest.mark.parametrize("kind", [LosesItsCancellation, LosesItsCancellationWaiting])
async def test_a_relay_ends_although_its_cancellation_was_lost(bench: Bench, kind: type[OutboxRelay]) -> None:
    relay = bench.relay(kind)

    async with bench.running(relay) as task:
        assert await relay.step.ends(task)


async def test_an_aggregate_is_published_in_the_order_of_its_versions(bench: Bench) -> None:
    for version in (3, 1, 5, 2, 4):
        await bench.add(snapshot(version))

    async with bench.running(bench.relay()):
        await eventually(bench.all_sent)

    assert await bench.versions() == [1, 2, 3, 4, 5]


async def test_a_removal_is_a_tombstone_after_the_last_version(bench: Bench) -> None:
    await bench.add(snapshot(1))
    await bench.add(OutboxMessage(DEVICES, "dev-1", None, "dev-1", 2))

    async with bench.running(bench.relay()):
        await eventually(bench.all_sent)

    assert [record.value is None for record in await bench.published(DEVICES)] == [False, True]


async def test_whoever_sees_a_key_sees_its_device(bench: Bench) -> None:
    await bench.add(*(key(f"dev-{number}", 1, f"key-{number}") for number in range(5)), snapshot(1, "dev-0"))
    await bench.add(*(snapshot(1, f"dev-{number}") for number in range(1, 5)))
    relay = bench.relay()
    turns: list[set[str]] = []
    publish = relay._publish

    async def noted(producer: TransactionalProducer, rows: Sequence[dict[str, Any]]) -> None:
        turns.append({row["topic"] for row in rows})
        await publish(producer, rows)

    relay._publish = noted
    async with bench.running(relay):
        await eventually(bench.all_sent)

    assert turns == [{DEVICES.name}, {DEVICE_KEYS.name}]
    assert len(await bench.published(DEVICES)) == len(await bench.published(DEVICE_KEYS)) == 5


async def test_a_crash_between_publishing_and_marking_repeats_the_same_record(bench: Bench) -> None:
    await bench.add(snapshot(1))
    with pytest.raises(Crash):
        await bench.relay(CrashesBeforeMark).run()
    await bench.add(snapshot(2))

    async with bench.running(bench.relay()):
        await eventually(bench.all_sent)

    first, repeat, last = await bench.published(DEVICES)
    assert (first.key, first.value, first.headers) == (repeat.key, repeat.value, repeat.headers)
    assert dict(first.headers)["ce_id"] == b"dev-1-1"
    assert dict(last.headers)["ce_id"] == b"dev-1-2"


@pytest.mark.parametrize("kind", [SleepsBeforePublish, SleepsBeforeCommit])
async def test_a_relay_that_slept_publishes_nothing_after_the_next_one(
    bench: Bench, kind: type[SleepsBeforePublish]
) -> None:
    await bench.add(snapshot(7))
    sleeper = bench.relay(kind)
    async with bench.running(sleeper) as task:
        await asyncio.wait_for(sleeper.asleep.wait(), 30)
        await bench.add(snapshot(8))

        async with bench.running(bench.relay()):
            await eventually(bench.all_sent, within_s=30)
            sleeper.wake.set()
            await eventually(lambda: sleeper.outcome)

            assert sleeper.outcome == "Fenced"
            assert await bench.versions() == [7, 8]
            assert not task.done()


async def test_of_many_relays_one_works_and_another_follows_it(bench: Bench) -> None:
    first, second = bench.relay(), bench.relay()
    async with bench.running(second):
        async with bench.running(first):
            for version in range(1, 6):
                await bench.add(snapshot(version))
                await eventually(bench.all_sent)
        await bench.add(snapshot(6))
        await eventually(bench.all_sent)

    assert await bench.versions() == [1, 2, 3, 4, 5, 6]


async def test_who_waits_goes_on_when_it_is_published(bench: Bench) -> None:
    async with bench.running(bench.relay()):
        await bench.add(snapshot(1))
        await eventually(bench.all_sent, within_s=30)
        for version in range(2, 12):
            await bench.add(snapshot(version))
            await bench.outbox.published()

            assert await bench.all_sent()


async def test_who_waits_goes_on_when_it_cannot_be_published(stack: Backing, bench: Bench) -> None:
    async with bench.running(bench.relay()):
        await bench.add(snapshot(1))
        await eventually(bench.all_sent, within_s=30)
        await stack.kill("kafka")
        await bench.add(snapshot(2))

        async with asyncio.timeout(10):
            await bench.outbox.published()

        assert not await bench.all_sent()
        await stack.start("kafka")
        await eventually(bench.all_sent, within_s=90)


async def test_it_goes_on_after_the_broker_was_away(stack: Backing, bench: Bench) -> None:
    relay = bench.relay()
    async with bench.running(relay) as task:
        await bench.add(snapshot(1))
        await eventually(bench.all_sent)

        await stack.kill("kafka")
        await bench.add(snapshot(2))
        await stack.start("kafka")

        await eventually(bench.all_sent, within_s=90)
        assert not task.done()

    versions = await bench.versions()
    assert list(dict.fromkeys(versions)) == [1, 2]


async def test_it_goes_on_after_the_database_was_away(stack: Backing, bench: Bench) -> None:
    async with bench.running(bench.relay()) as task:
        await bench.add(snapshot(1))
        await eventually(bench.all_sent)

        await stack.restart("mongo")
        await bench.add(snapshot(2))

        await eventually(bench.all_sent, within_s=60)
        assert not task.done()


async def test_readiness_says_what_is_away_before_it_is_asked_once_more(bench: Bench) -> None:
    async with bench.running(bench.relay(LeavesSlowly)):
        await eventually(lambda: bench.health.missing() == {"outbox": "MongoDB: gone"}, within_s=30)


async def test_a_message_that_could_never_be_sent_is_refused_when_it_is_added(bench: Bench) -> None:
    data = DeviceSnapshot.model_validate(
        snapshot(1).event.data.model_dump()  # type: ignore[union-attr]
        | {"severity_overrides": {}, "subscriptions": [], "name": "x" * 300}
    ).model_copy(update={"name": "x" * 1_000_000})
    event = message_event(data, id="1", source="/", subject="dev-1", time=NOW)

    with pytest.raises(Permanent, match="more than"):
        await bench.add(OutboxMessage(DEVICES, "dev-1", event, "dev-1", 1))

    assert await bench.all_sent()

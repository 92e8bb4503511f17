"""The relay of an outbox: publishes its rows in order, and is fenced by whoever takes over."""

import asyncio
import os
import socket
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka.errors import IllegalOperation
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.database import AsyncDatabase

from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Fenced, Retryable
from ups_runtime.health import Health
from ups_runtime.kafka import TransactionalProducer, map_kafka_errors, started, topic_name, transactional_producer
from ups_runtime.lease import Lease
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_runtime.mongo import map_mongo_errors
from ups_runtime.outbox import COLLECTION, Outbox
from ups_runtime.outbox import rank as rank_of_topic
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import TOPICS

LEASES = "leases"

# Sent rows are kept for a look at what was said, and when; of personal data only when.
KEEP_SENT_S = 7 * 24 * 60 * 60

# How long a crashed relay keeps the others waiting. Shorter ones change hands at a slow election of MongoDB.
LEASE_S = 10
# What a row of another process waits at most. Ten questions a second of an index that is nearly always empty cost
# nothing.
POLL_S = 0.1
BATCH = 500
# For the acks of one transaction, and for its commit.
SEND_WITHIN_S = 30

_PERSONAL = frozenset(topic.name for topic in TOPICS if topic.personal)

log = get_logger("outbox")


class OutboxRelay:
    """Publishes the rows of a database's outbox; any number may run, one works.

    A row is published at least once, and again with the same bytes after a crash between steps 3 and 4. Rows of one
    aggregate are never published out of order, nor by two relays:

    1. Take the lease. It only keeps the others quiet.
    2. Start the transactional producer of the fixed id: from here on no earlier relay can commit. Only then read rows.
    3. Publish them by transactions, of each aggregate at most one row in each.
    4. Mark them sent.

    Fenced by a later relay it gives the lease up and starts over.
    """

    def __init__(
        self,
        outbox: Outbox,
        settings: KafkaSettings,
        service: str,
        clock: Clock,
        metrics: Metrics,
        health: Health,
        *,
        lease_s: float = LEASE_S,
    ) -> None:
        self._db = outbox.db
        self._rows = self._db[COLLECTION]
        self._doorbell = outbox.doorbell
        self._settings = settings
        self._transactional_id = f"outbox.{service}"
        self._clock = clock
        self._lease_s = lease_s
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._lease = Lease(self._db[LEASES], COLLECTION, owner, lease_s)
        self._trouble: str | None = None
        self._heartbeat = health.progress("outbox", 120)
        health.add("outbox", lambda: self._trouble)
        self._published = metrics.counter("outbox_published", "Rows published, repeats included.", ["topic"])
        self._oldest = metrics.gauge(
            "outbox_oldest_seconds",
            "How long the oldest row has been waiting, in the relay that works.",
            todo="Above 10 s: readiness says what the relay waits for.",
        )

    async def run(self) -> None:
        """Relay until cancelled; what is away is waited for."""
        failures = 0
        while True:
            self._heartbeat.beat()
            # Another relay works: it is asked again long before its lease could end unseen.
            wait_s = self._lease_s / 3
            try:
                with map_mongo_errors():
                    await prepare(self._db)
                    if await self._lease.take():
                        await self._lead()
                failures, self._trouble = 0, None
            except Fenced:
                log.warning("outbox.fenced")
            except Retryable as error:
                failures += 1
                self._trouble = str(error)
                log.warning("outbox.waiting", error=str(error), failures=failures)
                wait_s = min(0.1 * 2 ** min(failures, 10), 10)
            heed_cancellation()
            await self._clock.sleep(wait_s)

    async def _lead(self) -> None:
        client = transactional_producer(self._settings, self._transactional_id)
        try:
            with self._doorbell.attended(), map_mongo_errors(), map_kafka_errors():
                async with asyncio.timeout(SEND_WITHIN_S) as start, started(client) as producer:
                    start.reschedule(None)
                    log.info("outbox.leading")
                    self._trouble = None
                    await self._follow(producer)
        except Retryable as error:
            # said now: leaving asks what is away once more
            self._trouble = str(error)
            raise
        finally:
            await self._leave()

    async def _follow(self, producer: TransactionalProducer) -> None:
        renewed_at = self._clock.monotonic()
        while True:
            heed_cancellation()
            self._heartbeat.beat()
            if self._clock.monotonic() - renewed_at > self._lease_s / 3:
                if not await self._lease.take():
                    log.info("outbox.lease_lost")
                    return
                renewed_at = self._clock.monotonic()
            rings = self._doorbell.before_look()
            rows = await self._relay(producer)
            if rows < BATCH:
                self._doorbell.answer(rings)
            if not rows:
                await self._doorbell.rung(POLL_S)

    async def _leave(self) -> None:
        try:
            with map_mongo_errors():
                await self._lease.give_up()
        except Retryable:
            log.info("outbox.lease_left")

    async def _relay(self, producer: TransactionalProducer) -> int:
        rows = await self._load()
        self._oldest.set((self._clock.now() - rows[0]["created_at"]).total_seconds() if rows else 0)
        for turn in turns(rows):
            await self._publish(producer, turn)
            await self._mark_sent(turn)
        return len(rows)

    async def _load(self) -> list[dict[str, Any]]:
        order = [("created_at", ASCENDING), ("position", ASCENDING)]
        with map_mongo_errors():
            oldest = await self._rows.find({"pending": True}).sort(order).limit(BATCH).to_list()
            if not oldest:
                return []
            # A row's predecessors may seem younger, by another process's clock: an aggregate is read whole.
            aggregates = list({row["aggregate_id"] for row in oldest})
            within = [("sequence", ASCENDING), *order]
            return await self._rows.find({"pending": True, "aggregate_id": {"$in": aggregates}}).sort(within).to_list()

    async def _publish(self, producer: TransactionalProducer, rows: Sequence[dict[str, Any]]) -> None:
        with map_kafka_errors():
            try:
                async with asyncio.timeout(SEND_WITHIN_S):
                    await producer.begin_transaction()
                    sent = [await producer.send(**self._record(row)) for row in rows]
                    # The library would commit although a send has failed.
                    await asyncio.gather(*sent)
                async with asyncio.timeout(SEND_WITHIN_S):
                    await producer.commit_transaction()
            except (IllegalOperation, AssertionError) as error:
                raise producer.failure or error from error
        for row in rows:
            self._published.labels(row["topic"]).inc()

    async def _mark_sent(self, rows: Sequence[dict[str, Any]]) -> None:
        # rows of a turn have one topic; addresses and tokens stand in the values of some
        over = {"pending": "", "value": ""} if rows[0]["topic"] in _PERSONAL else {"pending": ""}
        change = {"$set": {"sent_at": self._clock.now()}, "$unset": over}
        with map_mongo_errors():
            await self._rows.update_many({"_id": {"$in": [row["_id"] for row in rows]}}, change)

    def _record(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            "topic": topic_name(self._settings, row["topic"]),
            "key": bytes(row["key"]),
            "value": None if row["value"] is None else bytes(row["value"]),
            "headers": [(name, bytes(text)) for name, text in row["headers"]],
            "timestamp_ms": row["timestamp_ms"],
        }


async def prepare(db: AsyncDatabase[dict[str, Any]]) -> None:
    """Give the outbox its indexes."""
    pending = {"pending": True}
    by_age = [("created_at", ASCENDING), ("position", ASCENDING)]
    by_aggregate = [("aggregate_id", ASCENDING), ("sequence", ASCENDING)]
    await db[COLLECTION].create_indexes(
        [
            IndexModel(by_age, name="oldest", partialFilterExpression=pending),
            IndexModel(by_aggregate, name="aggregate", partialFilterExpression=pending),
            IndexModel([("sent_at", ASCENDING)], name="sent", expireAfterSeconds=KEEP_SENT_S),
        ]
    )


def turns(rows: Sequence[dict[str, Any]], rank: Callable[[str], int] | None = None) -> list[list[dict[str, Any]]]:
    """The rows, which come in the order of their aggregates, as transactions one after the other.

    Each takes of every aggregate the first row that is left; of these, those of the topic that goes first. So a row
    follows all earlier ones of its aggregate, and in the same state of things a device's row comes before its key's.
    """
    rank = rank or rank_of_topic
    left: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        left.setdefault(row["aggregate_id"], []).append(row)
    made = []
    while left:
        heads = [waiting[0] for waiting in left.values()]
        first = min(rank(row["topic"]) for row in heads)
        turn = [row for row in heads if rank(row["topic"]) == first]
        for row in turn:
            waiting = left[row["aggregate_id"]]
            waiting.pop(0)
            if not waiting:
                del left[row["aggregate_id"]]
        made.append(turn)
    return made

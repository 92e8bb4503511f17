"""The way to `ups.events`, and the way in from `ups.ingest`."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError, KafkaTimeoutError

from ups_event_ingest.domain.acceptance import MAX_EVENT_BYTES, from_json
from ups_event_ingest.domain.refusal import Refusal
from ups_event_ingest.handlers import Arrival, Authenticator, Ingest, Unavailable, Way
from ups_event_ingest.metrics import IngestMetrics
from ups_runtime import codec
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Permanent, Undecodable
from ups_runtime.kafka import stop
from ups_runtime.logging import get_logger
from ups_schemas.envelope import DeadLetterReason, from_milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.ids import ingest_event_id
from ups_schemas.keys import KEY_ID_HEADER, SIGNATURE_HEADER
from ups_schemas.topics import INGEST

# A producer that fails again at once (a clock that is ahead) is not replaced more often than this.
REPLACE_EVERY_S = 1.0

log = get_logger("publisher")


class EventPublisher:
    """A `Publisher` to `ups.events`. `run` it; until it has a producer, publishing is unavailable.

    A failed batch leaves a gap in the sequence of an idempotent producer, after which the brokers refuse whatever it
    sends to that partition. So a producer that failed is thrown away and a new one started.
    """

    def __init__(
        self,
        make_producer: Callable[[], AIOKafkaProducer],
        topic: str,
        *,
        timeout_s: float,
        clock: Clock,
        metrics: IngestMetrics,
    ) -> None:
        self._make_producer = make_producer
        self._topic = topic
        self._timeout_s = timeout_s
        self._clock = clock
        self._metrics = metrics
        self._producer: AIOKafkaProducer | None = None
        self._broken = asyncio.Event()

    def missing(self) -> str | None:
        """What readiness waits for."""
        return None if self._producer else "no producer: the brokers do not answer, or refuse"

    async def run(self) -> None:
        """Keep a working producer until cancelled, then stop it: what it was given is flushed."""
        while True:
            self._broken.clear()
            producer = self._make_producer()
            try:
                await producer.start()
                heed_cancellation()
                self._producer = producer
                await self._broken.wait()
                self._metrics.producers_replaced.inc()
            except KafkaError as error:
                log.warning("publisher.waiting", error=type(error).__name__)
            finally:
                self._producer = None
                await stop(producer)
            await self._clock.sleep(REPLACE_EVERY_S)

    async def publish(self, events: Sequence[AcceptedEvent]) -> None:
        """Return when all in-sync replicas have every event, those of one device in the order given.

        Raises:
            Unavailable: when that is not known within the time-out; any of them may be there or come later.
        """
        with self._metrics.publish_seconds.time():
            await self.send(self._topic, map(_record, events))

    async def send(self, topic: str, records: Iterable[codec.Encoded]) -> None:
        """Return when all in-sync replicas have every record, those of one key in the order given.

        Raises:
            Unavailable: when that is not known within the time-out; any of them may be there or come later.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                acknowledged = [await self._send(topic, record) for record in records]
                if acknowledged:
                    await asyncio.wait(acknowledged)
        except TimeoutError:
            raise Unavailable("The brokers did not acknowledge in time.") from None
        errors = [error for future in acknowledged if (error := future.exception())]
        if any(isinstance(error, InvalidTimestampError) for error in errors):
            raise Unavailable("The clock of this server is ahead of the brokers' clock.")
        if errors:
            raise Unavailable("The brokers refused to store the event.") from errors[0]

    async def _send(self, topic: str, record: codec.Encoded) -> asyncio.Future[object]:
        producer = self._producer
        if producer is None or self._broken.is_set():
            raise Unavailable("The brokers cannot be reached.")
        try:
            acknowledged: asyncio.Future[object] = await producer.send(
                topic, record.value, record.key, timestamp_ms=record.timestamp_ms, headers=record.headers
            )
        except KafkaTimeoutError:
            raise Unavailable("The brokers take events more slowly than they come.") from None
        except KafkaError as error:
            self._give_up(producer, error)
            raise Unavailable("The brokers refused to store the event.") from error
        acknowledged.add_done_callback(partial(self._look, producer))
        return acknowledged

    def _look(self, producer: AIOKafkaProducer, acknowledged: asyncio.Future[object]) -> None:
        if not acknowledged.cancelled() and (error := acknowledged.exception()):
            self._give_up(producer, error)

    def _give_up(self, producer: AIOKafkaProducer, error: BaseException) -> None:
        if producer is self._producer and not self._broken.is_set():
            log.warning("publisher.failed", error=type(error).__name__)
            self._broken.set()


def _record(event: AcceptedEvent) -> codec.Encoded:
    return codec.encode(
        codec.message_event(
            event,
            id=event.event_id,
            source=f"/devices/{event.device_id}",
            subject=event.device_id,
            time=event.received_at,
        ),
        key=event.device_id,
    )


class GatewayRecords:
    """Accepts what Kafka-native gateways write to `ups.ingest`, signed with their key."""

    def __init__(self, authenticator: Authenticator, ingest: Ingest) -> None:
        self._authenticator = authenticator
        self._ingest = ingest

    async def handle(self, record: codec.Record) -> None:
        """Accept the event of one record. A second time it gets the same id, so it is a duplicate downstream.

        `received_at` is the time at which the broker appended the record.

        Raises:
            Permanent: for the dead letters, with its reason.
            Retryable: when the brokers, or the keys, are away.
        """
        headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers or ()}
        received_at = from_milliseconds(record.timestamp)
        value = record.value
        if value is None:
            raise Undecodable("no value: a tombstone is no event")
        sender = await self._authenticator.by_signature(
            headers.get(KEY_ID_HEADER, ""), headers.get(SIGNATURE_HEADER, ""), value, received_at
        )
        if sender is None:
            raise Permanent(
                f"{KEY_ID_HEADER} and {SIGNATURE_HEADER} name no key in force", DeadLetterReason.UNAUTHENTICATED
            )
        if len(value) > MAX_EVENT_BYTES:
            raise Permanent(f"larger than {MAX_EVENT_BYTES} bytes", DeadLetterReason.INVALID)
        try:
            item = from_json(value)
        except ValueError as error:
            raise Undecodable("the value is not JSON") from error
        arrival = Arrival(Way.KAFKA, received_at, lambda: ingest_event_id(INGEST.name, record.partition, record.offset))
        [verdict] = await self._ingest.accept(sender, [item], arrival)
        if isinstance(verdict, Refusal):
            raise Permanent(f"{verdict.reason}: {verdict.field or 'event'}: {verdict.detail}", DeadLetterReason.INVALID)

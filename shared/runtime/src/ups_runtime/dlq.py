"""Dead letters: records that a service cannot take, put aside as they came, within a limit."""

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ups_runtime.clock import Clock
from ups_runtime.codec import Record
from ups_runtime.errors import ExitCode, Fatal, Permanent
from ups_runtime.kafka import map_kafka_errors
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_schemas.envelope import DeadLetterHeader, DeadLetterReason, format_timestamp

MAX_ERROR_CHARS = 500

# Stands for a value that was left out; beside it the hash tells whether two letters had the same one.
VALUE_HASH_HEADER = "dlq_value_sha256"

log = get_logger("dead-letters")


class Producer(Protocol):
    """What is asked of aiokafka's producer."""

    async def send_and_wait(self, topic: str, value: bytes | None = None, key: bytes | None = None, **more: Any) -> Any:
        """Return when the brokers have the record."""


class DeadLetters:
    """The dead letters of one service. `topic_name` is the topic's name in this installation."""

    def __init__(self, producer: Producer, topic_name: str, service: str, metrics: Metrics, clock: Clock) -> None:
        self._producer = producer
        self._topic_name = topic_name
        self._service = service
        self._clock = clock
        self._put = metrics.counter(
            "dead_letters",
            "Records that could not be taken.",
            ["topic", "reason"],
            todo="Look at them with `ups dlq list`; redrive them when the cause is gone.",
        )

    async def put(self, record: Record, reason: DeadLetterReason, error: str, *, without_value: bool = False) -> None:
        """Put a record aside; returns when the brokers have it, so that its offset may be committed.

        Key, value and headers stay as they are. `without_value` keeps a hash in the value's place: for what carries
        tokens or addresses. What is too large with our headers added loses its value so, then its key and headers.

        Raises:
            Retryable: the brokers did not take it.
        """
        ours = self._headers(record, reason, error)
        hashed = (
            [] if record.value is None else [(VALUE_HASH_HEADER, hashlib.sha256(record.value).hexdigest().encode())]
        )
        # Ours come last: a reader takes the last of a name, whatever the sender wrote.
        whole = (record.key, record.value, [*record.headers, *ours])
        no_value = (record.key, None, [*record.headers, *hashed, *ours])
        nothing = (None, None, [*hashed, *ours])
        for form in (no_value, nothing) if without_value else (whole, no_value, nothing):
            try:
                await self._send(*form)
                break
            except Permanent:
                if form is nothing:
                    raise
        self._put.labels(record.topic, reason).inc()
        log.error(
            "record.dead",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=str(reason),
            error=error[:MAX_ERROR_CHARS],
        )

    async def _send(self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> None:
        if key is None and value is None:
            value = b""  # the client sends no record that has neither
        with map_kafka_errors():
            await self._producer.send_and_wait(self._topic_name, value=value, key=key, headers=headers)

    def _headers(self, record: Record, reason: DeadLetterReason, error: str) -> list[tuple[str, bytes]]:
        added: dict[DeadLetterHeader, str] = {
            DeadLetterHeader.REASON: reason,
            DeadLetterHeader.ERROR: error[:MAX_ERROR_CHARS],
            DeadLetterHeader.TOPIC: record.topic,
            DeadLetterHeader.PARTITION: str(record.partition),
            DeadLetterHeader.OFFSET: str(record.offset),
            DeadLetterHeader.TIMESTAMP: str(record.timestamp),
            DeadLetterHeader.SERVICE: self._service,
            DeadLetterHeader.DEAD_AT: format_timestamp(self._clock.now()),
        }
        return [(str(name), text.encode(errors="replace")) for name, text in added.items()]


@dataclass(frozen=True)
class DrainLimit:
    """How much may land in the dead letters before the process ends instead of draining the topic.

    More than `max_run` in a row, or more than `max_ratio` of the last `window` records. With half of `max_run` a short
    burst of one broken device ends the process; with twice as much a bad release drains twice as much.
    Give None to `consume` where strangers write: they must not be able to end the process.
    """

    max_ratio: float = 0.5
    max_run: int = 100
    window: int = 1000


@dataclass
class DrainCount:
    """What has been seen, held against a limit."""

    limit: DrainLimit
    _run: int = 0
    _last: deque[bool] = field(init=False)
    _dead: int = 0

    def __post_init__(self) -> None:
        self._last = deque(maxlen=self.limit.window)

    def passed(self) -> None:
        """Count a record that was handled."""
        self._run = 0
        self._count(dead=False)

    def dead(self) -> None:
        """Count a dead letter.

        Raises:
            Fatal: with POISON, past the limit. The record's offset must not be committed then.
        """
        self._run += 1
        self._count(dead=True)
        if self._run > self.limit.max_run:
            raise Fatal(
                ExitCode.POISON,
                f"{self._run} records in a row are dead letters: a bad release, or a writer that keeps no contract. "
                "Look at them with `ups dlq list` before this service is started again.",
            )
        if len(self._last) == self.limit.window and self._dead > self.limit.max_ratio * self.limit.window:
            raise Fatal(
                ExitCode.POISON,
                f"{self._dead} of the last {self.limit.window} records are dead letters: a bad release, or a writer "
                "that keeps no contract. Look at them with `ups dlq list` before this service is started again.",
            )

    def _count(self, *, dead: bool) -> None:
        if len(self._last) == self.limit.window:
            self._dead -= self._last[0]
        self._last.append(dead)
        self._dead += dead

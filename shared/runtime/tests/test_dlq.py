"""What becomes of records that cannot be taken, and when it is too many."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from prometheus_client import CollectorRegistry

from ups_runtime.dlq import VALUE_HASH_HEADER, DeadLetters, DrainCount, DrainLimit
from ups_runtime.errors import ExitCode, Fatal, Retryable
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock
from ups_schemas.envelope import DeadLetterReason

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class AProducer:
    """Keeps what it is sent; refuses what is larger than `most_bytes`."""

    most_bytes: int = 1000
    failure: Exception | None = None
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def send_and_wait(
        self, topic: str, value: bytes | None = None, key: bytes | None = None, **more: Any
    ) -> None:
        if self.failure:
            raise self.failure
        size = sum(len(name) + len(text or b"") for name, text in more["headers"] if not name.startswith("dlq_"))
        if len(value or b"") + len(key or b"") + size > self.most_bytes:
            raise MessageSizeTooLargeError
        self.sent.append({"topic": topic, "value": value, "key": key, **more})


@dataclass(frozen=True)
class ARecord:
    value: bytes | None = b"\xff not json"
    key: bytes | None = b"\x00key"
    headers: tuple[tuple[str, bytes | None], ...] = (("ce_id", b"\xff"), ("empty", None))
    topic: str = "eu.ups.events.v1"
    partition: int = 3
    offset: int = 17
    timestamp: int = 5


@pytest.fixture
def producer() -> AProducer:
    return AProducer()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("throttle")


@pytest.fixture
def letters(producer: AProducer, metrics: Metrics) -> DeadLetters:
    return DeadLetters(producer, "dead-letters.throttle.v1", "throttle", metrics, FakeClock(NOW))


def value_of(registry: CollectorRegistry, **labels: str) -> float | None:
    return registry.get_sample_value("ups_throttle_dead_letters_total", labels)


async def test_a_letter_holds_the_raw_record_and_where_and_why(
    letters: DeadLetters, producer: AProducer, metrics: Metrics
) -> None:
    await letters.put(ARecord(), DeadLetterReason.UNDECODABLE, "the value is not JSON")

    [sent] = producer.sent
    assert (sent["topic"], sent["key"], sent["value"]) == ("dead-letters.throttle.v1", b"\x00key", b"\xff not json")
    assert sent["headers"][:2] == [("ce_id", b"\xff"), ("empty", None)]
    assert dict(sent["headers"][2:]) == {
        "dlq_reason": b"undecodable",
        "dlq_error": b"the value is not JSON",
        "dlq_topic": b"eu.ups.events.v1",
        "dlq_partition": b"3",
        "dlq_offset": b"17",
        "dlq_timestamp_ms": b"5",
        "dlq_service": b"throttle",
        "dlq_dead_at": b"2026-11-22T12:00:00.000Z",
    }
    assert value_of(metrics.registry, topic="eu.ups.events.v1", reason="undecodable") == 1


async def test_a_forged_header_does_not_win(letters: DeadLetters, producer: AProducer) -> None:
    await letters.put(ARecord(headers=(("dlq_topic", b"forged"),)), DeadLetterReason.INVALID, "x")

    assert dict(producer.sent[0]["headers"])["dlq_topic"] == b"eu.ups.events.v1"


async def test_of_a_secret_only_headers_and_a_hash_are_kept(letters: DeadLetters, producer: AProducer) -> None:
    await letters.put(ARecord(b"a token"), DeadLetterReason.INVALID, "x", without_value=True)

    [sent] = producer.sent
    assert sent["value"] is None
    assert dict(sent["headers"])[VALUE_HASH_HEADER] == hashlib.sha256(b"a token").hexdigest().encode()
    assert b"a token" not in repr(sent).encode()


async def test_what_is_too_large_loses_its_value_then_everything_else(
    letters: DeadLetters, producer: AProducer
) -> None:
    await letters.put(ARecord(b"v" * 2000), DeadLetterReason.INVALID, "x")
    await letters.put(ARecord(b"v", headers=(("h", b"h" * 2000),)), DeadLetterReason.INVALID, "x")

    assert [(sent["key"], sent["value"]) for sent in producer.sent] == [(b"\x00key", None), (None, b"")]
    assert all(VALUE_HASH_HEADER in dict(sent["headers"]) for sent in producer.sent)


async def test_a_record_with_neither_key_nor_value_is_kept_too(letters: DeadLetters, producer: AProducer) -> None:
    await letters.put(ARecord(None, None), DeadLetterReason.INVALID, "x")

    assert producer.sent[0]["value"] == b""


async def test_a_letter_that_was_not_taken_is_not_counted(
    letters: DeadLetters, producer: AProducer, metrics: Metrics
) -> None:
    producer.failure = KafkaConnectionError()

    with pytest.raises(Retryable):
        await letters.put(ARecord(), DeadLetterReason.INVALID, "x")

    assert value_of(metrics.registry, topic="eu.ups.events.v1", reason="invalid") is None


def test_a_long_run_of_dead_letters_ends_the_process() -> None:
    count = DrainCount(DrainLimit(max_run=3))
    for _ in range(3):
        count.dead()

    with pytest.raises(Fatal) as raised:
        count.dead()

    assert raised.value.exit_code is ExitCode.POISON


def test_a_record_that_passes_ends_the_run() -> None:
    count = DrainCount(DrainLimit(max_run=3))

    for _ in range(10):
        count.dead()
        count.dead()
        count.dead()
        count.passed()


def test_a_high_share_of_dead_letters_ends_the_process_once_enough_was_seen() -> None:
    count = DrainCount(DrainLimit(max_ratio=0.5, max_run=3, window=10))
    for _ in range(3):
        count.dead()
        count.dead()
        count.passed()

    with pytest.raises(Fatal, match="7 of the last 10"):
        count.dead()


def test_old_dead_letters_are_forgotten() -> None:
    count = DrainCount(DrainLimit(max_ratio=0.5, max_run=5, window=10))
    for _ in range(100):
        for _ in range(5):
            count.dead()
        for _ in range(5):
            count.passed()

"""Producers and consumers with the settings that lose nothing; a test asserts each."""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import aiokafka.client
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    InvalidProducerEpoch,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
)
from aiokafka.protocol.metadata import MetadataRequest
from structlog.stdlib import BoundLogger

from ups_runtime.cancellation import heed_cancellation, is_being_cancelled
from ups_runtime.errors import Fenced, Permanent, Retryable
from ups_runtime.kafka.transactions import TransactionalProducer
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import Topic

Client = TypeVar("Client", AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaAdminClient)

# How long a leaving client may take to flush, and to abort what it began: together below a process's time to leave.
STOP_DEADLINE_S = 5

# A broker that restarts is back within seconds; asking more often than the cap only fills the log.
FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 10

log = get_logger("kafka")


def topic_name(settings: KafkaSettings, topic: Topic | str) -> str:
    """The topic's name in this installation, by the topic or by its name in the registry."""
    name = topic if isinstance(topic, str) else topic.name
    return f"{settings.prefix}.{name}" if settings.prefix else name


def scoped(settings: KafkaSettings, name: str) -> str:
    """A group id or transactional id of this installation; a name that is one already stays as it is."""
    scope = f"{settings.prefix or 'ups'}."
    return name if name.startswith(scope) else f"{scope}{name}"


def client_options(settings: KafkaSettings) -> dict[str, Any]:  # Any: the client library's keyword arguments
    """Where the brokers are and how to be let in: for every kind of client.

    Also keeps this process's clients from creating topics by asking for them, which the library has no setting for.
    """
    aiokafka.client.MetadataRequest = functools.partial(MetadataRequest, allow_auto_topic_creation=False)
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
        "request_timeout_ms": 30_000,
    }
    if "SSL" in settings.security_protocol:
        options["ssl_context"] = ssl.create_default_context(
            cafile=str(settings.ssl_ca_file) if settings.ssl_ca_file else None
        )
    if settings.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password.get_secret_value() if settings.sasl_password else None,
        }
    return options


def producer(settings: KafkaSettings, client_id: str, **overrides: Any) -> AIOKafkaProducer:
    """A producer whose ack means that all in-sync replicas have the record, once and in order.

    The partition of a key is Kafka's default (murmur2). Must be called on the event loop that will use it.
    """
    return AIOKafkaProducer(**(_producer_options(settings) | {"client_id": client_id} | overrides))


def transactional_producer(settings: KafkaSettings, transactional_id: str, **overrides: Any) -> TransactionalProducer:
    """A producer whose start fences every earlier one of the same (scoped) id.

    After a doubtful answer to commit or abort every call raises: stop it and start a new one, which settles the doubt.
    Await every send before the commit: the library commits although a batch has failed.
    """
    name = scoped(settings, transactional_id)
    options = _producer_options(settings) | {
        "client_id": name,
        "transactional_id": name,
        # Back-to-back transactions are refused for some milliseconds, and the default then waits 100 ms: with 5 ms
        # 25 to 30 % more transactions; below it the coordinator is only asked more often.
        "retry_backoff_ms": 5,
        "linger_ms": 0,
    }
    return TransactionalProducer(**(options | overrides))


def consumer(
    settings: KafkaSettings, group: str | None, *, offset_reset: str = "earliest", **overrides: Any
) -> AIOKafkaConsumer:
    """A consumer that sees only committed records and commits only when told.

    `group` is scoped by the installation; None makes a follower that has no group and is assigned by hand.
    """
    name = scoped(settings, group) if group else None
    options = client_options(settings) | {
        "client_id": name or scoped(settings, "follower"),
        "group_id": name,
        "group_instance_id": (settings.group_instance_id or None) if name else None,
        "auto_offset_reset": offset_reset,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "session_timeout_ms": int(settings.session_timeout_s * 1000),
        "rebalance_timeout_ms": 60_000,
        "heartbeat_interval_ms": 3_000,
        # for containers of 256 MiB: the library's 50 MiB times its copies would not fit
        "fetch_max_bytes": 8 * 1024 * 1024,
        "max_partition_fetch_bytes": 1024 * 1024,
        "fetch_max_wait_ms": 500,
    }
    return AIOKafkaConsumer(**(options | overrides))


def admin(settings: KafkaSettings) -> AIOKafkaAdminClient:
    """A client for topics and groups."""
    return AIOKafkaAdminClient(**client_options(settings))


@asynccontextmanager
async def started(client: Client) -> AsyncIterator[Client]:
    """Start a client, and stop it at the end within deadlines; an open transaction is aborted first.

    A stop that hangs is logged and left behind.
    """
    try:
        await client.start()
        yield client
    finally:
        await stop(client)


async def stop(client: Client) -> None:
    """Stop a client within deadlines, whatever state it is in; never raises."""
    if isinstance(client, TransactionalProducer) and client.in_transaction:
        await _within_deadline("abort", client.abort_transaction())
    whole = await _within_deadline("stop", client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())
    if not whole and isinstance(client, AIOKafkaConsumer):
        # its stop comes to the connections last
        await _within_deadline("disconnect", client._client.close())  # noqa: SLF001


async def _within_deadline(what: str, step: Any) -> bool:  # Any: an awaitable of the untyped library
    try:
        async with asyncio.timeout(STOP_DEADLINE_S):
            await step
            return True
    except (TimeoutError, KafkaError, AssertionError) as error:
        log.warning("kafka.client_left_behind", step=what, error=type(error).__name__)
    except asyncio.CancelledError as error:
        if is_being_cancelled():
            raise
        log.warning("kafka.client_left_behind", step=what, error=type(error).__name__)
    return False


async def wait_for_kafka(settings: KafkaSettings, log: BoundLogger) -> None:
    """Return when a broker answers; until then wait, for ever, and say so."""
    wait_s, waited_s = FIRST_WAIT_S, 0.0
    while True:
        try:
            async with started(admin(settings)) as client:
                await client.describe_cluster()
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning(
                "kafka.waiting",
                bootstrap_servers=settings.bootstrap_servers,
                waited_s=round(waited_s, 1),
                error=type(error).__name__,
            )
            heed_cancellation()
            await asyncio.sleep(wait_s)
            waited_s += wait_s
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        else:
            return


async def end_offsets(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], *, timeout_s: float = 10
) -> dict[TopicPartition, int]:
    """The offset after the last record that a read-committed consumer can get, by partition, as of now.

    Ask by a consumer that is not fetching: a fetch that waits at the broker holds the answer back, by half a second.

    Raises:
        Retryable: no answer in time; also for a partition that does not exist.
    """
    with map_kafka_errors():
        async with asyncio.timeout(timeout_s):
            offsets: dict[TopicPartition, int] = await consumer.end_offsets(list(partitions))
            return offsets


@contextmanager
def map_kafka_errors() -> Iterator[None]:
    """Turn the client library's errors into ours.

    Raises:
        Fenced: another producer has this transactional id now.
        Permanent: the record is too large.
        Retryable: everything else; what an operator must repair is retried until then.
    """
    try:
        yield
    except (ProducerFenced, InvalidProducerEpoch) as error:
        raise Fenced("another producer took over this transactional id") from error
    except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
        raise Permanent("the record is larger than the topic allows") from error
    except (KafkaError, TimeoutError) as error:
        raise Retryable(f"Kafka: {type(error).__name__}") from error
    except asyncio.CancelledError as error:
        if is_being_cancelled():
            raise
        raise Retryable("Kafka: the client cancelled what it was asked for") from error


def _producer_options(settings: KafkaSettings) -> dict[str, Any]:
    return client_options(settings) | {
        "enable_idempotence": True,
        "acks": "all",
        # enough to gather what one request or batch sends; more would only be waiting
        "linger_ms": 2,
        "max_batch_size": 64 * 1024,
    }

"""The settings that lose nothing, and the places of the client library that we lean on."""

import asyncio
import hashlib
import inspect
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import aiokafka
import aiokafka.client
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, FetchResult, PartitionRecords
from aiokafka.errors import (
    CoordinatorNotAvailableError,
    InvalidProducerEpoch,
    KafkaConnectionError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    NoError,
    ProducerFenced,
    RequestTimedOutError,
)
from aiokafka.partitioner import DefaultPartitioner, murmur2
from aiokafka.producer import sender
from aiokafka.protocol.metadata import MetadataRequest_v4

from ups_runtime.errors import Fenced, Permanent, Retryable
from ups_runtime.kafka import (
    Difference,
    OutcomeUnknownError,
    View,
    Wrong,
    consumer,
    map_kafka_errors,
    producer,
    scoped,
    stop,
    topic_name,
    transactional_producer,
)
from ups_runtime.kafka.topics import wanted_config
from ups_runtime.kafka.transactions import _EndTxn
from ups_runtime.kafka.view import _Progress
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import FakeClock
from ups_schemas.topics import DEVICES, EVENTS

NOWHERE = KafkaSettings(bootstrap_servers="localhost:1")


@pytest.fixture
async def clients() -> AsyncIterator[list[Any]]:
    made: list[Any] = []
    yield made
    for client in made:
        await client.stop()


def source_hash(*parts: Any) -> str:
    return hashlib.sha256("".join(inspect.getsource(part) for part in parts).encode()).hexdigest()[:16]


async def test_a_producer_acknowledges_only_what_all_replicas_have(clients: list[Any]) -> None:
    clients.append(made := producer(NOWHERE, "test"))

    assert made._sender._acks == -1
    assert made._txn_manager is not None
    assert made._txn_manager.transactional_id is None
    assert isinstance(made._partitioner, DefaultPartitioner)


async def test_a_transactional_producer_has_a_scoped_id_and_retries_fast(clients: list[Any]) -> None:
    clients.append(made := transactional_producer(NOWHERE, "throttle.3"))

    assert made._txn_manager.transactional_id == "ups.throttle.3"
    assert made._sender._retry_backoff == 0.005
    assert made._sender._acks == -1
    assert made._sender._txn_manager is made._txn_manager
    assert made._sender._message_accumulator is made._message_accumulator


async def test_a_consumer_reads_committed_records_from_the_start_and_commits_nothing_by_itself(
    clients: list[Any],
) -> None:
    clients.append(made := consumer(NOWHERE, "notifier"))

    assert made._group_id == "ups.notifier"
    assert made._group_instance_id is None
    assert made._isolation_level == "read_committed"
    assert made._auto_offset_reset == "earliest"
    assert made._enable_auto_commit is False
    assert made._session_timeout_ms == 30_000
    assert made._rebalance_timeout_ms == 60_000
    assert (made._fetch_max_bytes, made._max_partition_fetch_bytes) == (8 * 2**20, 2**20)


async def test_a_follower_has_no_group(clients: list[Any]) -> None:
    clients.append(made := consumer(NOWHERE.model_copy(update={"group_instance_id": "a"}), None))

    assert made._group_id is None
    assert made._group_instance_id is None


async def test_no_client_creates_topics_by_asking_for_them(clients: list[Any]) -> None:
    clients.append(producer(NOWHERE, "test"))

    request = aiokafka.client.MetadataRequest(["a-typo"]).build(MetadataRequest_v4)

    assert request.allow_auto_topic_creation is False


@pytest.mark.parametrize(("prefix", "expected"), [("", "ups.events.v1"), ("eu", "eu.ups.events.v1")])
def test_topics_carry_the_prefix_of_the_installation(prefix: str, expected: str) -> None:
    assert topic_name(KafkaSettings(prefix=prefix), EVENTS) == expected


def test_a_scoped_name_is_scoped_once() -> None:
    settings = KafkaSettings(prefix="eu")

    assert scoped(settings, scoped(settings, "notifier")) == "eu.notifier"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ProducerFenced(), Fenced),
        (InvalidProducerEpoch(), Fenced),
        (MessageSizeTooLargeError(), Permanent),
        (KafkaConnectionError(), Retryable),
        (TimeoutError(), Retryable),
        (OutcomeUnknownError(), Retryable),
    ],
)
def test_errors_say_what_to_do(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind), map_kafka_errors():
        raise error


@pytest.mark.parametrize(("replicas", "in_sync"), [(1, "1"), (2, "1"), (3, "2"), (5, "2")])
def test_three_replicas_need_two_in_sync(replicas: int, in_sync: str) -> None:
    assert wanted_config(DEVICES, replicas)["min.insync.replicas"] == in_sync


def test_a_difference_reads_as_a_sentence() -> None:
    difference = Difference("ups.events.v1", Wrong.PARTITIONS, "12", "6")

    assert str(difference) == "ups.events.v1: number of partitions is 6, the registry says 12"


# The same value as Java's `Utils.murmur2`, from Kafka's own UtilsTest: foreign producers meet us in the same partition.
@pytest.mark.parametrize(("key", "expected"), [(b"21", -973932308), (b"foobar", -790332482), (b"", 275646681)])
def test_keys_hash_as_in_java(key: bytes, expected: int) -> None:
    assert (murmur2(key) ^ 0x80000000) - 0x80000000 == expected


class ACoordinator:
    """Answers EndTxn with what it is told to."""

    def __init__(self, answer: Exception | type[Exception]) -> None:
        self.answer = answer
        self.completed = 0
        self._retry_backoff = 0
        self.client = self
        self._txn_manager = SimpleNamespace(
            transactional_id="id", producer_id=1, producer_epoch=0, complete_transaction=self._complete
        )

    async def send(self, *_request: Any, **_options: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return SimpleNamespace(error_code=self.answer.errno)  # type: ignore[attr-defined]

    def _complete(self) -> None:
        self.completed += 1

    def _coordinator_dead(self, _kind: Any) -> None:
        pass


@pytest.mark.parametrize("lost", [RequestTimedOutError(), NodeNotReadyError(), KafkaConnectionError(), OSError()])
async def test_an_unanswered_end_of_transaction_is_never_sent_again(lost: Exception) -> None:
    coordinator = ACoordinator(lost)

    with pytest.raises(OutcomeUnknownError):
        await _EndTxn(coordinator, 1).do(0)

    assert coordinator.completed == 0


async def test_an_answer_that_asks_for_another_try_gets_one() -> None:
    coordinator = ACoordinator(CoordinatorNotAvailableError)

    assert await _EndTxn(coordinator, 1).do(0) is False

    coordinator.answer = NoError
    assert await _EndTxn(coordinator, 1).do(0) is True
    assert coordinator.completed == 1


async def test_an_answer_that_fences_is_final() -> None:
    with pytest.raises(ProducerFenced):
        await _EndTxn(ACoordinator(InvalidProducerEpoch), 1).do(0)


class ABroker:
    """A consumer of one partition: at `position`, told by each answer that the stable end is `stable_end`."""

    def __init__(self, position: int, stable_end: int) -> None:
        self.at, self.stable_end, self.answers = position, stable_end, 0
        self.batches: list[dict[TopicPartition, list[Any]]] = []

    async def getmany(self, timeout_ms: int, **_limits: Any) -> dict[TopicPartition, list[Any]]:
        if timeout_ms == 0:
            return {}
        self.answers += 1
        return self.batches.pop(0) if self.batches else {}

    def last_poll_timestamp(self, _partition: TopicPartition) -> int:
        return self.answers

    def last_stable_offset(self, _partition: TopicPartition) -> int:
        return self.stable_end

    async def position(self, _partition: TopicPartition) -> int:
        return self.at


async def test_an_empty_answer_before_the_end_is_the_end() -> None:
    partition = TopicPartition("t", 0)
    view = View(NOWHERE, DEVICES, lambda *_: None)
    view._progress = {partition: _Progress()}
    broker = ABroker(position=3, stable_end=7)

    # the first turn finds the position, which a reset has moved: that answer may have held something
    await view._turn(broker)
    assert not view._progress[partition].reaches(7)
    assert view.age_s == float("inf")

    await view._turn(broker)
    assert view._progress[partition].reaches(7)
    assert not view._progress[partition].reaches(8)
    assert view.age_s < float("inf")


async def test_readiness_says_that_the_brokers_fell_silent() -> None:
    clock = FakeClock()
    view = View(NOWHERE, DEVICES, lambda *_: None, clock=clock)
    view._progress = {TopicPartition("t", 0): _Progress(position=3)}
    view.complete = True
    broker = ABroker(position=3, stable_end=3)
    await view._turn(broker)
    clock.advance(timedelta(seconds=15))
    assert view.missing() is None

    clock.advance(timedelta(seconds=1))

    assert view.missing() == "not at its end for 16 s"
    await view._turn(broker)
    assert view.missing() is None


async def test_no_answer_proves_nothing() -> None:
    partition = TopicPartition("t", 0)
    view = View(NOWHERE, DEVICES, lambda *_: None)
    view._progress = {partition: _Progress(position=3)}
    broker = ABroker(position=3, stable_end=7)
    broker.last_poll_timestamp = lambda _partition: 1  # type: ignore[method-assign]

    await view._turn(broker)

    assert not view._progress[partition].reaches(7)
    assert view.age_s == float("inf")


# The overridden places and those whose details we lean on. When one of these fails, read the new source against
# ups_runtime.kafka (transactions: the doubt of EndTxn; view: when a fetch was empty), then record the new hash.
@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([sender.BaseHandler.do], "1106439a38fe7943"),
        ([sender.EndTxnHandler], "47656efcfc994fbe"),
        ([sender.Sender.__init__, sender.Sender._do_txn_commit], "8e7386c4dbcc7f6c"),
        ([sender.Sender._sender_routine, sender.Sender._fail_all], "59dafce6174f83bf"),
        ([FetchResult.getall, PartitionRecords._unpack_records], "fabcb5ba2817aa37"),
        ([Fetcher._proc_fetch_request, Fetcher.fetched_records], "feeb8c194fb9ee88"),
        ([AIOKafkaConsumer.getmany, AIOKafkaConsumer.last_poll_timestamp], "21eaa2329c8330a9"),
        ([AIOKafkaProducer.send, AIOKafkaProducer.commit_transaction], "205402ed5d7cc514"),
        ([AIOKafkaAdminClient.alter_configs, AIOKafkaAdminClient.describe_configs], "bff13ff3951a2cf6"),
        ([aiokafka.client.AIOKafkaClient._metadata_update], "06dc51ed3e0d38b8"),
    ],
    ids=[
        "base-do",
        "end-txn",
        "txn-commit",
        "sender-routine",
        "fetch-result",
        "fetcher",
        "getmany",
        "producer",
        "admin",
        "metadata",
    ],
)
def test_the_library_is_still_what_was_read(parts: list[Any], expected: str) -> None:
    assert source_hash(*parts) == expected


def test_the_library_is_the_version_that_was_read() -> None:
    assert aiokafka.__version__ == "0.14.0"
    assert READ_COMMITTED == 1


async def _of_its_own() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    await task


async def test_a_cancelled_task_of_the_library_is_no_cancellation_of_ours():
    await stop(SimpleNamespace(stop=_of_its_own))

    with pytest.raises(Retryable), map_kafka_errors():
        await _of_its_own()


async def test_our_own_cancellation_passes_through_a_stop():
    stopping = asyncio.create_task(stop(SimpleNamespace(stop=lambda: asyncio.sleep(60))))
    await asyncio.sleep(0)

    stopping.cancel()

    with pytest.raises(asyncio.CancelledError):
        await stopping

"""Membership of the consumer group: one worker for each partition that it gives to this process."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import ExitCode, Fatal, Retryable
from ups_runtime.health import Health
from ups_runtime.kafka import consumer, map_kafka_errors, partition_counts, started, topic_name
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import COMMANDS, DECISIONS, DEVICES, EVENTS, SUPPRESSIONS, THROTTLE_STATE
from ups_throttle.adapters.kafka import GROUP, KafkaPort
from ups_throttle.metrics import Instruments
from ups_throttle.worker import Tools, Worker

# One deadline for all steps of letting go: a transaction under way, then the clients. Below the 60 s that the group
# waits for a member to join again, so that slowness here does not cost the membership.
LET_GO_WITHIN_S = 10.0
CANCELLED_WITHIN_S = 12.0

# The longest thing that a worker does between two beats has a deadline of 60 s.
PROGRESS_WITHIN_S = 90.0
LOOK_EVERY_S = 1.0
LONGEST_RETRY_S = 10.0

# A partition that has just been taken over is not asked for before the fetch of the quiet ones is answered. Doubled, it
# waits for longer; halved, an idle process asks twice as often.
FETCH_WAIT_MS = 100

E = TypeVar("E", bound=BaseException)

log = get_logger("throttle.group")

DEVICE_KEYED = (EVENTS, COMMANDS, DEVICES, DECISIONS, SUPPRESSIONS, THROTTLE_STATE)


async def count_partitions(settings: KafkaSettings, clock: Clock) -> int:
    """Give the number of partitions that all topics keyed by device have; waits until they exist.

    Raises:
        Fatal: with PARTITIONS_CHANGED, when they differ: state would be asked for in the wrong partition.
    """
    names = [topic_name(settings, topic) for topic in DEVICE_KEYED]
    while True:
        try:
            counts = await partition_counts(settings, DEVICE_KEYED)
        except Retryable:
            counts = {}
        missing = [name for name in names if name not in counts]
        if not missing:
            break
        log.warning("topics.missing", topics=missing, advice="create them with `ups topics apply`")
        await clock.sleep(LOOK_EVERY_S)
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {counts[name]}" for name in names)
        raise Fatal(
            ExitCode.PARTITIONS_CHANGED,
            f"topics keyed by device_id must have the same number of partitions, these have: {listed}",
        )
    return counts[names[0]]


class Group(ConsumerRebalanceListener):  # type: ignore[misc] # the library ships no types
    """Follows the assignment; `run` lasts until it is cancelled."""

    def __init__(
        self, settings: KafkaSettings, tools: Tools, health: Health, instruments: Instruments, *, batch_records: int
    ) -> None:
        self._settings = settings
        self._tools = tools
        self._clock = tools.clock
        self._health = health
        self._instruments = instruments
        self._batch_records = batch_records
        self._topic = topic_name(settings, EVENTS)
        self._client: AIOKafkaConsumer | None = None
        self._asker: AIOKafkaConsumer | None = None
        self._workers: dict[int, tuple[Worker, asyncio.Task[None]]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._is_member = False
        health.add("partitions", self._missing)

    @property
    def numbers(self) -> list[int]:
        """The partitions that this process owns now."""
        return sorted(self._workers)

    async def run(self) -> None:
        """Be a member; a membership that breaks is begun anew.

        Raises:
            Fatal: whatever made a worker end the process.
        """
        wait_s = LOOK_EVERY_S
        while True:
            began_at = self._clock.monotonic()
            try:
                await self._be_member()
            except BaseExceptionGroup as group:
                fatal, rest = group.split(Fatal)
                if fatal is not None:
                    raise _first(fatal) from group
                if not isinstance(rest, ExceptionGroup) or rest.split(Retryable)[1] is not None:
                    raise
                log.warning("group.joining_anew", error=str(_first(rest)), wait_s=wait_s)
            # a task group says nothing of its own cancellation when something in it failed, too
            heed_cancellation()
            await self._clock.sleep(wait_s)
            lasted_s = self._clock.monotonic() - began_at
            wait_s = LOOK_EVERY_S if lasted_s > PROGRESS_WITHIN_S else min(wait_s * 2, LONGEST_RETRY_S)

    async def _be_member(self) -> None:
        heartbeat = self._health.progress("group", PROGRESS_WITHIN_S)
        async with asyncio.TaskGroup() as self._tasks:
            with map_kafka_errors():
                # "none": an offset that is gone must be heard of, not replaced.
                self._client = client = consumer(
                    self._settings, GROUP, offset_reset="none", fetch_max_wait_ms=FETCH_WAIT_MS
                )
                client.subscribe([self._topic], listener=self)
                async with started(consumer(self._settings, None)) as self._asker, started(client):
                    try:
                        self._is_member = True
                        while True:
                            heartbeat.beat()
                            await self._clock.sleep(LOOK_EVERY_S)
                            await self._look(client)
                    finally:
                        self._is_member = False
                        await self._let_go()

    async def _look(self, client: AIOKafkaConsumer) -> None:
        """Ask for records of no partition: that raises the errors of the group, and counts as polling."""
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await client.getmany(TopicPartition(self._topic, -1), timeout_ms=0)
        except TimeoutError:
            log.info("group.rebalancing")

    # ------------------------------------------------------------ the listener; what it raises nobody hears

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Pause, and leave the rest to the workers: no heartbeats run in here."""
        if self._client is None or self._tasks is None:
            return
        self._client.pause(*assigned)
        numbers = sorted(partition.partition for partition in assigned)
        log.info("group.assigned", partitions=numbers)
        for number in numbers:
            name = f"partition {number}"
            beat = self._health.progress(name, PROGRESS_WITHIN_S).beat
            worker = Worker(number, self._port_of(number, self._client), self._tools, beat=beat)
            self._workers[number] = (worker, self._tasks.create_task(worker.run(), name=name))

    async def on_partitions_revoked(self, _revoked: Iterable[TopicPartition]) -> None:
        """Let all workers end their transaction, within a deadline. The next owner's start fences the slower ones."""
        await self._let_go()

    async def _let_go(self) -> None:
        workers, self._workers = self._workers, {}
        tasks = {task for _, task in workers.values()}
        for worker, _ in workers.values():
            worker.stop()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=LET_GO_WITHIN_S)
            for task in late:
                task.cancel()
            if late:
                log.warning("group.workers_late", partitions=[task.get_name() for task in late])
                await asyncio.wait(late, timeout=CANCELLED_WITHIN_S)
        for number in workers:
            self._health.remove(f"partition {number}")
            self._instruments.forget(number)

    def _port_of(self, number: int, client: AIOKafkaConsumer) -> Callable[[], KafkaPort]:
        return lambda: KafkaPort(self._settings, number, client, self._asker, batch_records=self._batch_records)

    def _missing(self) -> str | None:
        if not self._is_member:
            return "not a member of the group yet"
        behind = sorted(number for number, (worker, _) in self._workers.items() if not worker.caught_up)
        return f"taking over, or behind, on partitions {behind}" if behind else None


def _first(group: BaseExceptionGroup[E]) -> E:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error

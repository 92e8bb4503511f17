"""The records of one partition, handled one after the other, each until it is done."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from prometheus_client import Counter

from ups_runtime.clock import Clock
from ups_runtime.codec import Record
from ups_runtime.dlq import DeadLetters, DrainCount
from ups_runtime.errors import Fatal, Fenced, Permanent, Retryable
from ups_runtime.logging import get_logger
from ups_runtime.metrics import Metrics
from ups_schemas.envelope import DeadLetterReason

Handle = Callable[[Record], Awaitable[None]]
HandleBatch = Callable[[Sequence[Record]], Awaitable[None]]

log = get_logger("consume")


@dataclass(frozen=True)
class Retry:
    """Waits between tries: full jitter below a cap. `unknown_tries`: of an error that is none of ours."""

    first_s: float = 0.2
    cap_s: float = 30
    unknown_tries: int = 3

    def wait_s(self, tries: int) -> float:
        """How long to wait after this many tries (from 1)."""
        longest: float = min(self.cap_s, self.first_s * 2 ** min(tries - 1, 30))
        return random.uniform(0, longest)  # noqa: S311 - spreads load, guards nothing


@dataclass(frozen=True)
class Handling:
    """What every lane of a consumer shares."""

    handle: Handle
    handle_batch: HandleBatch | None
    dead_letters: DeadLetters
    without_value: Collection[str]
    retry: Retry
    clock: Clock
    counters: "Counters"


@dataclass(eq=False)
class Lane:
    """Some consecutive records of one partition.

    `next_offset` may be committed: every record before it is done. `waits_for` says why a record is tried again.
    `trying_since` is when the try under way began, on the monotonic clock. Setting `stop` ends `run` after the record
    under way, or at once between two tries.
    """

    records: Sequence[Record]
    handling: Handling
    drain: DrainCount | None
    next_offset: int | None = None
    waits_for: str | None = None
    trying_since: float | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Handle the records; returns when all are done, or it was stopped.

        Raises:
            Fatal: too much lands in the dead letters, or from the handler.
            Fenced: from the handler.
        """
        if self.handling.handle_batch and len(self.records) > 1 and await self._whole(self.handling.handle_batch):
            return
        for record in self.records:
            if self.stop.is_set() or not await self._one(record):
                return
            self.next_offset = record.offset + 1

    async def _whole(self, handle_batch: HandleBatch) -> bool:
        self.trying_since = self.handling.clock.monotonic()
        try:
            await handle_batch(self.records)
        except (Fatal, Fenced):
            raise
        except Exception as error:  # noqa: BLE001 - the outermost frame of one batch
            log.warning("batch.taken_apart", **_where(self.records[0]), records=len(self.records), error=repr(error))
            return False
        finally:
            self.trying_since = None
        for record in self.records:
            self._passed(record)
        self.next_offset = self.records[-1].offset + 1
        return True

    async def _one(self, record: Record) -> bool:
        """Whether the record is done; False: stopped before."""
        letter: tuple[DeadLetterReason, str] | None = None
        tries = unknown = 0
        while True:
            self.trying_since = self.handling.clock.monotonic()
            try:
                if letter:
                    await self._put_aside(record, *letter)
                else:
                    await self.handling.handle(record)
                    self._passed(record)
            except (Fatal, Fenced):
                raise
            except Permanent as error:
                if letter is None:
                    letter = error.reason, str(error)
                    continue
                failure = f"not even as a dead letter: {error}"
            except Retryable as error:
                failure = str(error)
            except Exception as error:
                log.exception("record.failed", **_where(record))
                failure, unknown = type(error).__name__, unknown + 1
                if letter is None and unknown >= self.handling.retry.unknown_tries:
                    letter = DeadLetterReason.FAILED, failure
                    continue
            else:
                self.waits_for = None
                return True
            finally:
                self.trying_since = None
            tries += 1
            if not await self._wait(record, tries, failure):
                return False

    async def _put_aside(self, record: Record, reason: DeadLetterReason, error: str) -> None:
        without_value = record.topic in self.handling.without_value
        await self.handling.dead_letters.put(record, reason, error, without_value=without_value)
        self.handling.counters.records.labels(record.topic, "dead").inc()
        if self.drain:
            self.drain.dead()

    def _passed(self, record: Record) -> None:
        self.handling.counters.records.labels(record.topic, "handled").inc()
        if self.drain:
            self.drain.passed()

    async def _wait(self, record: Record, tries: int, failure: str) -> bool:
        self.waits_for = failure
        self.handling.counters.retries.labels(record.topic).inc()
        wait_s = self.handling.retry.wait_s(tries)
        log.warning("record.waits", **_where(record), tries=tries, wait_s=round(wait_s, 2), error=failure[:300])
        waits = [asyncio.ensure_future(self.handling.clock.sleep(wait_s)), asyncio.ensure_future(self.stop.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return not self.stop.is_set()


def _where(record: Record) -> dict[str, str | int]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


@dataclass(frozen=True)
class Counters:
    """What lanes count."""

    records: Counter
    retries: Counter


_counters_by_metrics: WeakKeyDictionary[Metrics, Counters] = WeakKeyDictionary()


def counters(metrics: Metrics) -> Counters:
    """The counters in this process's metrics: the same ones for each consumer in it."""
    if metrics not in _counters_by_metrics:
        _counters_by_metrics[metrics] = Counters(
            records=metrics.counter("consumed_records", "Records that are done, by outcome.", ["topic", "outcome"]),
            retries=metrics.counter(
                "consume_retries",
                "Tries of a record that did not end it.",
                ["topic"],
                todo="Readiness and the log name what it waits for.",
            ),
        )
    return _counters_by_metrics[metrics]

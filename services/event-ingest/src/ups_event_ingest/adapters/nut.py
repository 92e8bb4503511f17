"""Watches UPSes over NUT, and tells what `domain.nut` has to say of them: in order, each until it is acknowledged."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from ups_event_ingest.adapters.nut_client import Failed, Failure, UpsdClient
from ups_event_ingest.adapters.nut_file import WatchedUps
from ups_event_ingest.adapters.nut_memory import OpenByDevice
from ups_event_ingest.domain.authority import Watched
from ups_event_ingest.domain.nut import Graces, Known, NoReading, Reading, Said, observe
from ups_event_ingest.domain.refusal import Reason, Refusal
from ups_event_ingest.handlers import Arrival, Ingest, Way
from ups_event_ingest.metrics import NutMetrics
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.logging import get_logger
from ups_schemas.catalogue import NATIVE
from ups_schemas.event import Attributes, NativeEvent, RawEvent, Source
from ups_schemas.watch import NutWatch, ShownCondition

T = TypeVar("T")

# While the brokers are away, this many changes of each UPS wait; then it is looked at again only when they are back.
# An outage of hours has some ten. Halved, a UPS that flaps every 5 s fills it in 40 minutes.
MAX_UNTOLD = 1000

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 30

# the servers are not asked in step, nor the brokers after an outage
_JITTER = 0.1

log = get_logger("nut")


class Memory(Protocol):
    """Keeps what was told."""

    async def write(self, watch: NutWatch) -> None:
        """Return when it is kept.

        Raises:
            Retryable: when that is not known.
        """


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a UPS is looked at, and how long nothing may be known before contact counts as lost."""

    poll_s: float
    graces: Graces


@dataclass(frozen=True, slots=True)
class Tools:
    """What all watches share."""

    ingest: Ingest
    memory: Memory
    clock: Clock
    metrics: NutMetrics
    make_id: Callable[[], str]


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one look at the UPS gave to say; `after` is what is known once it was said."""

    attempt: int
    said: Sequence[tuple[Said, RawEvent]]
    seen_at: datetime
    after: Known


class UpsWatch:
    """One UPS. It is looked at also while the brokers are away: what changes meanwhile waits, in order.

    A device that nobody knows here keeps its UPS's state untold: once the device is there, the difference is said.
    """

    def __init__(
        self,
        ups: WatchedUps,
        read: Callable[[], Awaitable[Reading | Failed]],
        tools: Tools,
        pace: Pace,
        known: Known,
    ) -> None:
        self._ups = ups
        self._read = read
        self._tools = tools
        self._pace = pace
        self._known = self._told = known
        self._untold: asyncio.Queue[_Batch] = asyncio.Queue(MAX_UNTOLD)
        # raised when the device is refused: what was derived from the untold before is void
        self._attempt = 0
        self._refused = False
        self._state = ""

    async def run(self) -> None:
        """Watch until cancelled. What is untold then is told by the next start, as the difference to the memory."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_on(), name=f"look at {self._ups.place}")
            group.create_task(self._tell_on(), name=f"tell of {self._ups.place}")

    async def _look_on(self) -> None:
        await self._tools.clock.sleep(random.uniform(0, self._pace.poll_s))  # noqa: S311 - spreads load
        while True:
            try:
                await self._look()
            except Exception:
                # the outermost frame of one look: what one UPS shows must not end the watch of the others
                self._show(Failure.BROKEN, "an answer that our code raised on")
                log.exception("nut.look_failed", ups=self._ups.place)
            await self._tools.clock.sleep(_about(self._pace.poll_s))

    async def _look(self) -> None:
        answer = await self._read()
        if isinstance(answer, Failed):
            self._show(answer.failure, answer.detail)
            if answer.failure is Failure.REFUSED and not self._known.found:
                return  # a wrong setting, for the operator; one that was read before is lost contact like any other
        else:
            self._show("reading", "")
        now = self._tools.clock.now()
        after, said = observe(self._known, _as_seen(answer), now, self._pace.graces)
        raw_events = [(what, raw_event(what, self._tools.make_id(), now)) for what in said]
        self._known = after
        if raw_events:
            await self._untold.put(_Batch(self._attempt, raw_events, now, after))
            self._tools.metrics.untold.labels(self._ups.device_id).set(self._untold.qsize())

    async def _tell_on(self) -> None:
        while True:
            heed_cancellation()
            batch = await self._untold.get()
            if batch.attempt == self._attempt:
                await self._tell(batch)
            self._tools.metrics.untold.labels(self._ups.device_id).set(self._untold.qsize())

    async def _tell(self, batch: _Batch) -> None:
        """Tell a batch.

        1. Publish its events, each acknowledged before the next.
        2. Remember what is open now. A crash before this repeats 1. as a snapshot, under new ids.
        3. What comes is told as the difference to this.
        """
        for what, raw in batch.said:
            verdict = await self._until_done(partial(self._publish, raw, what))
            if isinstance(verdict, Refusal):
                if verdict.reason is Reason.UNKNOWN_DEVICE:
                    self._begin_again()
                    return
                # said again it would be refused again, and its neighbours doubled
                log.error("nut.event_refused", ups=self._ups.place, code=what.code, reason=verdict.reason)
            else:
                self._tools.metrics.said.labels(what.phase).inc()
        if self._refused:
            self._refused = False
            log.info("nut.device_known", ups=self._ups.place, device_id=self._ups.device_id)
        if batch.after.open != self._told.open:
            watch = _watch(self._ups.device_id, batch.after, self._tools.clock.now())
            await self._until_done(partial(self._tools.memory.write, watch))
        self._told = batch.after

    async def _publish(self, raw: RawEvent, what: Said) -> RawEvent | Refusal:
        now = self._tools.clock.now()
        arrival = Arrival(Way.NUT, now, self._tools.make_id, snapshot=what.snapshot)
        # sent_at of this try: an event that had to wait for the brokers shows as late
        item = raw.model_copy(update={"sent_at": now})
        [verdict] = await self._tools.ingest.accept(Watched(self._ups.device_id), [item], arrival)
        return verdict if isinstance(verdict, Refusal) else raw

    def _begin_again(self) -> None:
        if not self._refused:
            self._refused = True
            log.warning(
                "nut.device_unknown",
                ups=self._ups.place,
                device_id=self._ups.device_id,
                todo="create the device, or correct the file of UPS_INGEST_NUT_FILE",
            )
        self._attempt += 1
        self._known = replace(self._told, found=False)

    async def _until_done(self, step: Callable[[], Awaitable[T]]) -> T:
        wait_s = FIRST_RETRY_S
        waited = False
        while True:
            try:
                done = await step()
            except Retryable as error:
                if not waited:
                    log.warning("nut.waiting", ups=self._ups.place, error=str(error))
                waited = True
                heed_cancellation()
                await self._tools.clock.sleep(_about(wait_s))
                wait_s = min(wait_s * 2, LONGEST_RETRY_S)
            else:
                if waited:
                    log.info("nut.waited", ups=self._ups.place)
                return done

    def _show(self, state: str, detail: str) -> None:
        if state == "reading" and self._refused:
            state = "device-unknown"
        self._tools.metrics.looked(self._ups.device_id, state)
        if state == self._state:
            return
        first, self._state = not self._state, state
        if state == "reading":
            log.info("nut.reading", ups=self._ups.place, device_id=self._ups.device_id, first=first)
        elif state != "device-unknown":
            log.warning("nut.no_reading", ups=self._ups.place, failure=state, detail=detail)


def _as_seen(answer: Reading | Failed) -> Reading | NoReading:
    if isinstance(answer, Reading):
        return answer
    return NoReading("stale" if answer.failure is Failure.STALE else "unreachable")


def raw_event(said: Said, event_id: str, seen_at: datetime) -> RawEvent:
    """What is said, as an event: in NUT's word where NUT has one that means the same, else in the catalogue's."""
    mapped = NATIVE.get((Source.NUT, said.native_code))
    word = said.native_code if mapped and mapped.code == said.code else said.code
    return RawEvent(
        event_id=event_id,
        native=NativeEvent(source=Source.NUT, code=word, text=said.native_text),
        phase=said.phase,
        # a state that was found began at some time before
        occurred_at=None if said.snapshot else seen_at,
        attributes=Attributes.model_validate(dict(said.attributes)),
    )


def _watch(device_id: str, known: Known, now: datetime) -> NutWatch:
    shown = tuple(ShownCondition(code=each.code, text=each.text, mode=each.mode) for each in sorted(known.open))
    return NutWatch(device_id=device_id, open=shown, changed_at=now)


def _about(seconds: float) -> float:
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load, guards nothing


async def watch(
    upses: Sequence[WatchedUps], recall: Callable[[], Awaitable[OpenByDevice]], tools: Tools, pace: Pace
) -> None:
    """Watch all of them until cancelled, from what was told before."""
    open_by_device = await recall()
    log.info("nut.watching", count=len(upses))
    clients = [UpsdClient(ups) for ups in upses]
    try:
        async with asyncio.TaskGroup() as group:
            for ups, client in zip(upses, clients, strict=True):
                known = Known(open=open_by_device.get(ups.device_id, frozenset()))
                group.create_task(UpsWatch(ups, client.read, tools, pace, known).run(), name=ups.place)
    finally:
        for client in clients:
            client.close()

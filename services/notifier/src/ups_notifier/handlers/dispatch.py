"""Takes lanes that have something due, holds each while it is worked, and gives it back."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from ups_notifier.handlers.lane import LaneWorker
from ups_notifier.handlers.ports import Ledger
from ups_notifier.handlers.relay_health import RelayHealth
from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.logging import get_logger
from ups_schemas.ids import UserId

log = get_logger("dispatch")

# Other notifiers' additions are found by looking; own additions, and what falls due, wake at once.
POLL_S = 1.0
_AFTER_TROUBLE_S = 1.0
_AFTER_CRASH_S = 30.0
# Below what the process allows its parts to end in.
_FINISH_S = 10.0


class Dispatcher:
    """Works at most `concurrency` lanes at once, each under a lease of `lease` that is renewed three times in it."""

    def __init__(
        self,
        ledger: Ledger,
        worker: LaneWorker,
        relay: RelayHealth,
        clock: Clock,
        *,
        owner: str,
        concurrency: int,
        lease: timedelta,
        beat: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._worker = worker
        self._relay = relay
        self._clock = clock
        self._owner = owner
        self._concurrency = concurrency
        self._lease = lease
        self._beat = beat
        self._woken = asyncio.Event()
        self._stop = asyncio.Event()
        self._lanes: dict[UserId, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Look now: something was added."""
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Take and work lanes until `stopping`, or until cancelled; then no more, and what is under way may finish.

        An attempt that does not finish in 10 s is dropped. Whoever gets the lane next takes it up; it is `unknown` then
        if its message was going out.
        """
        try:
            while not stopping.is_set():
                heed_cancellation()
                self._beat()
                self._woken.clear()
                wait_s = POLL_S
                try:
                    wait_s = await self._take_lanes()
                except Retryable as error:
                    log.warning("dispatch.waiting", error=str(error))
                    await self._clock.sleep(_AFTER_TROUBLE_S)
                await self._wait(stopping, wait_s)
        finally:
            await self._finish()

    async def _take_lanes(self) -> float:
        """Seconds until it is worth looking again."""
        room = self._relay.allowance(self._concurrency) - len(self._lanes)
        if room <= 0:
            return POLL_S
        now = self._clock.now()
        for lane in await self._ledger.due_lanes(now, room + len(self._lanes)):
            if room > 0 and lane not in self._lanes and await self._hold(lane):
                self._lanes[lane] = asyncio.create_task(self._work(lane), name="lane")
                room -= 1
        if room == 0:
            return POLL_S
        due_at = await self._ledger.next_due(now)
        return min(POLL_S, (due_at - now).total_seconds()) if due_at else POLL_S

    async def _hold(self, lane: UserId) -> bool:
        return await self._ledger.lease(lane, self._owner, self._lease)

    async def _work(self, lane: UserId) -> None:
        work = asyncio.create_task(self._worker.work(lane, self._stop.is_set), name="lane work")
        try:
            while not (await asyncio.wait([work], timeout=self._lease.total_seconds() / 3))[0]:
                if not await self._still_hold(lane):
                    log.warning("lane.lost")
                    return
            work.result()
        except Retryable as error:
            log.warning("lane.waiting", error=str(error))
            await self._rest(_AFTER_TROUBLE_S)
        except Exception:  # the lane's outermost frame: one person's rows must not stop the others'
            log.exception("lane.failed")
            await self._rest(_AFTER_CRASH_S)
        finally:
            work.cancel()
            await asyncio.wait([work])
            try:
                await self._ledger.release(lane, self._owner)
            except Retryable as error:
                # it runs out by itself
                log.warning("lane.release_failed", error=str(error))
            # only now: a lane taken again before it is given back would be given back under its new work
            del self._lanes[lane]
            self._woken.set()

    async def _still_hold(self, lane: UserId) -> bool:
        """False only if somebody else has it: while the ledger is away nobody can take it."""
        try:
            return await self._hold(lane)
        except Retryable as error:
            log.warning("lane.unrenewed", error=str(error))
            return True

    async def _rest(self, seconds: float) -> None:
        """Keep the lane to oneself for a while: what went wrong would go wrong again at once."""
        rest = asyncio.create_task(self._clock.sleep(seconds))
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait([rest, stop], return_when=asyncio.FIRST_COMPLETED)
        rest.cancel()
        stop.cancel()

    async def _wait(self, stopping: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (self._woken, stopping)]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _finish(self) -> None:
        self._stop.set()
        if tasks := list(self._lanes.values()):
            _, late = await asyncio.wait(tasks, timeout=_FINISH_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

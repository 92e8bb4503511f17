"""The real worker in a world that one seed drives: processes die, freeze and share partitions, answers are lost.

Whenever every task waits, the world does one thing: lets one worker go on from the point where it stands, perhaps with
a fault; lets a record come; lets time pass; moves partitions. After so many records the faults end, and all that is
left must come to rest.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from ups_runtime.dlq import DrainCount, DrainLimit
from ups_runtime.errors import Retryable
from ups_runtime.metrics import Metrics
from ups_runtime.testing import FakeClock
from ups_schemas.decision import NotificationsDisabled
from ups_schemas.topics import COMMANDS, EVENTS, SUPPRESSIONS, Service
from ups_throttle.adapters.memory_log import Fate, Place
from ups_throttle.adapters.memory_port import Crashed
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.metrics import Instruments
from ups_throttle.testing.fleet import Fleet, Input
from ups_throttle.testing.idle import play
from ups_throttle.testing.members import PARTITIONS, Members, Wrong
from ups_throttle.testing.process import Process, SimulatedPort, Waiting
from ups_throttle.testing.samples import START
from ups_throttle.testing.traced import TracedLog
from ups_throttle.worker import Tools, Worker

DEVICES = 4
TIMERS_AT_ONCE = 2
MAX_STEPS = 20_000
# Longer than the longest period, and than all after which a device is forgotten.
LONG = timedelta(days=31)

_PASSES = {
    timedelta(milliseconds=300): 30,
    timedelta(seconds=1): 20,
    timedelta(seconds=5): 10,
    timedelta(seconds=40): 10,
    timedelta(minutes=6): 6,
    timedelta(minutes=31): 4,
    timedelta(hours=2): 2,
    timedelta(days=1, hours=2): 1,
    timedelta(days=8): 1,
}
_STEPS = (timedelta(minutes=10), timedelta(minutes=-10), timedelta(days=8), timedelta(days=-8))


class Simulation:
    """One run: `run`, then look at `log`, `bites` and `trace`."""

    def __init__(
        self,
        seed: int,
        *,
        inputs: int = 40,
        worker: Callable[..., Worker] = Worker,
        port: Callable[..., SimulatedPort] = SimulatedPort,
    ) -> None:
        self.chance = Random(seed)  # noqa: S311 - to be repeatable, not secret
        self.clock = FakeClock(START)
        self.log = TracedLog(self.clock)
        self.metrics = Metrics("throttle")
        self.fleet = Fleet(self.chance, DEVICES, PARTITIONS)
        self.bites: Counter[str] = Counter()
        self.trace: list[str] = []
        self.waiting: list[Waiting] = []
        self.in_flight: list[tuple[str, int]] = []
        self._new_worker, self._new_port = worker, port
        self._inputs = inputs
        self._members = Members(self, self.chance, self._tooled_worker)
        self._takeovers = self._heard = self._steps = self._quiet = 0
        self._ingest_skew = timedelta(0)
        self._instruments = Instruments(self.metrics)
        # Faults come rarely in one run and often in another: some things need many in a row, some none.
        self._fault_every = self.chance.choice((12, 40, 150))
        self._acts = {
            self._write: 50,
            self._pass: 30,
            self._kill: 3,
            self._freeze: 3,
            self._thaw: 6,
            self._move: 5,
            self._step: 2,
            self._lose: 2,
        }

    def run(self) -> None:
        """Let it happen.

        Raises:
            Wrong: a worker ended with what it should not end with, or it did not come to rest.
        """
        for each in self.fleet.registered(self._ingest_now()):
            self._append(each)
        play(self._act)
        self.bites += self.fleet.counts
        self.bites["fenced"] = int(self.metrics.registry.get_sample_value("ups_throttle_fenced_total") or 0)

    # ------------------------------------------------------------ what happens next

    def _act(self) -> bool:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Wrong("it does not come to rest: records are left, or a transaction stays open")
        self._members.reap()
        self._hear()
        if self._inputs <= 0:
            return self._settle()
        able = self._able()
        if self.in_flight and self._one_in(10):
            self._land()
        elif able and self.chance.random() < 0.88:  # noqa: PLR2004 - about ten points for each act
            self._go_on(self.chance.choice(able))
        else:
            (act,) = self.chance.choices(list(self._acts), list(self._acts.values()))
            act()
        self._members.complete()
        return True

    def _settle(self) -> bool:
        """No faults any more: one owner for each partition, clocks that are right, time enough for every timer."""
        members = self._members
        for process in members.processes:
            process.skew = timedelta(0)
            if process.is_frozen:
                members.thaw(process)
        for running in members.leaving:
            running.task.cancel()
        members.complete()
        if able := self._able():
            self._go_on(able[0], can_fail=False)
        elif not self._is_done():
            self._advance(timedelta(seconds=11))
            self._quiet = 0
        else:
            # the long one to reach what is due, the short one for all to go round once more
            self._quiet += 1
            self._advance(LONG if self._quiet % 2 else timedelta(seconds=1))
        return self._quiet < 4  # noqa: PLR2004 - twice; what a timer began the second one ends

    def _able(self) -> list[Waiting]:
        return [each for each in self.waiting if not each.process.is_frozen and not each.go_on.done()]

    def _is_done(self) -> bool:
        return not self.log.has_open and all(
            self.log.offsets.get(Place(topic.name, number)) == self.log.end(topic.name, number)
            for topic in (EVENTS, COMMANDS)
            for number in range(PARTITIONS)
        )

    def _go_on(self, waiting: Waiting, *, can_fail: bool = True) -> None:
        self.waiting.remove(waiting)
        fault = self._fault(waiting) if can_fail and self._one_in(self._fault_every) else None
        self.note(f"{waiting.process.name}/{waiting.port.number} {waiting.point} {fault!r}")
        if isinstance(fault, Crashed):
            self._members.kill(waiting.process)
        else:
            waiting.go_on.set_result(fault)

    def _fault(self, waiting: Waiting) -> Crashed | Retryable | TimeoutError:
        """Draw what goes wrong here: the process dies, or nothing is heard of what was asked for."""
        port = waiting.port
        if self._one_in(3):
            self.bites["crash_in_transaction" if port.in_transaction else "crash"] += 1
            return Crashed()
        port.is_silent = self._one_in(2)
        kind = {"commit.before": "commit_lost", "commit.after": "commit_unanswered"}.get(waiting.point, "answer_lost")
        if waiting.point == "commit.before" and not self._one_in(4):
            port.is_silent = True
            self.in_flight.append((port.id, port.epoch))
            kind = "commit_in_flight"
        self.bites[kind] += 1
        return self.chance.choice((Retryable, TimeoutError))("no answer")

    # ------------------------------------------------------------ acts, by name

    def _write(self) -> None:
        self._inputs -= 1
        for each in self.fleet.next(self._ingest_now()):
            self._append(each)

    def _pass(self) -> None:
        (by,) = self.chance.choices(list(_PASSES), list(_PASSES.values()))
        self._advance(by)

    def _kill(self) -> None:
        if self._members.processes:
            self.bites["crash"] += 1
            self._members.kill(self.chance.choice(self._members.processes))

    def _freeze(self) -> None:
        if len(self._members.awake) > 1:
            self._members.freeze(self.chance.choice(self._members.awake))

    def _thaw(self) -> None:
        if frozen := [process for process in self._members.processes if process.is_frozen]:
            self._members.thaw(self.chance.choice(frozen))

    def _move(self) -> None:
        """A rebalance: all let go, or some."""
        self.bites["rebalance"] += 1
        for number in list(self._members.owners):
            if self._one_in(2):
                self._members.revoke(number)

    def _step(self) -> None:
        self.bites["clock_step"] += 1
        by = self.chance.choice(_STEPS)
        if self._one_in(3) or not self._members.processes:
            self._ingest_skew = by if abs(by) < timedelta(days=1) else timedelta(0)
        else:
            self.chance.choice(self._members.processes).skew = by
        self.note(f"clock step {by}")

    def _land(self) -> None:
        """A commit that was given up arrives after all."""
        transactional_id, epoch = self.in_flight.pop(self.chance.randrange(len(self.in_flight)))
        if self.log.is_open(transactional_id, epoch):
            self.bites["commit_landed_late"] += 1
            self.note(f"late commit of {transactional_id}")
            self.log.finish(transactional_id, Fate.COMMITTED)

    def _lose(self) -> None:
        self.log.lose_sends = 1

    # ------------------------------------------------------------ the rest of the world

    def _tooled_worker(self, process: Process, number: int) -> Worker:
        tools = Tools(
            partitions=PARTITIONS,
            wire=CloudEventsWire(Service.THROTTLE, process),
            clock=process,
            instruments=self._instruments,
            new_id=self._new_id,
            new_drain=lambda: DrainCount(DrainLimit()),
            timers_at_once=TIMERS_AT_ONCE,
        )
        return self._new_worker(number, lambda: self._new_port(self, process, number), tools)

    def _new_id(self) -> bytes:
        self._takeovers += 1
        return str(self._takeovers).encode()

    def _append(self, each: Input) -> None:
        self.note(f"write {each.kind} to {each.topic.name}/{each.partition}")
        self.log.append(each.topic.name, each.partition, each.payload)

    def _hear(self) -> None:
        """Let the fleet hear of periods, as of what is committed."""
        for written in self.log.history[self._heard :]:
            for record in written.records[SUPPRESSIONS.name]:
                if b'"tripped_by"' in (record.value or b""):
                    self.fleet.heard(NotificationsDisabled.model_validate_json(record.value or b""))
        self._heard = len(self.log.history)

    def _advance(self, by: timedelta) -> None:
        self.note(f"{by} pass")
        self.clock.advance(by)

    def _ingest_now(self) -> datetime:
        return self.clock.now() + self._ingest_skew

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append(text)

    def _one_in(self, count: int) -> bool:
        return self.chance.randrange(count) == 0

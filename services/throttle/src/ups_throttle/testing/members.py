"""The processes of the simulated group and the workers in them: who owns what, who should have let go of it."""

import asyncio
from collections.abc import Callable
from random import Random

from ups_runtime.errors import ExitCode, Fatal
from ups_throttle.adapters.memory_port import Crashed
from ups_throttle.testing.process import Process, Running, World
from ups_throttle.worker import Worker

PARTITIONS = 2
PROCESSES = 2


class Wrong(Exception):  # noqa: N818 - a finding, not an error of the simulation
    """What was seen must not happen."""


class Members:
    """`leaving` are workers whose partition is somebody else's already: told to stop, or asleep."""

    def __init__(self, world: World, chance: Random, new_worker: Callable[[Process, int], Worker]) -> None:
        self.processes: list[Process] = []
        self.owners: dict[int, Running] = {}
        self.leaving: list[Running] = []
        self._world = world
        self._chance = chance
        self._new_worker = new_worker
        self._started = 0

    @property
    def awake(self) -> list[Process]:
        """Those that the group counts on."""
        return [process for process in self.processes if not process.is_frozen]

    def complete(self) -> None:
        """Start what is missing: processes, and an owner for each partition."""
        while len(self.awake) < PROCESSES:
            self._started += 1
            self.processes.append(Process(f"p{self._started}", self._world))
        for number in range(PARTITIONS):
            if number not in self.owners:
                self._start(self._chance.choice(self.awake), number)

    def kill(self, process: Process) -> None:
        """End it as SIGKILL does."""
        self._world.note(f"{process.name} dies")
        process.is_dead = True
        self.processes.remove(process)
        for running in (*self.owners.values(), *self.leaving):
            if running.process is process:
                running.task.cancel()

    def freeze(self, process: Process) -> None:
        """Let it sleep past the session time-out: the group gives its partitions to others."""
        self._world.note(f"{process.name} freezes")
        process.is_frozen = True
        for number, owner in list(self.owners.items()):
            if owner.process is process:
                self.leaving.append(self.owners.pop(number))

    def thaw(self, process: Process) -> None:
        """Let it go on where it was; most of the time the group tells it soon that it is out."""
        self._world.note(f"{process.name} thaws")
        process.is_frozen = False
        for leaving in self.leaving:
            if leaving.process is process and self._chance.randrange(4):
                leaving.worker.stop()

    def revoke(self, number: int) -> None:
        """Take a partition away; who is next does not wait, and some are too slow to end by themselves."""
        owner = self.owners.pop(number)
        self._world.note(f"{owner.process.name}/{number} revoked")
        owner.worker.stop()
        self.leaving.append(owner)
        if self._chance.randrange(4) == 0:
            self._world.bites["cancelled"] += 1
            owner.task.cancel()

    def reap(self) -> None:
        """Look at who has ended.

        Raises:
            Wrong: a worker ended with anything but what it may end with.
        """
        for running in [*self.owners.values(), *self.leaving]:
            if not running.task.done():
                continue
            if self.owners.get(running.number) is running:
                del self.owners[running.number]
            else:
                self.leaving.remove(running)
            match None if running.task.cancelled() else running.task.exception():
                case None | Crashed():
                    pass
                case Fatal(exit_code=ExitCode.FENCED):
                    self._world.bites["fenced_twice"] += 1
                    if running.process in self.processes:
                        self.kill(running.process)
                case error:
                    raise Wrong(f"the worker of partition {running.number} ended: {error!r}") from error

    def _start(self, process: Process, number: int) -> None:
        self._world.bites["overlap"] += any(leaving.number == number for leaving in self.leaving)
        self._world.note(f"{process.name}/{number} starts")
        worker = self._new_worker(process, number)
        task = asyncio.get_running_loop().create_task(worker.run())
        self.owners[number] = Running(process, number, worker, task)

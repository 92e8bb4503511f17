import asyncio

from ups_runtime.clock import SystemClock
from ups_runtime.dlq import DrainCount, DrainLimit
from ups_runtime.errors import Retryable
from ups_runtime.health import Health
from ups_runtime.metrics import Metrics
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import FakeClock
from ups_schemas.topics import Service
from ups_throttle.adapters.group import Group
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.metrics import Instruments
from ups_throttle.worker import Tools


class FailsWhenCancelled(Group):
    """Has a worker that cannot end in order: the brokers are gone."""

    def __init__(self) -> None:
        clock, instruments = FakeClock(), Instruments(Metrics("throttle"))
        tools = Tools(
            1,
            CloudEventsWire(Service.THROTTLE, clock),
            clock,
            instruments,
            lambda: b"",
            lambda: DrainCount(DrainLimit()),
        )
        super().__init__(KafkaSettings(), tools, Health(SystemClock()), instruments, batch_records=1)
        self.begun = asyncio.Event()

    async def _be_member(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._work())

    async def _work(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Retryable("the brokers are gone") from None


async def test_a_worker_that_fails_while_the_group_is_cancelled_does_not_keep_it_alive() -> None:
    group = FailsWhenCancelled()
    task = asyncio.create_task(group.run())
    await group.begun.wait()

    task.cancel()
    await asyncio.wait([task], timeout=10)

    assert task.cancelled()

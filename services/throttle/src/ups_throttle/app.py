"""The throttle as a process."""

import gc
from uuid import uuid4

from ups_runtime.dlq import DrainCount, DrainLimit
from ups_runtime.kafka import wait_for_kafka
from ups_runtime.lifecycle import Life, run
from ups_runtime.logging import get_logger
from ups_schemas.topics import Service
from ups_throttle.adapters.group import CANCELLED_WITHIN_S, LET_GO_WITHIN_S, Group, count_partitions
from ups_throttle.adapters.wire import CloudEventsWire
from ups_throttle.metrics import Instruments
from ups_throttle.settings import Settings
from ups_throttle.worker import Tools

# A batch makes tens of thousands of objects and no cycles. Python's own 700 looks through them all again and again: a
# tenth of the CPU (bench 2026-11-22).
GC_THRESHOLDS = (20_000, 50, 100)

log = get_logger("throttle")


async def start(life: Life, settings: Settings) -> None:
    """Join the group; its assignment starts the workers."""
    await wait_for_kafka(settings.kafka, log)
    instruments = Instruments(life.metrics)
    tools = Tools(
        partitions=await count_partitions(settings.kafka, life.clock),
        wire=CloudEventsWire(Service.THROTTLE, life.clock),
        clock=life.clock,
        instruments=instruments,
        new_id=lambda: uuid4().bytes,
        new_drain=lambda: DrainCount(DrainLimit()),
        timers_at_once=settings.throttle.timers_at_once,
    )
    group = Group(settings.kafka, tools, life.health, instruments, batch_records=settings.throttle.batch_records)
    life.spawn("group", group.run(), close_within_s=LET_GO_WITHIN_S + CANCELLED_WITHIN_S)


def main() -> None:
    """Run until told to stop."""
    gc.set_threshold(*GC_THRESHOLDS)
    run(Service.THROTTLE, Settings, start)


if __name__ == "__main__":
    main()

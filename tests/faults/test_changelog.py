"""A changelog that is compacted as hard as the broker can."""

from pathlib import Path

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from ups_devstack.faults.run import Run
from ups_runtime.kafka import admin, started, topic_name
from ups_runtime.testing import eventually
from ups_runtime.testing.topics import read_all
from ups_schemas.topics import THROTTLE_STATE

pytestmark = pytest.mark.timeout(900)

HARD = {
    "cleanup.policy": "compact",
    "segment.ms": "1000",
    "min.cleanable.dirty.ratio": "0.001",
    "max.compaction.lag.ms": "1",
    "min.compaction.lag.ms": "0",
    "delete.retention.ms": "0",
}


# A transaction has a marker, and of one partition's few devices at most one record each.
LONG_RUN = 20


async def test_a_restart_from_a_compacted_changelog_goes_on_where_it_was(run: Run, report: Path | None) -> None:
    await configure(run)
    one = run.member("one", static=True)
    one.start()
    async with run.load.running():
        for _ in run.turns(1, 3):
            await run.load.goes_on(1000)
            await one.kill()
            run.injected += 1
            await eventually(lambda: compacted_partitions(run), within_s=90, every_s=1)
            run.bitten += 1
            one.start()
            await run.load.goes_on(300)

    await run.ends_right("changelog compacted hard, restart", report)


async def compacted_partitions(run: Run) -> set[int]:
    """The partitions in which compaction removed a long run: markers and aborted records leave but short gaps."""
    last: dict[int, int] = {}
    found: set[int] = set()
    for record in sorted(await read_all(run.kafka, THROTTLE_STATE), key=lambda record: record.offset):
        if record.offset - last.get(record.partition, -1) > LONG_RUN:
            found.add(record.partition)
        last[record.partition] = record.offset
    return found


async def configure(run: Run) -> None:
    async with started(admin(run.kafka)) as client:
        await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic_name(run.kafka, THROTTLE_STATE), HARD)]
        )

"""A changelog that is compacted as hard as the broker can."""

from pathlib import Path

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from ups_devstack.faults.reading import read_all
from ups_devstack.faults.run import Run
from ups_runtime.kafka import admin, started, topic_name
from ups_runtime.testing import eventually
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


async def test_a_restart_from_a_compacted_changelog_goes_on_where_it_was(run: Run, report: Path | None) -> None:
    await configure(run)
    one = run.member("one", static=True)
    one.start()
    async with run.load.running():
        for _ in range(run.rounds(1, 3)):
            await run.load.goes_on(1000)
            await one.kill()
            before = await count_superseded(run)
            run.injected += 1

            async def is_compacted(before: int = before) -> bool:
                return await count_superseded(run) < before / 2

            await eventually(is_compacted, within_s=90, every_s=1)
            run.bitten += 1
            one.start()
            await run.load.goes_on(300)

    await run.ends_right("changelog compacted hard, restart", report)


async def count_superseded(run: Run) -> int:
    """Count the records that a later one of the same key has made useless."""
    records = await read_all(run.kafka, THROTTLE_STATE)
    return len(records) - len({(record.partition, record.key) for record in records})


async def configure(run: Run) -> None:
    async with started(admin(run.kafka)) as client:
        await client.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic_name(run.kafka, THROTTLE_STATE), HARD)]
        )

"""The process is killed at named points of a transaction and of a take-over, on a real broker."""

import signal
from pathlib import Path

import pytest

from ups_devstack.faults.load import FLOOD_PER_S
from ups_devstack.faults.run import Run
from ups_runtime.testing import eventually
from ups_schemas.topics import EVENTS

ENTRY = Path(__file__).with_name("entry.py")

# A first start has 24 transactions of its own, two for each partition: later ones are under load.
UNDER_LOAD = 40
POINTS = (
    f"begin.after {UNDER_LOAD}",
    f"flush.after {UNDER_LOAD}",
    f"send_offsets.after {UNDER_LOAD}",
    f"commit.before {UNDER_LOAD}",
    f"commit.after {UNDER_LOAD}",
    "fence.after 6",
    "changelog.before 6",
    "resume.after 6",
)

pytestmark = pytest.mark.timeout(900)


async def test_killed_at_each_point_it_decides_what_the_oracle_decides(run: Run, report: Path | None) -> None:
    one = run.member("one", static=True, program=[ENTRY])
    run.load.events_per_s = FLOOD_PER_S
    async with run.load.running():
        for _ in run.turns(1, 3):
            for point in POINTS:
                taken = len(one.said("partition.taken_over"))
                one.start(FAULT_CRASH=point)
                run.injected += 1
                await eventually(lambda: one.exit_code is not None, within_s=60, every_s=0.05)
                assert one.exit_code == -signal.SIGKILL, point
                await one.kill()
                takes_over = len(one.said("partition.taken_over")) - taken < EVENTS.partitions
                run.bitten += takes_over or await run.count_open() > 0
        one.start()
        await run.load.goes_on(50)

    await run.ends_right(f"killed at {len(POINTS)} named points", report)

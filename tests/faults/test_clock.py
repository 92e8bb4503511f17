"""A throttle whose clock is stepped."""

from datetime import timedelta
from pathlib import Path

import pytest

from ups_devstack.faults.run import Run
from ups_runtime.testing import eventually

ENTRY = Path(__file__).with_name("entry.py")
STEPS = (timedelta(minutes=10), timedelta(minutes=-10), timedelta(days=8), timedelta(days=-8))

# Ends of periods that are so far ahead are refused by the broker: their partitions stand still, and try again after
# 10 s at most.
REFUSED_FROM = timedelta(hours=1)
SEEN_WITHIN_S = 60

pytestmark = pytest.mark.timeout(900)


async def test_the_clock_of_the_process_is_stepped(run: Run, report: Path | None) -> None:
    file = run.folder / "clock"
    file.write_text("0")
    one = run.member("one", program=[ENTRY], environ={"FAULT_CLOCK_FILE": str(file)})
    one.start()
    async with run.load.running():
        await run.load.goes_on(100)
        for _ in run.turns(1, 3):
            for step in STEPS:
                before = run.load.early
                partial = file.with_suffix(".new")
                partial.write_text(str(step.total_seconds()))
                partial.replace(file)
                run.injected += 1
                if step > timedelta(0):
                    await eventually(lambda before=before: run.load.early > before, within_s=SEEN_WITHIN_S)
                else:
                    await eventually(run.load.count_overdue_in_silence, within_s=SEEN_WITHIN_S)
                run.load.quiet = frozenset()
                run.bitten += 1
                if step < REFUSED_FROM:
                    await run.load.goes_on(100)
        file.write_text("0")
        await run.load.goes_on(100)

    await run.ends_right("clock stepped by ±10 min and ±8 d", report)

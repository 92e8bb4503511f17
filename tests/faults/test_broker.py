"""A broker that goes away and comes back."""

import asyncio
from pathlib import Path

import pytest

from ups_devstack.faults.load import EVENTS_PER_S, FLOOD_PER_S
from ups_devstack.faults.member import Member
from ups_devstack.faults.run import Run
from ups_devstack.stack import Backing

pytestmark = pytest.mark.timeout(900)


def troubles(one: Member) -> int:
    """Count the sends that failed, which were tried again, and the transactions given up."""
    return one.count_lines("Got error produce response") + len(one.said("partition.taken_over_anew"))


async def test_the_broker_is_restarted_killed_and_away_for_a_while(
    run: Run, stack: Backing, report: Path | None
) -> None:
    one = run.member("one")
    one.start()
    away_s = run.rounds(6, 30)
    async with run.load.running():
        for _ in run.turns(1, 2):
            for end, pause_s in ((stack.stop, 0), (stack.kill, 0), (stack.stop, away_s)):
                run.load.events_per_s = FLOOD_PER_S
                await run.load.goes_on(run.chance.randrange(100, 300), within_s=200)
                before = troubles(one)
                await end("kafka")
                run.load.events_per_s = EVENTS_PER_S
                run.injected += 1
                await asyncio.sleep(pause_s)
                await stack.start("kafka")
                await run.load.goes_on(50, within_s=200)
                run.bitten += troubles(one) > before

    assert one.runs
    await run.ends_right(f"broker restarted, killed, away for {away_s} s", report)

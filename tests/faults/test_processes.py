"""Processes that die, sleep, join and leave, under load on a real broker."""

from pathlib import Path
from typing import Any

import pytest

from ups_devstack.faults.load import EVENTS_PER_S, FLOOD_PER_S
from ups_devstack.faults.member import Member
from ups_devstack.faults.run import Run
from ups_runtime.testing import eventually

pytestmark = pytest.mark.timeout(900)


async def test_killed_again_and_again_it_decides_what_the_oracle_decides(run: Run, report: Path | None) -> None:
    one = run.member("one", static=True)
    one.start()
    async with run.load.running():
        for _ in run.turns(4, 20):
            run.load.events_per_s = FLOOD_PER_S
            await run.load.goes_on(run.chance.randrange(50, 300))
            await one.kill()
            run.load.events_per_s = EVENTS_PER_S
            run.injected += 1
            run.bitten += await run.count_open() > 0
            one.start()
        await run.load.goes_on(50)

    await run.ends_right("kill -9, one process started again", report)


async def test_a_process_that_slept_past_its_session_is_fenced(run: Run, report: Path | None) -> None:
    one, two = run.member("one"), run.member("two")
    one.start()
    async with run.load.running():
        await run.load.goes_on(100)
        two.start()
        await two.ready()
        for turn in run.turns(1, 3):
            zombie, heir = (one, two) if turn % 2 == 0 else (two, one)
            await run.load.goes_on(200)
            fenced = await zombie.counter("fenced")
            run.load.events_per_s = FLOOD_PER_S
            await run.load.goes_on(100)
            zombie.freeze()
            run.load.events_per_s = EVENTS_PER_S
            run.injected += 1
            taken = len(heir.said("partition.taken_over"))
            await eventually(
                lambda heir=heir, taken=taken: len(heir.said("partition.taken_over")) >= taken + 12, within_s=60
            )
            await run.load.goes_on(100)
            zombie.thaw()
            # One that had no transaction open may hear first that its session is over, and gives up by itself.
            await run.load.goes_on(200)
            run.bitten += await zombie.counter("fenced") > fenced

    await run.ends_right("SIGSTOP past the session time-out, take-over, SIGCONT", report)


@pytest.mark.parametrize("count", [2, 5])
async def test_members_join_and_leave_every_few_seconds(run: Run, report: Path | None, count: int) -> None:
    members = [run.member(f"m{number}") for number in range(count)]
    for member in members:
        member.start()
    async with run.load.running():
        await run.load.goes_on(100)
        for turn in run.turns(max(3, count), 12):
            member = members[turn % count]
            before, taken = len(moves(members)), len(taken_over(member))
            await (member.stop() if turn % 3 else member.kill())
            await run.load.goes_on(run.chance.randrange(100, 400))
            member.start()
            await run.load.goes_on(run.chance.randrange(100, 400))
            run.injected += 1
            await eventually(lambda member=member, taken=taken: len(taken_over(member)) > taken)
            run.bitten += any(heir == member.name for _, heir in moves(members)[before:])

    await run.ends_right(f"rebalance, {count} members joining and leaving", report)


def moves(members: list[Member]) -> list[tuple[str, str]]:
    """From whom to whom partitions went, in order: what a member takes up again has not moved.

    A member that joins takes them from members that live; those of one that was killed are taken from a dead one.
    """
    taken = [(said["timestamp"], said["partition"], each.name) for each in members for said in taken_over(each)]
    owners: dict[int, str] = {}
    found = []
    for _, number, name in sorted(taken):
        if (former := owners.get(number, name)) != name:
            found.append((former, name))
        owners[number] = name
    return found


def taken_over(member: Member) -> list[dict[str, Any]]:
    return member.said("partition.taken_over")

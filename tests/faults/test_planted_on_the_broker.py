"""Throttles that are wrong on purpose, hurt on a real broker: the comparison must see what they spoil."""

import signal
from pathlib import Path

import pytest

from ups_devstack.faults.load import LONG
from ups_devstack.faults.proxy import END_TXN, Bite, Proxy, Rule
from ups_devstack.faults.run import Run
from ups_runtime.testing import eventually
from ups_schemas.topics import EVENTS
from ups_throttle.testing.planted import AppliesBeforeCommit, DecidesOutsideTheTransaction

ENTRY = Path(__file__).with_name("entry.py")
KILLS = 3
AT_ONCE = 3
# Shorter, and a busy machine fails other requests, too.
DEADLINE_S = 8.0

pytestmark = pytest.mark.timeout(300)


async def test_decisions_outside_the_transaction_are_seen_doubled(run: Run) -> None:
    environ = {"FAULT_WORKER": DecidesOutsideTheTransaction.__name__}
    one = run.member("one", static=True, program=[ENTRY], environ=environ)
    async with run.load.running():
        for _ in range(KILLS):
            # only what writes the state sends offsets, and what was decided is committed by then
            one.start(FAULT_CRASH="send_offsets.before 40")
            await eventually(lambda: one.exit_code is not None, every_s=0.05)
            assert one.exit_code == -signal.SIGKILL
            await one.kill()
            run.injected += 1
            run.bitten += await run.count_open() > 0
        one.start()
        await run.load.goes_on(50)

    with pytest.raises(AssertionError, match=r"lost \d+, doubled [1-9]"):
        await run.ends_right("killed, decisions outside the transaction")


async def test_state_applied_before_a_commit_that_fails_is_seen_as_lost_events(run: Run, proxy: Proxy) -> None:
    # An end of a period can be lost, too: nobody would come to the end of waiting for it.
    run.load.devices = {name: device for name, device in run.load.devices.items() if device.policy == LONG}
    environ = {
        "FAULT_WORKER": AppliesBeforeCommit.__name__,
        "FAULT_PROXY_PORT": str(proxy.port),
        "FAULT_DEADLINE_S": str(DEADLINE_S),
    }
    one = run.member("one", program=[ENTRY], environ=environ)
    one.start()
    async with run.load.running():
        # the end of a take-over's transaction spoils nothing
        await eventually(lambda: run.said("partition.taken_over") >= EVENTS.partitions)
        await run.load.goes_on(100)
        proxy.rule = rule = Rule(END_TXN, Bite.REQUEST_LATE, DEADLINE_S + 1, left=AT_ONCE)
        await eventually(lambda: rule.landed == AT_ONCE)
        run.injected, run.bitten = AT_ONCE, rule.bitten
        await run.load.goes_on(50)

    with pytest.raises(AssertionError, match=r"lost [1-9]"):
        await run.ends_right("EndTxn asked late, state applied before the commit")

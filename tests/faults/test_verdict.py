"""The comparison sees what is lost, doubled or in the wrong place."""

import pytest

from ups_devstack.faults.run import InvalidRunError, Run
from ups_devstack.faults.verdict import judge
from ups_runtime.kafka import producer, started, topic_name
from ups_schemas.topics import DECISIONS, EVENTS
from ups_throttle.testing.samples import event, payload


async def test_the_verdict_sees_a_lost_event_and_a_doubled_decision(run: Run) -> None:
    one = run.member("one")
    one.start()
    async with run.load.running():
        await run.load.goes_on(100)
    await run.load.settled()
    await one.stop()
    assert (await judge(run.kafka, run.load.devices)).problems == []
    async with started(producer(run.kafka, "tamper")) as tamper:
        again = run.load.decided.records[0]
        await tamper.send_and_wait(topic_name(run.kafka, DECISIONS), again.value, again.key, partition=again.partition)
        late = payload(event(100_000, "d-1"))
        await tamper.send_and_wait(topic_name(run.kafka, EVENTS), late.value, late.key)

    verdict = await judge(run.kafka, run.load.devices)

    assert (verdict.lost, verdict.doubled) == (1, 1)


async def test_a_run_in_which_nothing_bit_proves_nothing(run: Run) -> None:
    run.member("one").start()
    async with run.load.running():
        await run.load.goes_on(50)
    run.injected = 1

    with pytest.raises(InvalidRunError, match="nothing bit"):
        await run.ends_right("nothing")

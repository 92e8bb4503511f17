"""The end of a transaction that is answered late, never, or arrives after its producer has given up."""

from pathlib import Path

import pytest

from ups_devstack.faults.proxy import END_TXN, Bite, Proxy, Rule
from ups_devstack.faults.run import Run
from ups_runtime.testing import eventually

ENTRY = Path(__file__).with_name("entry.py")
DEADLINE_S = 3.0
AT_ONCE = 3

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize(
    ("bite", "seconds"),
    [(Bite.ANSWER_LATE, DEADLINE_S / 2), (Bite.ANSWER_NEVER, 0.0), (Bite.REQUEST_LATE, DEADLINE_S + 1)],
    ids=["answered late", "answered never", "asked late"],
)
async def test_the_end_of_a_transaction_in_doubt(
    run: Run, proxy: Proxy, report: Path | None, bite: Bite, seconds: float
) -> None:
    environ = {"FAULT_PROXY_PORT": str(proxy.port), "FAULT_DEADLINE_S": str(DEADLINE_S)}
    one = run.member("one", program=[ENTRY], environ=environ)
    one.start()
    async with run.load.running():
        for _ in run.turns(1, 5):
            await run.load.goes_on(run.chance.randrange(50, 200))
            anew = run.said("partition.taken_over_anew")
            proxy.rule = rule = Rule(END_TXN, bite, seconds, left=AT_ONCE)
            await eventually(lambda rule=rule: rule.left == 0, within_s=30)
            run.injected += AT_ONCE
            if bite is Bite.ANSWER_LATE:
                run.bitten += rule.bitten
                continue
            await eventually(lambda anew=anew: run.said("partition.taken_over_anew") >= anew + AT_ONCE, within_s=30)
            run.bitten += run.said("partition.taken_over_anew") - anew
            await eventually(
                lambda rule=rule: rule.landed == AT_ONCE or rule.bite is not Bite.REQUEST_LATE, within_s=30
            )
        await run.load.goes_on(200)

    await run.ends_right(f"EndTxn {bite}", report)

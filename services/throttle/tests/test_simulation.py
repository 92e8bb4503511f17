"""The real worker in a world that one seed drives.

`pytest services/throttle/tests/test_simulation.py --seeds 20000` simulates more, `--seed 17` repeats one and shows
what happened in it.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ups_cli.oracle import Oracle
from ups_throttle.testing import planted
from ups_throttle.testing.members import Wrong
from ups_throttle.testing.simulation import Simulation
from ups_throttle.testing.verdict import Verdict
from ups_throttle.worker import Worker

SEEDS_PER_TEST = 100
FINDS_WITHIN = 200
SHOWN = 60

pytestmark = pytest.mark.usefixtures("quiet")

# What a hundred seeds must have met at least once each; a run without it would prove nothing about it.
BITES = {
    # faults
    *("crash", "crash_in_transaction", "answer_lost", "send_lost"),
    *("commit_lost", "commit_unanswered", "commit_in_flight", "commit_landed_late"),
    *("rebalance", "overlap", "cancelled", "fenced", "clock_step"),
    # what is written
    *("resent", "duplicate", "late", "changed", "handed_over", "removed", "view_behind"),
    *("ordered", "ordered_again", "order_obeyed", "order_for_nothing"),
    *("poison_ups.events.v1", "poison_ups.commands.v1", "poison_ups.devices.v1", "dead_letter"),
    # what comes of it
    *("notify", "disabled", "suppressed", "forgotten", "timers_together", "enabled_by_timer"),
    *("enabled_by_hand", "enabled_by_time", "enabled_by_ownership_ended"),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seeds" not in metafunc.fixturenames:
        return
    one = metafunc.config.getoption("--seed", None)
    count = metafunc.config.getoption("--seeds", 1000)
    chunks = (
        [range(first, min(first + SEEDS_PER_TEST, count)) for first in range(0, count, SEEDS_PER_TEST)]
        if one is None
        else [range(one, one + 1)]
    )
    metafunc.parametrize("seeds", chunks, ids=[f"{chunk[0]}-{chunk[-1]}" for chunk in chunks])


def simulate(seed: int, shown: int = SHOWN, **wrong: Callable[..., Any]) -> tuple[Simulation, Counter[str]]:
    simulation = Simulation(seed, **wrong)
    try:
        simulation.run()
        verdict = Verdict(simulation.log, Oracle)
        verdict.reach()
    # a test that takes too long is ended by no Exception
    except BaseException as found:
        found.add_note("\n".join(["It ended with:", *simulation.trace[-shown:], "", _how_to_repeat(seed)]))
        raise
    return simulation, simulation.bites + verdict.seen


def simulate_all(seeds: range, **wrong: Callable[..., Any]) -> Counter[str]:
    shown = SHOWN if len(seeds) > 1 else sys.maxsize
    return sum((simulate(seed, shown, **wrong)[1] for seed in seeds), Counter())


def _how_to_repeat(seed: int) -> str:
    return f"Seed {seed}. Repeat it: .venv/bin/pytest services/throttle/tests/test_simulation.py --seed {seed}"


def test_whatever_happens_what_is_committed_is_what_the_oracle_decides(seeds: range) -> None:
    seen = simulate_all(seeds)

    if len(seeds) == 1:
        print("\n".join(simulate(seeds[0])[0].trace))  # noqa: T201 - asked for
    if len(seeds) == SEEDS_PER_TEST:
        assert set(seen) >= BITES, f"never happened: {sorted(BITES - set(seen))}"
    print({str(kind): count for kind, count in sorted(seen.items())})  # noqa: T201 - shown with -rP


@pytest.mark.parametrize(
    "wrong",
    [
        *({"worker": worker} for worker in planted.WORKERS),
        *({"port": port} for port in planted.PORTS),
    ],
    ids=lambda wrong: next(iter(wrong.values())).__name__,
)
def test_a_planted_mistake_is_found(wrong: dict[str, Callable[..., Any]]) -> None:
    with pytest.raises(Wrong) as found:
        simulate_all(range(FINDS_WITHIN), **wrong)

    assert "Repeat it: " in found.value.__notes__[0]


def test_the_one_seed_that_is_asked_for_is_told_from_its_beginning() -> None:
    wrong = {"worker": planted.FiresTimersAtOnce}
    with pytest.raises(Wrong) as among_others:
        simulate_all(range(FINDS_WITHIN), **wrong)
    seed = int(among_others.value.__notes__[0].rsplit(" ", 1)[1])

    with pytest.raises(Wrong) as alone:
        simulate_all(range(seed, seed + 1), **wrong)

    few, all_ = (found.value.__notes__[0].splitlines() for found in (among_others, alone))
    assert len(few) < len(all_)
    assert all_[-len(few) + 1 :] == few[1:]
    assert all_[1].startswith("write ")


def test_a_seed_that_takes_too_long_is_named() -> None:
    def hang(*_: object) -> Worker:
        pytest.fail("Timeout")

    with pytest.raises(pytest.fail.Exception) as ended:
        simulate(17, worker=hang)

    assert "--seed 17" in ended.value.__notes__[0]


def test_a_seed_is_one_story() -> None:
    first, again, other = (simulate(seed)[0] for seed in (3, 3, 4))

    assert first.trace == again.trace != other.trace
    assert first.log.history == again.log.history


def test_a_seed_is_the_same_story_in_another_process() -> None:
    script = (
        "import hashlib, logging, structlog\n"
        "structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))\n"
        "from ups_throttle.testing.simulation import Simulation\n"
        "simulation = Simulation(3)\n"
        "simulation.run()\n"
        "print(hashlib.sha256(repr((simulation.trace, simulation.log.history)).encode()).hexdigest())\n"
    )

    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert len(told) == 1

"""The bench stands on names of the throttle's: it must not break unseen until somebody measures."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_bench_finds_every_phase_that_it_times() -> None:
    # in a process of its own: it puts stopwatches into the throttle's modules
    said = subprocess.run(
        [sys.executable, "-c", "from bench import phases; phases.instrument(phases.Stopwatch())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 0, said.stderr


def test_the_benches_say_how_to_call_them() -> None:
    for module in ("bench", "bench.mail", "bench.log", "bench.pages"):
        said = subprocess.run(
            [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert said.returncode == 0, said.stderr

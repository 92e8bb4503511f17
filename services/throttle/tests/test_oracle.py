"""The domain against a second telling of the rules that shares no code with it."""

import pytest

from ups_cli.oracle import Oracle
from ups_schemas.decision import Decision
from ups_schemas.device import DeviceSnapshot
from ups_throttle.testing.histories import DEVICE_ID, Changed, Happening, Heard, Ordered, Ticked, history, order_for
from ups_throttle.testing.play import play
from ups_throttle.testing.samples import event

HISTORIES_PER_TEST = 50


def told_by_oracle(happenings: list[Happening]) -> tuple[list[Decision], int]:
    oracle = Oracle(DEVICE_ID)
    device: DeviceSnapshot | None = None
    for happening in happenings:
        match happening:
            case Changed():
                device = happening.device
            case Heard(event):
                oracle.event(event, device)
            case Ordered():
                oracle.command(order_for(happening, oracle.running_period), device)
            case Ticked(now):
                oracle.due(now, device)
    return oracle.decisions, oracle.duplicates


@pytest.mark.parametrize("first", range(0, 300, HISTORIES_PER_TEST))
def test_both_tellings_of_the_rules_decide_alike(first: int):
    for seed in range(first, first + HISTORIES_PER_TEST):
        happenings = history(seed)

        steps = play(happenings)

        expected, duplicates = told_by_oracle(happenings)
        decided = [decision for step in steps for decision in step.outputs]
        for ours, theirs in zip(decided, expected, strict=False):
            assert ours == theirs, f"history {seed}, decision {ours.device_seq}"
        assert len(decided) == len(expected), f"history {seed}"
        assert sum(step.duplicate for step in steps) == duplicates, f"history {seed}"


def test_a_status_pulse_tells_neither_of_an_ownership():
    pulse = event(1, DEVICE_ID, code="STATUS", phase="pulse", ownership=2)
    happenings: list[Happening] = [Heard(pulse), Heard(event(2, DEVICE_ID, ownership=1))]

    (decided,) = [decision for step in play(happenings) for decision in step.outputs]

    assert decided == told_by_oracle(happenings)[0][0]
    assert decided.reason == "device_unknown"

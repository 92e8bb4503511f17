"""What the decisions record is enough to decide them again, wherever timers fired between the events."""

import random
from datetime import timedelta

import pytest

from ups_cli.history.device import read_device
from ups_cli.history.retelling import retell
from ups_cli.history.tellers import DomainTeller
from ups_cli.testing.recorded import Recorded
from ups_schemas.device import Policy
from ups_throttle.testing.samples import START, device, event

TRIPS = Policy(limit=2, window_s=1800, period_s=3600)
STEPS_S = (1, 20, 40, 61, 70, 300, 3700, 90_000)
# Below and above the quiet after which a timer tells of late events: a timer may have fired before an older event.
READ_LATE_BY_S = (0, 0, 5, 30, 59, 90, 600)
PHASES = (("ON_BATTERY", "raise"), ("POWER_RESTORED", "clear"), ("ON_BATTERY", "repeat"), ("OVERLOAD", "raise"))


def recorded_by_chance(chance: random.Random) -> Recorded:
    recorded, version, now = Recorded(), 1, START
    recorded.changed("d-1", device(policy=TRIPS))
    for number in range(1, 14):
        now += timedelta(seconds=chance.choice(STEPS_S))
        roll = chance.random()
        if roll < 0.25:
            recorded.ticked(now)
        elif roll < 0.33:
            version += 1
            listeners = {"subscriptions": ()} if chance.random() < 0.5 else {}
            recorded.changed("d-1", device(version=version, policy=TRIPS, **listeners))
        else:
            at = now - timedelta(seconds=chance.choice(READ_LATE_BY_S))
            code, phase = chance.choice(PHASES)
            is_late = chance.random() < 0.5
            happened = at - timedelta(minutes=chance.choice([20, 600, 2000])) if is_late else None
            heard = {"received_at": at, "occurred_at": happened, "late": is_late, "device_version": version}
            recorded.heard(event(number, code=code, phase=phase, native_text=None, **heard))
    return recorded


@pytest.mark.parametrize("first_seed", range(0, 200, 50))
def test_a_replay_decides_the_same_wherever_a_timer_fired_before_an_older_event_was_read(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 50):
        with recorded_by_chance(random.Random(seed)).spool() as spool:
            for key, records in spool.devices():
                history = read_device(key, records)

                told = retell(history, history.heard_from_the_first(), DomainTeller)

                assert told.difference is None, f"seed {seed}"
                assert told.same == len(history.decisions) > 0, f"seed {seed}"

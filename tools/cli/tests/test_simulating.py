from datetime import timedelta
from random import Random

import pytest

from ups_cli.history.spool import Kind
from ups_cli.simulation import OtherPolicy, Simulated, run
from ups_cli.testing.recorded import Recorded, played, read
from ups_schemas.device import Policy
from ups_throttle.testing.samples import START, device, enable, event

TRIPS = Policy(limit=2, window_s=1800, period_s=3600)
LATER = START + timedelta(days=30)
HISTORIES_PER_TEST = 25


def simulated(recorded: Recorded, policy: Policy = TRIPS) -> Simulated:
    """By a policy that is said in full; all timers have fired before."""
    recorded.ticked(LATER)
    other = OtherPolicy(policy.limit, timedelta(seconds=policy.window_s), timedelta(seconds=policy.period_s))
    return run(read(recorded), other, LATER, lambda _: None)


def end_period(recorded: Recorded, *, minutes: int) -> str:
    """By hand; says which."""
    state = recorded.state("d-1")
    assert state is not None
    assert state.period is not None
    period_id = state.period.period_id
    recorded.ordered(enable(period_id, enabled_at=START + timedelta(minutes=minutes)))
    return period_id


@pytest.fixture
def silenced() -> Recorded:
    """Two mailed, the third disables, three suppressed."""
    recorded = Recorded()
    recorded.changed("d-1", device(policy=TRIPS))
    recorded.heard(*(event(number) for number in range(1, 7)))
    return recorded


def random_policy(chance: Random) -> Policy:
    return Policy(
        limit=chance.choice((1, 2, 6)), window_s=chance.choice((60, 1800)), period_s=chance.choice((300, 604_800))
    )


def cut(recorded: Recorded, chance: Random, *kinds: Kind) -> None:
    """Take the oldest, as retention does."""
    for kind in kinds:
        del recorded.records[kind][: chance.randrange(len(recorded.records[kind]) + 1)]


def test_the_policy_that_was_in_force_gives_what_was(silenced: Recorded):
    silenced.ticked(START + timedelta(hours=2))
    silenced.heard(event(7, received_at=START + timedelta(hours=3)))

    found = simulated(silenced)

    assert found.was == found.told_again == found.would_be
    assert (found.was.notifications, found.was.suppressed, len(found.was.periods)) == (3, 3, 1)
    assert (found.differing(), found.begins_blank) == ([], False)


@pytest.mark.parametrize("lost", range(1, 7))
def test_events_that_retention_took_are_simulated_all_the_same(silenced: Recorded, lost: int):
    whole = simulated(silenced, Policy())
    del silenced.records[Kind.EVENT][:lost]

    found = simulated(silenced, Policy())

    assert (found.was, found.would_be) == (whole.was, whole.would_be)
    assert (found.was.notifications, found.would_be.notifications) == (2, 6)


@pytest.mark.parametrize("first", range(0, 100, HISTORIES_PER_TEST))
def test_wherever_retention_cuts_events_and_orders_the_policy_in_force_gives_what_was(first: int):
    for seed in range(first, first + HISTORIES_PER_TEST):
        chance = Random(seed)
        policy = random_policy(chance)
        recorded = played(seed, policy)
        cut(recorded, chance, Kind.EVENT, Kind.COMMAND)

        found = simulated(recorded, policy)

        assert found.was == found.told_again == found.would_be, f"history {seed}"
        assert found.differing() == [], f"history {seed}"


@pytest.mark.parametrize("first", range(0, 100, HISTORIES_PER_TEST))
def test_wherever_retention_cuts_anything_nothing_is_laid_at_the_policys_door(first: int):
    otherwise = 0
    for seed in range(first, first + HISTORIES_PER_TEST):
        chance = Random(seed)
        policy = random_policy(chance)
        recorded = played(seed, policy)
        cut(recorded, chance, Kind.EVENT, Kind.COMMAND, Kind.DECISION, Kind.DEVICE)

        found = simulated(recorded, policy)

        assert found.told_again == found.would_be, f"history {seed}"
        assert found.differing() == [], f"history {seed}"
        assert found.was.outcome_by_event.keys() == found.told_again.outcome_by_event.keys(), f"history {seed}"
        otherwise += not found.is_as_it_was

    assert otherwise


def test_a_beginning_that_is_gone_is_told_apart_from_the_policy(silenced: Recorded):
    del silenced.records[Kind.DECISION][:4]

    found = simulated(silenced, Policy(limit=1))

    assert (found.begins_blank, found.is_as_it_was) == (True, False)
    assert [tally.notifications for tally in (found.was, found.told_again, found.would_be)] == [0, 2, 1]
    assert [(one.was, one.told_again, one.would_be) for one in found.differing()] == [
        ("suppressed", "notify", "disabled"),
        ("suppressed", "disabled", "suppressed"),
    ]


def test_an_order_that_ended_nothing_ends_nothing(silenced: Recorded):
    ended = end_period(silenced, minutes=5)
    silenced.heard(*(event(number, received_at=START + timedelta(minutes=6, seconds=number)) for number in (7, 8, 9)))
    silenced.ordered(enable(ended, enabled_at=START + timedelta(minutes=7)))
    silenced.heard(event(10, received_at=START + timedelta(minutes=8)))

    found = simulated(silenced)

    assert found.was == found.would_be
    assert (found.was.notifications, found.was.suppressed, len(found.was.periods)) == (4, 4, 2)


def test_an_order_ends_the_period_that_another_policy_made(silenced: Recorded):
    end_period(silenced, minutes=5)

    found = simulated(silenced, Policy(limit=1, period_s=604_800))

    assert [until for _, until in found.would_be.periods] == [START + timedelta(minutes=5)]


def test_an_event_that_is_sent_again_days_later_is_another(silenced: Recorded):
    silenced.heard(event(1, received_at=START + timedelta(days=2)))

    found = simulated(silenced)

    assert found.was == found.would_be
    assert (found.was.notifications, len(found.was.outcome_by_event)) == (3, 7)

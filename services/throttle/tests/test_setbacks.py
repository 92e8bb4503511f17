from datetime import timedelta

import pytest

from ups_runtime.errors import ExitCode, Fatal, Retryable
from ups_runtime.testing import FakeClock
from ups_throttle.port import BrokerRefused
from ups_throttle.setbacks import FENCED_AGAIN_WITHIN_S, LONGEST_RETRY_S, MOST_REFUSALS, RECOVERED_AFTER_S, Setbacks
from ups_throttle.testing.samples import START

AWAY = Retryable("no answer")
REFUSED = BrokerRefused("cannot wait for acknowledgements: InvalidTimestampError")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


def test_brokers_that_are_away_are_waited_for_without_end(clock: FakeClock) -> None:
    setbacks = Setbacks(3, clock)

    pauses = [setbacks.failed(AWAY) for _ in range(10 * MOST_REFUSALS)]

    assert pauses[:3] == [0.2, 0.4, 0.8]
    assert pauses[-1] == LONGEST_RETRY_S


def test_the_same_refusal_again_and_again_ends_the_process_and_names_it(clock: FakeClock) -> None:
    setbacks = Setbacks(3, clock)
    for _ in range(MOST_REFUSALS - 1):
        setbacks.failed(REFUSED)
        setbacks.taken_over()
        setbacks.turned()

    with pytest.raises(Fatal, match=r"partition 3 .* InvalidTimestampError") as fatal:
        setbacks.failed(REFUSED)

    assert fatal.value.exit_code is ExitCode.REFUSED


def test_turns_between_refusals_do_not_shorten_the_pause(clock: FakeClock) -> None:
    setbacks = Setbacks(3, clock)
    pauses = []
    for _ in range(8):
        pauses.append(setbacks.failed(REFUSED))
        setbacks.taken_over()
        setbacks.turned()

    assert pauses[0] == 0.2
    assert pauses[-1] == LONGEST_RETRY_S


@pytest.mark.parametrize("last", [AWAY, REFUSED], ids=["away", "refused"])
def test_a_partition_that_was_owned_for_a_while_has_got_over_it(clock: FakeClock, last: Exception) -> None:
    setbacks = Setbacks(3, clock)
    for _ in range(MOST_REFUSALS - 1):
        setbacks.failed(REFUSED)
    setbacks.taken_over()
    clock.advance(timedelta(seconds=RECOVERED_AFTER_S))
    setbacks.turned()

    setbacks.failed(last)

    assert setbacks.failed(REFUSED) < LONGEST_RETRY_S


def test_fenced_now_and_then_is_no_reason_to_end(clock: FakeClock) -> None:
    setbacks = Setbacks(3, clock)
    setbacks.fenced()
    clock.advance(timedelta(seconds=FENCED_AGAIN_WITHIN_S))
    setbacks.fenced()
    clock.advance(timedelta(seconds=FENCED_AGAIN_WITHIN_S - 1))

    with pytest.raises(Fatal) as fatal:
        setbacks.fenced()

    assert fatal.value.exit_code is ExitCode.FENCED

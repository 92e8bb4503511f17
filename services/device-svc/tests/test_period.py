from dataclasses import replace
from datetime import timedelta

import pytest

from ups_device.domain import period as periods
from ups_device.domain.period import Answer, Period, State
from ups_device.testing.examples import NOW, WEEK
from ups_schemas.device import Actor, EnableNotifications

OPERATOR = Actor(kind="operator")
RUNNING = Period("p1", "d1", 1, since=NOW, until=NOW + WEEK)
COMMAND = EnableNotifications(
    command_id="c1", device_id="d1", ownership=1, period_id="p1", enabled_at=NOW, actor=OPERATOR, reason="seen to"
)


@pytest.mark.parametrize(
    ("period", "after", "expected"),
    [
        (None, WEEK, State.ENABLED),
        (RUNNING, timedelta(0), State.DISABLED),
        (RUNNING, WEEK, State.ENABLING),
        (replace(RUNNING, requested=COMMAND), timedelta(0), State.ENABLING),
        (replace(RUNNING, requested=COMMAND, enabled_at=NOW), timedelta(0), State.ENABLED),
    ],
)
def test_notifications_are_enabled_once_the_throttle_said_so(
    period: Period | None, after: timedelta, expected: State
) -> None:
    assert periods.state(period, NOW + after) is expected


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (RUNNING, COMMAND),
        (replace(RUNNING, requested=COMMAND), Answer.ALREADY_REQUESTED),
        (replace(RUNNING, enabled_at=NOW), Answer.ALREADY_ENABLED),
        (None, Answer.ALREADY_ENABLED),
    ],
)
def test_asking_gives_a_command_only_where_one_is_needed(
    period: Period | None, expected: EnableNotifications | Answer
) -> None:
    assert periods.enable(period, command_id="c1", actor=OPERATOR, reason="seen to", now=NOW) == expected

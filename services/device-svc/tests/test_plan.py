from datetime import timedelta

import pytest

from ups_device.domain import plan
from ups_device.testing.examples import NOW
from ups_schemas.device import Plan

DAY = timedelta(days=1)


def test_a_new_device_has_a_free_period_of_advanced() -> None:
    assert plan.initial(NOW, 365 * DAY) == Plan(name="advanced", until=NOW + 365 * DAY)


def test_without_plans_advanced_does_not_end() -> None:
    assert plan.initial(NOW, None) == Plan(name="advanced")


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        (None, 30 * DAY),
        (Plan(name="basic"), 30 * DAY),
        (Plan(name="standard"), 90 * DAY),
        (Plan(name="advanced", until=NOW + DAY), 365 * DAY),
        (Plan(name="advanced", until=NOW), 30 * DAY),
    ],
)
def test_a_row_is_kept_as_long_as_the_plan_in_force_at_the_decision_says(chosen: Plan | None, kept: timedelta) -> None:
    assert plan.kept_until(chosen, effective_at=NOW, received_at=NOW - DAY) == NOW - DAY + kept

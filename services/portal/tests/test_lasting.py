from datetime import timedelta

import pytest

from ups_portal.domain.lasting import lasted


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "less than a second"),
        (0, "less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (3_725, "1 hour 2 minutes"),
        (7_205, "2 hours"),
        (90_000, "1 day 1 hour"),
        (10 * 86_400 + 1, "10 days"),
    ],
)
def test_a_length_is_said_in_its_two_largest_units(seconds, said):
    assert lasted(timedelta(seconds=seconds)).said(str) == said

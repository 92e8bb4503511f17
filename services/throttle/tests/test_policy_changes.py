"""A policy that changes while a window fills, or while a disabled period runs."""

import pytest

from ups_throttle.testing.timeline import SIX, Timeline, clock, disabled


def test_a_limit_that_is_lowered_below_what_was_mailed_trips_at_the_next():
    line = Timeline()
    line.play(SIX)
    line.device(policy={"limit": 2})

    line.play("10:06  SECURITY_ALERT -> disabled & alert to ann bob")

    assert len(line.decisions[-1].tripped_by) == 7


def test_a_limit_that_is_raised_lets_as_many_more_through():
    line = Timeline()
    line.play(SIX)
    line.device(policy={"limit": 8})

    line.play("""
        10:06  SECURITY_ALERT -> notify to ann bob
        10:07  SECURITY_ALERT -> notify to ann bob
        10:08  SECURITY_ALERT -> disabled & alert to ann bob
    """)
    assert [decision.count.limit for decision in line.decisions[5:8]] == [6, 8, 8]


def test_a_window_that_is_made_longer_sees_what_was_mailed_before():
    line = Timeline()
    line.play(SIX)
    line.device(policy={"window_s": 86_400})

    line.play("20:00  SECURITY_ALERT -> disabled & alert to ann bob")


def test_a_window_that_is_made_shorter_forgets_what_lies_before_it_and_made_longer_sees_it_again():
    line = Timeline()
    line.play(SIX)
    line.device(policy={"window_s": 60})

    line.play("10:06  SECURITY_ALERT -> notify to ann bob")
    assert line.decisions[-1].count.position == 1

    line.device(policy={"window_s": 1800})
    line.play("10:07  SECURITY_ALERT -> disabled & alert to ann bob")


@pytest.mark.parametrize(
    "policy", [{"limit": 60, "window_s": 1, "period_s": 60}, {"limit": 1, "window_s": 86_400, "period_s": 2_592_000}]
)
def test_a_running_period_keeps_the_policy_it_started_with(policy):
    line = disabled()
    line.device(policy=policy)

    line.play("""
        10:30             SECURITY_ALERT -> suppressed
        +7d 10:05:59.999  SECURITY_ALERT -> suppressed
        +7d 10:06         tick           -> enabled/time to ann bob
    """)
    assert (line.decisions[-1].enabled_at, line.decisions[-1].until) == (clock("+7d_10:06"), clock("+7d_10:06"))


def test_an_order_after_the_end_that_the_period_started_with_comes_too_late_whatever_the_policy_says_now():
    line = disabled()
    line.device(policy={"period_s": 2_592_000})

    line.play("+7d 12:00  order -> enabled/time to ann bob")


def test_the_next_period_has_the_policy_of_its_own_start():
    line = disabled()
    line.device(policy={"limit": 2, "window_s": 60, "period_s": 3600})

    line.play("""
        +7d 10:06         tick           -> enabled/time to ann bob
        +7d 10:07         SECURITY_ALERT -> notify to ann bob
        +7d 10:08         SECURITY_ALERT -> notify to ann bob
        +7d 10:08:01      SECURITY_ALERT -> notify to ann bob
        +7d 10:08:02      SECURITY_ALERT -> disabled & alert to ann bob
        +7d 11:08:01.999  SECURITY_ALERT -> suppressed
        +7d 11:08:02      tick           -> enabled/time to ann bob
    """)


def test_a_plan_that_is_no_longer_advanced_takes_the_policy_back_from_the_next_decision_on():
    line = Timeline(policy={"limit": 2})
    line.play("""
        10:00  SECURITY_ALERT -> notify to ann bob
        10:01  SECURITY_ALERT -> notify to ann bob
    """)
    line.device(policy={"limit": 6}, plan={"name": "standard"})

    line.play("10:02  SECURITY_ALERT -> notify to ann bob")
    assert line.decisions[-1].count.position == 3

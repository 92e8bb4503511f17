"""Events that come late, and the one notification that tells of them."""

import pytest

from ups_schemas.decision import LateEventsDecided, NotificationsDisabled
from ups_schemas.device import Plan
from ups_throttle.testing.timeline import Timeline, clock, wants


def test_late_events_are_told_together_a_minute_after_the_last():
    line = Timeline()

    line.play("""
        10:00:00      ON_BATTERY late      -> late
        10:00:20      BATTERY_LOW late     -> late
        10:00:40      COMM_LOST late       -> late
        10:00:50      COMM_RESTORED late   -> not_told
        10:01:49.999  tick                 -> -
        10:01:50      tick                 -> late events notify to ann bob
        10:05:00      tick                 -> -
        10:06:00      POWER_RESTORED late  -> notify to ann bob
    """)

    told = next(decision for decision in line.decisions if isinstance(decision, LateEventsDecided))
    assert [incident.code for incident in told.open] == ["ON_BATTERY", "BATTERY_LOW"]
    assert told.count.position == 1
    assert told.open[0].told == ("ann", "bob")
    assert line.decisions[-1].closed[0].told_in == told.notification_id
    assert line.decisions[-1].count.position == 2


def test_late_events_are_told_before_what_happens_after_the_minute():
    Timeline().play("""
        10:00  ON_BATTERY late -> late
        10:02  POWER_RESTORED  -> late events notify to ann bob & notify to ann bob
    """)


def test_late_events_that_are_over_are_not_told():
    Timeline().play("""
        10:00:00  ON_BATTERY late     -> late
        10:00:10  POWER_RESTORED late -> not_told
        10:01:10  tick                -> -
    """)


def test_a_late_clear_of_a_told_raise_is_mailed():
    Timeline().play("""
        10:00  ON_BATTERY          -> notify to ann bob
        10:20  POWER_RESTORED late -> notify to ann bob
        10:21  tick                -> -
    """)


def test_a_late_pulse_is_only_logged():
    Timeline().play("""
        10:00  SECURITY_ALERT late -> late
        10:01  tick                -> -
    """)


def test_a_condition_that_was_judged_since_is_not_told_as_late():
    line = Timeline(subscriptions=(wants("ann", "critical"),))

    line.play("""
        10:00:00  COMM_LOST late   -> late
        10:00:30  COMM_LOST repeat -> below_severity
        10:01:00  tick             -> -
    """)


@pytest.mark.parametrize(
    ("device", "outcome"),
    [
        ({"plan": Plan(name="standard", until=clock("10:01"))}, "not_entitled/plan"),
        ({"plan": Plan(name="standard", until=clock("10:01:00.001"))}, "notify to ann bob"),
        ({"subscriptions": ()}, "no_subscriber"),
        ({"subscriptions": (wants("ann", "critical"),)}, "below_severity"),
        ({"ownership": 2}, "not_entitled/ownership_ended"),
    ],
)
def test_late_events_that_nobody_is_to_hear_of_say_why(device, outcome):
    line = Timeline()
    line.play("10:00  COMM_LOST late -> late")
    line.device(**device)

    line.play(f"""
        10:01  tick -> late events {outcome}
        10:05  tick -> -
    """)


def test_late_events_can_be_one_too_many():
    line = Timeline(policy={"limit": 1})

    line.play("""
        10:00:00  SECURITY_ALERT      -> notify to ann bob
        10:01:00  ON_BATTERY late     -> late
        10:02:00  tick                -> late events disabled & alert to ann bob
        10:03:00  BATTERY_LOW late    -> late
        10:05:00  tick                -> late events suppressed
        +7d 10:02 tick                -> enabled/time to ann bob
    """)

    alert = next(decision for decision in line.decisions if isinstance(decision, NotificationsDisabled))
    assert [(one.event_id, one.at) for one in alert.tripped_by] == [("e-1", clock("10:00")), ("e-2", clock("10:02"))]
    assert line.decisions[-1].suppressed_count == 1

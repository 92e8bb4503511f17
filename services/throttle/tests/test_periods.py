"""The disabled period, and its end, exactly once."""

from zoneinfo import ZoneInfo

import pytest

from ups_schemas.decision import EnabledBy, NotificationsEnabled
from ups_schemas.device import Plan
from ups_throttle.testing.timeline import SIX, Timeline, clock, disabled, wants


def test_events_in_the_period_are_suppressed_and_do_not_extend_it():
    line = disabled()

    line.play("""
        10:07             COMM_LOST      -> suppressed
        +7d 10:05:59.999  SECURITY_ALERT -> suppressed
        +7d 10:06         SECURITY_ALERT -> enabled/time to ann bob & notify to ann bob
    """)
    assert {decision.period_id for decision in line.decisions[6:10]} == {line.decisions[7].period_id}


def test_a_clear_of_what_was_told_before_the_period_is_suppressed_too():
    line = Timeline(policy={"limit": 1})

    line.play("""
        10:00  ON_BATTERY     -> notify to ann bob
        10:01  SECURITY_ALERT -> disabled & alert to ann bob
        10:02  POWER_RESTORED -> suppressed
    """)


def test_outcomes_that_come_earlier_in_the_order_hold_in_a_period_too():
    line = disabled()

    line.play("""
        10:07  ECO_ON          -> below_severity
        10:08  COMM_LOST late  -> late
        10:09  tick            -> late events suppressed
    """)


@pytest.mark.parametrize("fired", ["+7d 10:06", "+7d 10:07", "+17d 10:00"])
def test_by_time_it_ends_at_until_however_late_it_fires(fired):
    line = disabled()

    line.play(f"""
        +7d 10:05:59.999  tick -> -
        {fired}           tick -> enabled/time to ann bob
        +18d 10:00        tick -> -
    """)
    assert line.decisions[-1].enabled_at == clock("+7d_10:06")


def test_it_lasts_168_hours_also_where_the_clocks_are_put_forward_meanwhile():
    line = Timeline(policy={"limit": 1})

    line.play("""
        +143d 10:00        SECURITY_ALERT -> notify to ann bob
        +143d 10:06        SECURITY_ALERT -> disabled & alert to ann bob
        +150d 10:05:59.999 tick           -> -
        +150d 10:06        tick           -> enabled/time to ann bob
    """)
    berlin = [at.astimezone(ZoneInfo("Europe/Berlin")) for at in (line.decisions[-1].since, line.decisions[-1].until)]
    assert [at.isoformat() for at in berlin] == ["2027-03-24T11:06:00+01:00", "2027-03-31T12:06:00+02:00"]


def test_an_event_at_or_after_until_ends_the_period_itself_first():
    line = disabled()

    line.play("""
        +17d 10:00  SECURITY_ALERT -> enabled/time to ann bob & notify to ann bob
        +17d 10:00  tick           -> -
    """)
    assert line.decisions[-2].enabled_at == clock("+7d_10:06")
    assert line.decisions[-1].count.position == 1


def test_a_duplicate_does_not_end_the_period():
    line = Timeline(policy={"limit": 1, "period_s": 60})

    line.play("""
        10:00  SECURITY_ALERT id=1 -> notify to ann bob
        10:01  SECURITY_ALERT id=2 -> disabled & alert to ann bob
        10:03  SECURITY_ALERT id=1 -> duplicate
        10:03  STATUS              -> -
        10:03  tick                -> enabled/time to ann bob
    """)


def test_by_hand_it_ends_at_the_moment_of_the_order():
    line = disabled()

    line.play("""
        12:00         order          -> enabled/hand to ann bob
        11:59:59.999  SECURITY_ALERT -> suppressed
        12:00         SECURITY_ALERT -> notify to ann bob
        12:01         order          -> -
        +7d 10:06     tick           -> -
    """)
    ended = next(one for one in line.decisions if isinstance(one, NotificationsEnabled))
    assert (ended.enabled_at, ended.actor.user_id, ended.command_reason) == (
        clock("12:00"),
        "ann",
        "electrician was here",
    )


@pytest.mark.parametrize("order", ["period=another", "ownership=2"])
def test_an_order_for_another_period_does_nothing(order):
    line = disabled()

    line.play(f"""
        12:00  order {order}  -> -
        12:01  SECURITY_ALERT -> suppressed
    """)


def test_an_order_without_a_period_does_nothing():
    Timeline().play("12:00  order -> -")
    line = Timeline()
    line.play(SIX)

    line.play("12:00  order -> -")


@pytest.mark.parametrize(
    ("at", "by", "enabled_at"),
    [
        ("09:00", EnabledBy.HAND, "10:06"),
        ("10:06", EnabledBy.HAND, "10:06"),
        ("+7d_10:05:59.999", EnabledBy.HAND, "+7d_10:05:59.999"),
        ("+7d_10:06", EnabledBy.TIME, "+7d_10:06"),
        ("+9d_10:00", EnabledBy.TIME, "+7d_10:06"),
    ],
)
def test_an_order_ends_the_period_within_its_bounds(at, by, enabled_at):
    line = disabled()

    line.play(f"12:00  order at={at} -> enabled/{by} to ann bob")

    assert line.decisions[-1].enabled_at == clock(enabled_at)
    assert (line.decisions[-1].actor is None) == (by is EnabledBy.TIME)


def test_afterwards_the_window_starts_empty():
    line = disabled()

    line.play("10:07  order -> enabled/hand to ann bob")
    line.play(SIX.replace("10:0", "10:1"))
    assert line.decisions[-1].count.position == 6


def test_the_reconcile_mail_is_sent_also_when_nothing_happened():
    line = Timeline(policy={"limit": 1})

    line.play("""
        10:00      SECURITY_ALERT -> notify to ann bob
        10:01      SECURITY_ALERT -> disabled & alert to ann bob
        +7d 10:01  tick           -> enabled/time to ann bob
    """)
    ended = line.decisions[-1]
    assert (ended.open, ended.happened, ended.suppressed_count) == ((), (), 0)
    assert ended.notification_id is not None


def test_the_reconcile_mail_says_what_is_open_and_what_came_and_went():
    line = disabled()

    line.play("""
        10:07  POWER_RESTORED    -> not_told
        10:08  ON_BATTERY        -> suppressed
        10:09  POWER_RESTORED    -> not_told
        10:10  COMM_LOST         -> suppressed
        10:11  SECURITY_ALERT    -> suppressed
        10:12  ECO_ON            -> below_severity
        10:13  COMM_LOST repeat  -> suppressed
        10:20  order             -> enabled/hand to ann bob
    """)
    ended = line.decisions[-1]
    assert [(one.code, one.raised, one.cleared) for one in ended.happened] == [
        ("ON_BATTERY", 1, 2),
        ("COMM_LOST", 1, 0),
        ("SECURITY_ALERT", 1, 0),
        ("ECO_ON", 1, 0),
    ]
    assert [incident.code for incident in ended.open] == ["COMM_LOST", "ECO_ON"]
    assert ended.suppressed_count == 4


def test_what_the_reconcile_mail_lists_counts_as_told():
    line = disabled()
    line.device(subscriptions=(wants("bob"), wants("cem", "critical")))

    line.play("""
        12:00  order             -> enabled/hand to bob cem
        12:01  ON_BATTERY repeat -> repeat
        12:02  POWER_RESTORED    -> notify to bob cem
    """)
    assert line.decisions[-3].open[0].told == ("bob", "cem")
    assert line.decisions[-1].closed[0].told_in == line.decisions[-3].notification_id
    assert line.decisions[-1].count.position == 1


def test_what_is_taken_as_over_is_not_listed_and_not_told():
    line = disabled()

    line.play("""
        +7d 10:06  tick       -> enabled/time to ann bob
        +7d 10:07  ON_BATTERY -> notify end_not_reported to ann bob
    """)
    assert line.decisions[-2].open == ()


@pytest.mark.parametrize("device", [{"plan": Plan(name="basic")}, {"subscriptions": ()}])
def test_the_period_ends_without_mail_when_nobody_is_to_have_one(device):
    line = disabled()
    line.device(**device)

    line.play("+7d 10:06  tick -> enabled/time")
    assert line.decisions[-1].notification_id is None


def test_late_events_and_the_end_of_the_period_fire_in_order_of_time():
    line = Timeline(policy={"limit": 1, "period_s": 60})

    line.play("""
        10:00  SECURITY_ALERT   -> notify to ann bob
        10:01  SECURITY_ALERT   -> disabled & alert to ann bob
        10:01  ON_BATTERY late  -> late
        10:05  tick             -> enabled/time to ann bob
    """)
    line = Timeline(policy={"limit": 1, "period_s": 60})

    line.play("""
        10:00:00  SECURITY_ALERT   -> notify to ann bob
        10:01:00  SECURITY_ALERT   -> disabled & alert to ann bob
        10:01:01  COMM_LOST        -> suppressed
        10:02:30  ON_BATTERY late  -> enabled/time to ann bob & late
        10:05:00  tick             -> late events notify to ann bob
    """)

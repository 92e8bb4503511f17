"""What is mailed although notifications are disabled: one listed raise in 24 hours, and its end."""

import pytest

from ups_schemas.catalogue import Severity
from ups_schemas.device import Plan
from ups_throttle.testing.timeline import Timeline, disabled, wants

LISTED = ("SHUTDOWN_STARTED", "BATTERY_LOW")


def test_one_listed_raise_a_day_passes_with_its_clear_uncounted():
    line = disabled(pass_while_disabled=LISTED)

    line.play("""
        10:10             BATTERY_LOW         -> notify/passed_while_disabled to ann bob
        10:11             BATTERY_LOW repeat  -> repeat
        10:12             BATTERY_LOW_CLEARED -> notify/passed_while_disabled to ann bob
        10:13             BATTERY_LOW         -> suppressed
        10:14             BATTERY_LOW_CLEARED -> not_told
        10:15             SHUTDOWN_STARTED    -> suppressed
        10:16             COMM_LOST           -> suppressed
        +1d 10:09:59.999  BATTERY_LOW         -> suppressed
        +1d 10:10         BATTERY_LOW repeat  -> notify/passed_while_disabled to ann bob
    """)
    assert line.state.counted == ()
    assert line.state.period.suppressed == 4


def test_of_what_an_event_ends_only_the_passed_is_told():
    line = Timeline(policy={"limit": 1}, pass_while_disabled=("SHUTDOWN_STARTED",))
    line.play("""
        10:00  ON_BATTERY       -> notify to ann bob
        10:01  SECURITY_ALERT   -> disabled & alert to ann bob
    """)
    line.device(subscriptions=(wants("ann", codes=("ON_BATTERY",)), wants("bob"), wants("cem")))

    line.play("""
        10:02  SHUTDOWN_STARTED -> notify/passed_while_disabled to bob cem
        10:03  POWER_RESTORED   -> notify/passed_while_disabled to bob cem
    """)


def test_the_default_lets_nothing_pass():
    disabled().play("10:10  BATTERY_LOW -> suppressed")


def test_the_day_goes_on_through_the_end_of_a_period_and_into_the_next():
    line = disabled(pass_while_disabled=LISTED, policy={"limit": 6, "period_s": 3600})
    line.play("""
        10:10             BATTERY_LOW         -> notify/passed_while_disabled to ann bob
        10:11             BATTERY_LOW_CLEARED -> notify/passed_while_disabled to ann bob
        11:06             tick                -> enabled/time to ann bob
    """)
    line.device(policy={"limit": 1, "period_s": 604_800})

    line.play("""
        11:07             SECURITY_ALERT      -> notify to ann bob
        11:08             SECURITY_ALERT      -> disabled & alert to ann bob
        11:09             BATTERY_LOW         -> suppressed
        +1d 10:09:59.999  SHUTDOWN_STARTED    -> suppressed
        +1d 10:10         BATTERY_LOW repeat  -> notify/passed_while_disabled to ann bob
    """)


def test_what_passed_and_is_open_is_in_the_reconcile_mail_and_its_clear_is_an_ordinary_one():
    line = disabled(pass_while_disabled=LISTED)

    line.play("""
        10:07  POWER_RESTORED      -> not_told
        10:10  BATTERY_LOW         -> notify/passed_while_disabled to ann bob
        10:20  order               -> enabled/hand to ann bob
        10:21  BATTERY_LOW repeat  -> repeat
        10:22  BATTERY_LOW_CLEARED -> notify to ann bob
    """)

    ended, clear = line.decisions[-3], line.decisions[-1]
    assert [(one.code, one.told) for one in ended.open] == [("BATTERY_LOW", ("ann", "bob"))]
    assert ("BATTERY_LOW", 1, 0) in [(one.code, one.raised, one.cleared) for one in ended.happened]
    assert ended.suppressed_count == 0
    assert clear.count.position == 1


def test_what_passed_and_is_over_came_and_went_in_the_reconcile_mail():
    line = disabled(pass_while_disabled=LISTED)

    line.play("""
        10:10  BATTERY_LOW         -> notify/passed_while_disabled to ann bob
        10:11  BATTERY_LOW_CLEARED -> notify/passed_while_disabled to ann bob
        10:20  order               -> enabled/hand to ann bob
    """)

    ended = line.decisions[-1]
    assert [one.code for one in ended.open] == ["ON_BATTERY"]
    assert [(one.code, one.raised, one.cleared) for one in ended.happened] == [("BATTERY_LOW", 1, 1)]


def test_a_raise_that_is_read_after_an_end_by_hand_lies_in_the_period_and_passes():
    line = disabled(pass_while_disabled=LISTED)

    line.play("""
        12:00         order               -> enabled/hand to ann bob
        11:59:59.999  BATTERY_LOW         -> notify/passed_while_disabled to ann bob
        12:00         BATTERY_LOW_CLEARED -> notify to ann bob
    """)


def test_a_listed_pulse_passes_and_is_the_one_of_its_day():
    line = disabled(pass_while_disabled=("SECURITY_ALERT", "BATTERY_LOW"))

    line.play("""
        10:10  SECURITY_ALERT -> notify/passed_while_disabled to ann bob
        10:11  SECURITY_ALERT -> suppressed
        10:12  BATTERY_LOW    -> suppressed
    """)


def test_a_listed_code_that_is_one_too_many_disables_and_its_repeat_passes():
    line = Timeline(policy={"limit": 1}, pass_while_disabled=LISTED)

    line.play("""
        10:00  SECURITY_ALERT     -> notify to ann bob
        10:01  BATTERY_LOW        -> disabled & alert to ann bob
        10:02  BATTERY_LOW repeat -> notify/passed_while_disabled to ann bob
        10:03  BATTERY_LOW repeat -> repeat
    """)


@pytest.mark.parametrize(
    ("device", "outcome"),
    [
        ({"plan": Plan(name="basic")}, "not_entitled/plan"),
        ({"subscriptions": (wants("ann", on=False),)}, "no_subscriber"),
        ({"severity_overrides": {"BATTERY_LOW": Severity.INFO}}, "below_severity"),
        ({"subscriptions": (wants("ann", codes=("COMM_LOST",)),)}, "below_severity"),
    ],
)
def test_what_nobody_is_to_have_does_not_pass_and_leaves_the_day_to_another(device, outcome):
    line = disabled(pass_while_disabled=LISTED)
    before = line.snapshot.model_dump()
    line.device(**device)
    line.play(f"10:10  BATTERY_LOW -> {outcome}")
    line.device(**{name: before[name] for name in device})

    line.play("10:11  SHUTDOWN_STARTED -> notify/passed_while_disabled to ann bob")


def test_the_list_as_it_is_now_holds_also_in_a_period_that_runs():
    line = disabled()
    line.device(pass_while_disabled=LISTED)

    line.play("10:10  BATTERY_LOW -> notify/passed_while_disabled to ann bob")

    line.device(pass_while_disabled=())
    line.play("""
        10:11     BATTERY_LOW_CLEARED -> notify/passed_while_disabled to ann bob
        +2d 10:00 BATTERY_LOW         -> suppressed
    """)


def test_what_comes_late_does_not_pass():
    line = disabled(pass_while_disabled=LISTED)

    line.play("""
        10:10  BATTERY_LOW late   -> late
        10:12  tick               -> late events suppressed
        10:13  BATTERY_LOW repeat -> notify/passed_while_disabled to ann bob
    """)

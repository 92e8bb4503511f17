"""Which outcome an event has: product section 2's table, line by line."""

import pytest

from ups_schemas.catalogue import Severity
from ups_schemas.decision import EventDecided
from ups_schemas.device import Plan
from ups_throttle.testing.timeline import Timeline, clock, wants


def test_a_raise_goes_to_who_wants_it_and_its_clear_to_who_was_told():
    line = Timeline(subscriptions=(wants("ann", "critical"), wants("bob"), wants("cem", on=False)))

    line.play("""
        10:00  COMM_LOST       -> notify to bob
        10:01  ON_BATTERY      -> notify to ann bob
        10:02  COMM_RESTORED   -> notify to bob
        10:03  POWER_RESTORED  -> notify to ann bob
    """)


def test_a_clear_asks_for_neither_plan_nor_severity_nor_code():
    line = Timeline()
    line.play("10:00  ON_BATTERY -> notify to ann bob")
    line.device(plan=Plan(name="basic"), subscriptions=(wants("ann", "critical", codes=("OVERLOAD",)), wants("bob")))

    line.play("10:05  POWER_RESTORED -> notify to ann bob")


def test_who_was_told_and_has_unsubscribed_is_not_told_of_the_clear():
    line = Timeline()
    line.play("10:00  ON_BATTERY -> notify to ann bob")
    line.device(subscriptions=(wants("ann", on=False), wants("bob"), wants("cem")))

    line.play("10:05  POWER_RESTORED -> notify to bob")


def test_a_clear_of_what_nobody_who_listens_was_told_of_is_not_told():
    line = Timeline()
    line.play("10:00  ON_BATTERY -> notify to ann bob")
    line.device(subscriptions=(wants("cem"),))

    line.play("10:05  POWER_RESTORED -> not_told")


def test_a_clear_of_nothing_has_no_open_condition():
    Timeline().play("10:00  POWER_RESTORED -> no_open_condition")


def test_the_first_outcome_that_applies_is_taken():
    line = Timeline()

    line.play("""
        10:00  ON_BATTERY suspect test late id=1          -> suspect
        10:01  ON_BATTERY suspect test late id=1          -> duplicate
        10:02  ON_BATTERY test late by=bob                -> test to bob
        10:03  ON_BATTERY test                            -> test
        10:04  STATUS                                     -> -
        10:05  STATUS suspect                             -> suspect
        10:06  POWER_RESTORED occurred=10:06              -> no_open_condition
        10:07  ON_BATTERY late occurred=10:05             -> already_over
        10:07  ON_BATTERY occurred=10:07                  -> notify to ann bob
        10:07  ON_BATTERY late                            -> repeat
    """)


@pytest.mark.parametrize(
    ("device", "outcome"),
    [
        ({"plan": Plan(name="basic"), "subscriptions": ()}, "not_entitled/plan"),
        ({"plan": Plan(name="standard", until=clock("10:00"))}, "not_entitled/plan"),
        ({"plan": Plan(name="standard", until=clock("10:00:00.001"))}, "notify to ann bob"),
        ({"plan": Plan(name="advanced")}, "notify to ann bob"),
        ({"subscriptions": ()}, "no_subscriber"),
        ({"subscriptions": (wants("ann", on=False),)}, "no_subscriber"),
        ({"subscriptions": (wants("ann", "critical"),)}, "below_severity"),
        ({"subscriptions": (wants("ann", codes=("ON_BATTERY",)),)}, "below_severity"),
        ({"subscriptions": (wants("ann", codes=("COMM_LOST",)),)}, "notify to ann"),
        ({"severity_overrides": {"COMM_LOST": Severity.INFO}}, "below_severity"),
    ],
)
def test_a_raise_that_nobody_is_to_hear_of_says_why(device, outcome):
    line = Timeline(**device)

    line.play(f"10:00  COMM_LOST -> {outcome}")


def test_a_late_raise_is_late_whatever_the_plan_says():
    Timeline(plan=Plan(name="basic")).play("10:00  ON_BATTERY late -> late")


def test_an_event_of_an_unknown_device_is_not_entitled():
    line = Timeline()
    line.remove()

    line.play("""
        10:00  ON_BATTERY           -> not_entitled/device_unknown
        10:01  POWER_RESTORED       -> not_told
        10:02  ON_BATTERY test by=x -> test/device_unknown
    """)
    assert line.decisions[0].company_id is None


def test_a_pulse_opens_nothing():
    line = Timeline()

    line.play("""
        10:00  SECURITY_ALERT    -> notify to ann bob
        10:01  SECURITY_ALERT    -> notify to ann bob
        10:02  ON_BATTERY pulse  -> notify to ann bob
        10:03  POWER_RESTORED    -> no_open_condition
    """)
    assert line.state.incidents == ()


def test_the_severity_that_the_owner_set_is_on_the_row():
    line = Timeline(severity_overrides={"COMM_LOST": Severity.CRITICAL})

    line.play("10:00  COMM_LOST -> notify to ann bob")

    assert line.decisions[0].severity is Severity.CRITICAL
    assert line.decisions[0].opened[0].severity is Severity.CRITICAL


def test_a_severity_in_force_is_what_a_filter_goes_by():
    line = Timeline(subscriptions=(wants("ann", "critical"), wants("bob", "info")))
    line.device(severity_overrides={"COMM_LOST": Severity.CRITICAL, "ON_BATTERY": Severity.INFO, "OTHER": "warning"})

    line.play("""
        10:00  COMM_LOST                         -> notify to ann bob
        10:01  ON_BATTERY                        -> notify to bob
        10:02  OTHER native=1 severity=critical  -> notify to bob
    """)


def test_a_severity_that_is_lowered_keeps_nobody_from_the_clear_of_what_they_were_told():
    line = Timeline(subscriptions=(wants("ann", "critical"), wants("bob")))
    line.play("10:00  ON_BATTERY -> notify to ann bob")
    line.device(severity_overrides={"ON_BATTERY": Severity.INFO, "POWER_RESTORED": Severity.INFO})

    line.play("10:01  POWER_RESTORED -> notify to ann bob")


def test_a_severity_that_is_raised_makes_a_repeat_of_what_nobody_was_told_a_raise():
    line = Timeline()
    line.play("10:00  ECO_ON -> below_severity")
    line.device(severity_overrides={"ECO_ON": Severity.WARNING})

    line.play("10:01  ECO_ON repeat -> notify to ann bob")


def test_a_decision_says_what_it_was_judged_by():
    line = Timeline()
    line.device(name="Rack 5")

    line.play("10:00  ON_BATTERY -> notify to ann bob")

    [decision] = line.decisions
    assert decision.basis.device_version == 2
    assert (decision.basis.plan, decision.basis.policy) == (line.snapshot.plan, line.snapshot.policy)
    assert (decision.company_id, decision.ownership, decision.device_seq) == ("c-1", 1, 1)
    assert (decision.count.position, decision.count.limit, decision.count.window_s) == (1, 6, 1800)


def test_the_clock_never_goes_back():
    line = Timeline()

    line.play("""
        10:00  ON_BATTERY     -> notify to ann bob
        09:50  POWER_RESTORED -> notify to ann bob
    """)

    assert line.decisions[1].effective_at == clock("10:00")
    assert line.decisions[1].event.received_at == clock("09:50")


def test_a_status_pulse_changes_nothing():
    line = Timeline()
    line.play("10:00  ON_BATTERY -> notify to ann bob")
    before = line.state

    step = line.step("11:00", "STATUS")

    assert (line.state, step.outputs) == (before, ())


def test_a_resent_event_changes_nothing():
    line = Timeline()
    line.play("10:00  ON_BATTERY id=1 -> notify to ann bob")
    before = line.state

    line.play("10:01  ON_BATTERY id=1 -> duplicate")

    assert line.state == before


def test_an_id_is_known_for_a_day():
    line = Timeline()

    line.play("""
        10:00             SECURITY_ALERT id=1 -> notify to ann bob
        +1d 09:59:59.999  SECURITY_ALERT id=1 -> duplicate
        +1d 10:00         SECURITY_ALERT id=1 -> notify to ann bob
        +1d 10:00         SECURITY_ALERT id=1 -> duplicate
    """)


def test_the_last_64_ids_are_known():
    line = Timeline(subscriptions=())
    for number in range(65):
        line.play(f"10:00  SECURITY_ALERT id={number} -> no_subscriber")

    line.play("""
        10:00  SECURITY_ALERT id=1  -> duplicate
        10:00  SECURITY_ALERT id=64 -> duplicate
        10:00  SECURITY_ALERT id=0  -> no_subscriber
    """)


def test_every_row_is_complete():
    line = Timeline()

    line.play("""
        10:00  ON_BATTERY     -> notify to ann bob
        10:05  POWER_RESTORED -> notify to ann bob
    """)

    raised, cleared = line.decisions
    assert isinstance(cleared, EventDecided)
    assert cleared.closed[0].incident_id == raised.opened[0].incident_id
    assert cleared.closed[0].told == ("ann", "bob")
    assert cleared.closed[0].told_in == raised.notification_id
    assert cleared.notification_id != raised.notification_id

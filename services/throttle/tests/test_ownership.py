"""A device that changes hands, or is removed."""

import pytest

from ups_throttle.testing.timeline import Timeline, clock, disabled, wants


def test_another_ownership_has_fresh_state_and_drops_a_running_period_without_mail():
    line = disabled()
    line.device(ownership=2, company_id="c-2", owner="cem", subscriptions=(wants("cem"),))

    line.play("""
        10:07  ON_BATTERY      -> enabled/ownership_ended & notify to cem
        10:08  POWER_RESTORED  -> notify to cem
    """)
    ended, raised = line.decisions[-3:-1]
    assert (ended.ownership, ended.company_id, ended.notification_id) == (1, None, None)
    assert (raised.ownership, raised.company_id, raised.count.position) == (2, "c-2", 1)
    assert [decision.device_seq for decision in line.decisions] == list(range(1, 12))


def test_another_ownership_keeps_the_clock():
    line = Timeline()
    line.play("10:00  ON_BATTERY -> notify to ann bob")
    line.device(ownership=2)

    line.play("09:00  ON_BATTERY id=e-1 -> notify to ann bob")

    assert line.decisions[-1].effective_at == clock("10:00")


def test_an_event_of_an_ended_ownership_changes_nothing_of_the_new_one():
    line = Timeline(ownership=2)

    line.play("""
        10:00  ON_BATTERY                         -> notify to ann bob
        10:01  POWER_RESTORED ownership=1         -> not_entitled/ownership_ended
        10:02  ON_BATTERY repeat                  -> repeat
        10:03  ON_BATTERY ownership=1 test by=ann -> not_entitled/ownership_ended
        10:04  ON_BATTERY ownership=1 suspect     -> suspect
    """)
    assert (line.decisions[1].ownership, line.decisions[1].company_id) == (1, None)
    assert line.decisions[1].basis.device_version is None


def test_an_event_of_an_ownership_that_the_view_does_not_know_is_not_entitled():
    line = disabled()

    line.play("10:07  ON_BATTERY ownership=2 -> enabled/ownership_ended & not_entitled/device_unknown")


@pytest.mark.parametrize("what", ["+7d 10:06  tick", "+7d 10:06  order"])
def test_a_period_of_a_removed_device_ends_without_mail(what):
    line = disabled()
    line.remove()

    line.play(f"{what} -> enabled/ownership_ended")


def test_a_period_of_a_removed_device_ends_at_its_next_event():
    line = disabled()
    line.remove()

    line.play("10:07  ON_BATTERY -> enabled/ownership_ended & not_entitled/device_unknown")

    assert line.decisions[-2].enabled_at == clock("10:07")

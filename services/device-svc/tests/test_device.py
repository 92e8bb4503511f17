from dataclasses import replace
from datetime import timedelta

import pytest

from ups_device.domain import device as devices
from ups_device.domain.device import Change
from ups_device.domain.notification_settings import NotificationSettings
from ups_device.domain.policy import Override
from ups_device.domain.registration import first_choices
from ups_device.domain.subscription import Preferences
from ups_device.testing.examples import NOW, a_key, a_registration
from ups_schemas.catalogue import Severity
from ups_schemas.device import MAX_SUBSCRIPTIONS, DeviceScope, Plan, Policy, Subscription

DEVICE = a_registration().device
DAY = timedelta(days=1)
SETTINGS = NotificationSettings(Override(limit=2), {"COMM_LOST": Severity.INFO}, ("BATTERY_LOW",))
NOBODY = Preferences("nobody in particular")


def test_the_owner_is_subscribed_from_the_default_severity_up_unless_it_is_said_otherwise() -> None:
    ben = Subscription(user_id="ben", codes=("ON_BATTERY",))
    quiet_anna = Subscription(user_id="anna", on=False)

    default = first_choices("anna", Severity.WARNING, [ben])
    chosen = first_choices("anna", Severity.WARNING, [ben, quiet_anna])

    assert default == (Subscription(user_id="anna", min_severity=Severity.WARNING), ben)
    assert chosen == (quiet_anna, ben)


def test_a_key_speaks_for_the_device_at_the_version_that_made_it() -> None:
    change = devices.rotate(DEVICE, a_key(2), grace=DAY, now=NOW)

    assert change.keys[-1].scope == DeviceScope(device_id="d1", ownership=1, device_version=2)
    assert change.device.version == 2


def test_after_a_rotation_older_keys_end_with_the_grace_time_and_never_later_than_before() -> None:
    once = devices.rotate(DEVICE, a_key(2), grace=DAY, now=NOW).device

    twice = devices.rotate(once, a_key(3), grace=2 * DAY, now=NOW)

    assert [key.expires_at for key in twice.device.keys] == [NOW + DAY, NOW + 2 * DAY, None]
    assert [key.key_id for key in twice.keys] == [a_key(2).key_id, a_key(3).key_id]


def test_a_rotation_without_grace_leaves_one_key_that_is_accepted() -> None:
    device = devices.rotate(DEVICE, a_key(2), grace=timedelta(0), now=NOW).device

    assert [devices.is_live(key, NOW) for key in device.keys] == [False, True]


def test_a_rotation_drops_the_keys_that_ended_before() -> None:
    ended = devices.rotate(DEVICE, a_key(2), grace=timedelta(0), now=NOW).device

    change = devices.rotate(ended, a_key(3), grace=DAY, now=NOW)

    assert [key.key_id for key in change.dropped] == [a_key(1).key_id]
    assert [key.key_id for key in change.device.keys] == [a_key(2).key_id, a_key(3).key_id]


def test_revoking_touches_one_key_and_only_once() -> None:
    two = devices.rotate(DEVICE, a_key(2), grace=DAY, now=NOW).device

    change = devices.revoke(two, two.keys[1], NOW)

    assert change
    assert [key.revoked for key in change.device.keys] == [False, True]
    assert [key.version for key in change.keys] == [2]
    assert devices.revoke(change.device, change.device.keys[1], NOW) is None


def test_removal_revokes_every_key() -> None:
    change = devices.remove(devices.rotate(DEVICE, a_key(2), grace=DAY, now=NOW).device, NOW)

    assert change.device.removed_at == NOW
    assert [(key.revoked, key.key_id) for key in change.keys] == [(True, a_key(1).key_id), (True, a_key(2).key_id)]


def test_removal_leaves_a_revoked_key_as_it_is() -> None:
    revoked = devices.revoke(DEVICE, DEVICE.keys[0], NOW)
    assert revoked

    assert devices.remove(revoked.device, NOW).keys == ()


def test_republishing_gives_readers_a_newer_version_of_the_same() -> None:
    change = devices.republish(DEVICE, NOW)

    assert change.device.snapshot == DEVICE.snapshot.model_copy(update={"version": 2, "changed_at": NOW})
    assert [key.version for key in change.keys] == [2]


@pytest.mark.parametrize(
    "again",
    [
        devices.set_plan(DEVICE, DEVICE.snapshot.plan, NOW),
        devices.set_policy(DEVICE, Policy(), NOW),
        devices.subscribe(DEVICE, Subscription(user_id="anna"), NOBODY, NOW),
        devices.set_notifications(DEVICE, DEVICE.settings, NOW),
    ],
)
def test_what_is_so_already_is_no_change(again: Change | None) -> None:
    assert again is None


def test_a_change_is_the_next_version_with_the_rest_as_it_was() -> None:
    plan = devices.set_plan(DEVICE, Plan(name="basic"), NOW)
    policy = devices.set_policy(DEVICE, Policy(limit=3), NOW)

    assert plan
    assert plan.device.snapshot == DEVICE.snapshot.model_copy(
        update={"plan": Plan(name="basic"), "version": 2, "changed_at": NOW}
    )
    assert policy
    assert policy.device.snapshot.policy == Policy(limit=3)


def test_a_new_choice_takes_the_place_of_the_old_one() -> None:
    off = Subscription(user_id="anna", on=False)

    change = devices.subscribe(DEVICE, off, Preferences("anna"), NOW)

    assert change
    assert change.device.snapshot.subscriptions == (off,)


def test_a_full_device_takes_changed_choices_and_no_new_ones() -> None:
    full = DEVICE
    for number in range(MAX_SUBSCRIPTIONS - 1):
        change = devices.subscribe(full, Subscription(user_id=f"u{number}"), NOBODY, NOW)
        assert change
        full = change.device

    assert devices.subscribe(full, Subscription(user_id="u1", on=False), NOBODY, NOW)
    with pytest.raises(OverflowError):
        devices.subscribe(full, Subscription(user_id="one-too-many"), NOBODY, NOW)


def made(change: Change | None) -> devices.Device:
    assert change
    return change.device


def test_the_owners_settings_are_in_the_snapshot() -> None:
    device = made(devices.set_notifications(DEVICE, SETTINGS, NOW))

    assert device.snapshot == DEVICE.snapshot.model_copy(
        update={
            "version": 2,
            "policy": Policy(limit=2),
            "severity_overrides": {"COMM_LOST": Severity.INFO},
            "pass_while_disabled": ("BATTERY_LOW",),
            "changed_at": NOW,
        }
    )
    assert device.settings == SETTINGS


@pytest.mark.parametrize("plan", ["standard", "basic"])
def test_an_owners_policy_rests_while_the_plan_is_another_and_comes_back_with_advanced(plan: str) -> None:
    advanced = made(devices.set_notifications(DEVICE, SETTINGS, NOW))

    other = made(devices.set_plan(advanced, Plan.model_validate({"name": plan}), NOW))
    company = made(devices.set_policy(other, Policy(limit=9, window_s=60), NOW))
    again = made(devices.set_plan(company, Plan(name="advanced"), NOW))

    assert other.snapshot.policy == Policy()
    assert company.snapshot.policy == Policy(limit=9, window_s=60)
    assert again.snapshot.policy == Policy(limit=2, window_s=60)
    assert [device.settings for device in (other, company, again)] == [SETTINGS] * 3


def test_a_companys_policy_comes_below_the_owners() -> None:
    device = made(devices.set_notifications(DEVICE, SETTINGS, NOW))

    under = made(devices.set_policy(device, Policy(limit=9, window_s=60), NOW))
    without = made(devices.set_notifications(under, replace(SETTINGS, override=Override()), NOW))

    assert under.snapshot.policy == Policy(limit=2, window_s=60)
    assert without.snapshot.policy == Policy(limit=9, window_s=60)
    assert devices.set_policy(under, Policy(limit=9, window_s=60), NOW) is None

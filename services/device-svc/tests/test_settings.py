from datetime import timedelta

import pytest

from ups_device.settings import Settings
from ups_runtime.settings import SettingsError, load
from ups_schemas.catalogue import Severity
from ups_schemas.device import Policy

NEEDED = {"UPS_OPERATOR_TOKEN": "an operator's token", "UPS_LINK_KEYS": "k" * 32}


def test_the_defaults_are_the_products() -> None:
    settings = load(Settings, NEEDED)

    assert settings.policy.policy == Policy(limit=6, window_s=1800, period_s=604_800)
    assert settings.device.free_period == timedelta(days=365)
    assert settings.device.owner_min_severity is Severity.WARNING


def test_plans_can_be_switched_off() -> None:
    assert load(Settings, {**NEEDED, "UPS_DEVICE_PLANS": "off"}).device.free_period is None


def test_every_wrong_setting_is_named() -> None:
    environ = {
        "UPS_DEVICE_PLANS": "maybe",
        "UPS_DEVICE_FREE_PERIOD": "3",
        "UPS_POLICY_LIMIT": "61",
        "UPS_POLICY_WINDOW_S": "86401",
        "UPS_POLICY_PERIOD_S": "0",
    }

    with pytest.raises(SettingsError) as error:
        load(Settings, environ)

    named = {problem.partition(":")[0] for problem in error.value.problems}
    assert named == {*environ, *NEEDED}

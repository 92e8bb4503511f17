import base64
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


def test_secrets_of_the_purchase_webhook_are_those_of_standard_webhooks() -> None:
    secrets = ",".join(f"whsec_{base64.b64encode(letter * 32).decode()}" for letter in (b"n", b"o"))

    given = load(Settings, {**NEEDED, "UPS_DEVICE_PURCHASE_SECRETS": secrets}).device

    assert given.webhook_secrets == (b"n" * 32, b"o" * 32)
    assert load(Settings, NEEDED).device.webhook_secrets == ()
    assert secrets not in repr(given)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=", "whsec_no base64"]
)
def test_what_is_no_secret_of_a_webhook_is_named_without_it(secret: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(Settings, {**NEEDED, "UPS_DEVICE_PURCHASE_SECRETS": f"whsec_{'bm5u' * 10},{secret}"})

    [problem] = error.value.problems
    assert problem.startswith("UPS_DEVICE_PURCHASE_SECRETS: give secrets like whsec_…")

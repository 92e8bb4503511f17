import pytest

from ups_portal.settings import Settings
from ups_runtime.settings import SettingsError, load


def test_it_must_be_told_where_device_svc_is():
    with pytest.raises(SettingsError, match="UPS_BACKEND_DEVICE_URL: is required"):
        load(Settings, {})


def test_it_takes_what_the_installation_calls_itself():
    settings = load(Settings, {"UPS_BACKEND_DEVICE_URL": "http://device-svc:8080", "UPS_PORTAL_NAME": "Acme Power"})

    assert settings.portal.name == "Acme Power"

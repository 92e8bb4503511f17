import pytest

from ups_portal.settings import Settings
from ups_runtime.settings import SettingsError, load

WHERE = {"UPS_BACKEND_DEVICE_URL": "http://device-svc:8080", "UPS_BACKEND_INVITE_URL": "http://invite-svc:8080"}


@pytest.mark.parametrize("name", ["UPS_BACKEND_DEVICE_URL", "UPS_BACKEND_INVITE_URL"])
def test_it_must_be_told_where_the_services_are(name):
    with pytest.raises(SettingsError, match=f"{name}: is required"):
        load(Settings, {})


def test_it_takes_what_the_installation_calls_itself():
    settings = load(Settings, WHERE | {"UPS_PORTAL_NAME": "Acme Power"})

    assert settings.portal.name == "Acme Power"

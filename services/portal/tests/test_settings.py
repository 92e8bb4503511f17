import pytest

from ups_portal.settings import Settings
from ups_runtime.settings import SettingsError, load

OLD, NEW = "o" * 32, "n" * 32
WHERE = {
    "UPS_BACKEND_DEVICE_URL": "http://device-svc:8080",
    "UPS_BACKEND_INVITE_URL": "http://invite-svc:8080",
    "UPS_PORTAL_SESSION_KEYS": f"{NEW},\n{OLD}\n",
}


@pytest.mark.parametrize("name", ["UPS_BACKEND_DEVICE_URL", "UPS_BACKEND_INVITE_URL", "UPS_PORTAL_SESSION_KEYS"])
def test_it_must_be_told_where_the_services_are_and_what_to_seal_with(name):
    with pytest.raises(SettingsError, match=f"{name}: is required"):
        load(Settings, {})


def test_it_takes_what_the_installation_calls_itself():
    settings = load(Settings, WHERE | {"UPS_PORTAL_NAME": "Acme Power"})

    assert settings.portal.name == "Acme Power"


def test_it_takes_several_keys_the_newest_first_and_none_that_can_be_guessed():
    assert load(Settings, WHERE).portal.ring() == (NEW, OLD)
    for few in ("", " , ", "k" * 31, f"{NEW},short"):
        with pytest.raises(SettingsError, match="UPS_PORTAL_SESSION_KEYS") as refused:
            load(Settings, WHERE | {"UPS_PORTAL_SESSION_KEYS": few})
        assert "short" not in str(refused.value).replace("shortest", "")

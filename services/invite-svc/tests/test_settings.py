import pytest

from ups_invite.settings import Settings
from ups_runtime.settings import SettingsError, load

NEEDED = {"UPS_OPERATOR_TOKEN": "an operator's token", "UPS_INVITE_SECRET": "s" * 32}


def test_nobody_is_believed_where_a_request_comes_from_unless_it_is_said() -> None:
    assert load(Settings, NEEDED).invite.trusted_proxies == ""


@pytest.mark.parametrize("networks", ["10.0.0.7", "10.0.0.0/8, fd00::/8"])
def test_proxies_are_named_by_addresses_and_networks(networks: str) -> None:
    assert load(Settings, {**NEEDED, "UPS_INVITE_TRUSTED_PROXIES": networks}).invite.trusted_proxies == networks


@pytest.mark.parametrize("networks", ["*", "portal", "10.0.0.0/33", "10.0.0.1/8"])
def test_whoever_could_be_anybody_is_refused(networks: str) -> None:
    with pytest.raises(SettingsError) as error:
        load(Settings, {**NEEDED, "UPS_INVITE_TRUSTED_PROXIES": networks})

    assert [problem.partition(":")[0] for problem in error.value.problems] == ["UPS_INVITE_TRUSTED_PROXIES"]

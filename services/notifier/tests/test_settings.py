import pytest

from ups_notifier.settings import Settings
from ups_runtime.settings import SettingsError, load

NEEDED = {"UPS_OPERATOR_TOKEN": "operator-token-of-tests", "UPS_LINK_KEYS": "k" * 32}


def test_the_least_environment_is_enough():
    settings = load(Settings, NEEDED)

    assert (settings.smtp.host, settings.smtp.port, settings.notifier.lease_s) == ("localhost", 25, 60)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UPS_SMTP_PORT", "0"),
        ("UPS_SMTP_TLS", "maybe"),
        ("UPS_SMTP_HELO_NAME", "a b"),
        ("UPS_SMTP_HOTS", "mail"),
        ("UPS_MAIL_EVENT_FROM", "nobody"),
        ("UPS_MAIL_EVENT_FROM", "A <a@b.example>\r\nBcc: c@d.example"),
        ("UPS_MAIL_ACCOUNT_FROM", "nobody"),
        ("UPS_MAIL_RETURN_ADDRESS", "nobody"),
        ("UPS_MAIL_RETURN_ADDRESS", "Bounces <bounces@example.com>"),
        ("UPS_MAIL_RETURN_ADDRESS", "too-long-a-prefix@example.com"),
        ("UPS_MAIL_RETURN_ADDRESS", "a+b@example.com"),
        ("UPS_NOTIFIER_BOUNCE_SECRET", "short"),
        ("UPS_LINK_KEYS", "short"),
        ("UPS_NOTIFIER_LEASE_S", "0"),
    ],
)
def test_a_wrong_setting_is_named(name, value):
    with pytest.raises(SettingsError, match=name):
        load(Settings, NEEDED | {name: value})


@pytest.mark.parametrize(
    ("environment", "account"),
    [
        ({}, "Ridethrough <account@localhost>"),
        ({"UPS_MAIL_EVENT_FROM": "UPS mail <alarm@example.com>"}, "UPS mail <account@example.com>"),
        ({"UPS_MAIL_ACCOUNT_FROM": "accounts@example.org"}, "accounts@example.org"),
    ],
)
def test_account_mail_is_from_an_address_of_its_own(environment, account):
    assert load(Settings, NEEDED | environment).mail.account == account


def test_a_password_is_not_sent_in_the_open():
    with pytest.raises(SettingsError, match="without TLS") as refused:
        load(Settings, NEEDED | {"UPS_SMTP_USERNAME": "ups", "UPS_SMTP_PASSWORD": "hunter22"})

    assert "hunter22" not in str(refused.value)


def test_all_faults_are_named_at_once():
    with pytest.raises(SettingsError) as refused:
        load(Settings, {"UPS_SMTP_PORT": "x"})

    assert {problem.split(":")[0] for problem in refused.value.problems} == {
        "UPS_SMTP_PORT",
        "UPS_OPERATOR_TOKEN",
        "UPS_LINK_KEYS",
    }


def test_bounces_have_an_address_and_a_secret_only_if_given():
    settings = load(Settings, NEEDED)
    assert (settings.mail.return_address, settings.notifier.bounce_secret) == (None, None)

    given = {"UPS_MAIL_RETURN_ADDRESS": "bounces@example.com", "UPS_NOTIFIER_BOUNCE_SECRET": "s" * 32}
    settings = load(Settings, NEEDED | given)
    assert settings.mail.return_address == "bounces@example.com"
    assert "s" * 32 not in repr(settings)


@pytest.mark.parametrize(
    "url", ["https://shop.example.com/{device_id}", "https://shop.example.com/buy?ups={device_id}"]
)
def test_a_shop_can_be_told_which_ups_it_is_about(url):
    given = load(Settings, {**NEEDED, "UPS_PORTAL_PURCHASE_URL": url})

    assert given.portal.purchase_url == url


@pytest.mark.parametrize("url", ["shop.example.com", "javascript:alert(1)", "", "https://", "ftp://shop.example.com"])
def test_a_shop_that_is_no_web_address_is_named(url):
    with pytest.raises(SettingsError) as error:
        load(Settings, {**NEEDED, "UPS_PORTAL_PURCHASE_URL": url})

    assert [problem.partition(":")[0] for problem in error.value.problems] == ["UPS_PORTAL_PURCHASE_URL"]

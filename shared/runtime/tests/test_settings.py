from dataclasses import dataclass
from typing import ClassVar

import pytest
from pydantic import SecretStr

from ups_runtime.settings import (
    Group,
    HttpSettings,
    KafkaSettings,
    OperatorSettings,
    SettingsError,
    load,
)


class Own(Group):
    env_prefix: ClassVar[str] = "UPS_OWN_"
    size: int = 3
    password: SecretStr = SecretStr("")


class Longer(Group):
    env_prefix: ClassVar[str] = "UPS_OWN_MORE_"
    size: int = 4


@dataclass(frozen=True)
class Settings:
    kafka: KafkaSettings
    operator: OperatorSettings
    own: Own


@dataclass(frozen=True)
class SharedOnly:
    kafka: KafkaSettings
    http: HttpSettings


@dataclass(frozen=True)
class Overlapping:
    own: Own
    longer: Longer


TOKEN = {"UPS_OPERATOR_TOKEN": "sixteen-characters-or-more"}


def test_settings_come_from_the_environment() -> None:
    settings = load(Settings, TOKEN | {"UPS_KAFKA_BOOTSTRAP_SERVERS": "a:1", "UPS_OWN_SIZE": "7"})

    assert settings.kafka.bootstrap_servers == "a:1"
    assert settings.own.size == 7


def test_every_fault_is_named_at_once_and_no_secret_is_shown() -> None:
    environ = {
        "UPS_OPERATOR_TOKEN": "too-short-a-one",
        "UPS_KAFKA_BOOTSTRAP_SERVER": "a:1",
        "UPS_KAFKA_SECURITY_PROTOCOL": "carrier pigeon",
        "UPS_OWN_SIZE": "many",
    }

    with pytest.raises(SettingsError) as caught:
        load(Settings, environ)

    text = str(caught.value)
    assert "UPS_KAFKA_BOOTSTRAP_SERVER: no such setting; did you mean UPS_KAFKA_BOOTSTRAP_SERVERS?" in text
    assert "UPS_KAFKA_SECURITY_PROTOCOL: " in text
    assert "UPS_OWN_SIZE: " in text
    assert "UPS_OPERATOR_TOKEN: " in text
    assert "too-short-a-one" not in text


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(SettingsError, match="UPS_OPERATOR_TOKEN: is required"):
        load(Settings, {})


def test_names_of_others_are_left_alone() -> None:
    assert load(Settings, TOKEN | {"UPS_THROTTLE_SERVICE_HOST": "10.0.0.1", "PATH": "/bin"}).own.size == 3


def test_the_longest_prefix_owns_a_name() -> None:
    settings = load(Overlapping, {"UPS_OWN_MORE_SIZE": "9"})

    assert (settings.own.size, settings.longer.size) == (3, 9)


def test_a_secret_may_stand_in_a_file(tmp_path) -> None:
    path = tmp_path / "password"
    path.write_text("hunter2\n")

    settings = load(Settings, TOKEN | {"UPS_OWN_PASSWORD_FILE": str(path)})

    assert settings.own.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


def test_a_secret_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="UPS_OWN_PASSWORD_FILE: cannot read the file: No such file"):
        load(Settings, TOKEN | {"UPS_OWN_PASSWORD_FILE": "/does/not/exist"})


def test_a_secret_file_that_is_no_text_is_named(tmp_path) -> None:
    path = tmp_path / "password"
    path.write_bytes(b"\xff\x00hunter2")

    with pytest.raises(SettingsError, match="UPS_OWN_PASSWORD_FILE: cannot read the file: it is not text") as caught:
        load(Settings, TOKEN | {"UPS_OWN_PASSWORD_FILE": str(path)})
    assert "hunter2" not in str(caught.value)


def test_a_secret_is_not_given_twice(tmp_path) -> None:
    path = tmp_path / "password"
    path.write_text("hunter2\n")

    with pytest.raises(SettingsError, match="UPS_OWN_PASSWORD is set, too"):
        load(Settings, TOKEN | {"UPS_OWN_PASSWORD_FILE": str(path), "UPS_OWN_PASSWORD": "hunter3"})


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"UPS_KAFKA_BOOTSTRAP_SERVERS": "localhost:abc"}, "UPS_KAFKA_BOOTSTRAP_SERVERS: give host:port"),
        ({"UPS_KAFKA_BOOTSTRAP_SERVERS": "a:1,"}, "UPS_KAFKA_BOOTSTRAP_SERVERS: give host:port"),
        ({"UPS_KAFKA_BOOTSTRAP_SERVERS": "http://a:1"}, "UPS_KAFKA_BOOTSTRAP_SERVERS: give host:port"),
        ({"UPS_KAFKA_SSL_CA_FILE": "/does/not/exist"}, "UPS_KAFKA_SSL_CA_FILE: no certificates can be read"),
        ({"UPS_KAFKA_SSL_CA_FILE": __file__}, "UPS_KAFKA_SSL_CA_FILE: no certificates can be read"),
        ({"UPS_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "UPS_KAFKA_.*SASL_SSL needs UPS_KAFKA_SASL_USERNAME"),
        ({"UPS_HTTP_PORTS_FILE": "/does/not/exist"}, "UPS_HTTP_PORTS_FILE: its folder does not exist"),
    ],
)
def test_what_would_only_fail_later_is_named_at_the_start(environ: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load(SharedOnly, environ)


@pytest.mark.parametrize("brokers", ["a:1", "a.example:9092, b-2:9093", "[::1]:9092"])
def test_brokers_are_given_by_host_and_port(brokers: str) -> None:
    assert load(SharedOnly, {"UPS_KAFKA_BOOTSTRAP_SERVERS": brokers}).kafka.bootstrap_servers == brokers


def test_a_setting_that_is_no_secret_has_no_file_form() -> None:
    with pytest.raises(SettingsError, match="UPS_OWN_SIZE_FILE: no such setting"):
        load(Settings, TOKEN | {"UPS_OWN_SIZE_FILE": "/etc/hostname"})

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ups_cli.app import app
from ups_cli.settings import http_target, kafka_target

Ups = Callable[..., Result]


def write_stack(folder: Path, **changes: Any) -> None:
    stack = {
        "operator_token": "token-of-the-stack",
        "services": {"device-svc": {"url": "http://127.0.0.1:8101"}, "throttle": {"url": None, "pid": 7}},
        "kafka_bootstrap": "127.0.0.1:9192",
        "kafka_prefix": "demo",
        "mongo_uri": "mongodb://127.0.0.1/",
        "inbox_url": "http://127.0.0.1:1080",
        "pids": {"kafka": 1},
    }
    (folder / ".devstack").mkdir()
    (folder / ".devstack" / "stack.json").write_text(json.dumps(stack | changes))


def test_without_settings_the_stack_of_this_folder_or_one_above_is_taken(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack(nowhere)
    below = nowhere / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    target, kafka = http_target(), kafka_target()

    assert target.operator.token.get_secret_value() == "token-of-the-stack"
    assert str(target.cli.device_url) == "http://127.0.0.1:8101/"
    assert target.cli.ingest_url is None
    assert (kafka.bootstrap_servers, kafka.prefix) == ("127.0.0.1:9192", "demo")


def test_the_environment_is_never_mixed_with_the_stack(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_stack(nowhere)
    monkeypatch.setenv("UPS_KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")

    assert (kafka_target().bootstrap_servers, kafka_target().prefix) == ("kafka.example:9092", "")


def test_without_settings_and_stack_the_command_says_what_to_set(ups: Ups) -> None:
    result = ups("device", "list")

    assert result.exit_code == 2
    assert "UPS_OPERATOR_TOKEN: is required" in result.stderr
    assert "stack.json" in result.stderr


def test_a_missing_url_is_named(ups: Ups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPS_OPERATOR_TOKEN", "long-enough-a-token")

    result = ups("user", "list")

    assert result.exit_code == 2
    assert "set UPS_CLI_INVITE_URL" in result.stderr


def test_a_wrong_setting_is_named_without_its_value(ups: Ups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPS_OPERATOR_TOKEN", "short")
    monkeypatch.setenv("UPS_CLI_DEVICE_URI", "http://127.0.0.1:1")

    result = ups("device", "list")

    assert result.exit_code == 2
    assert "did you mean UPS_CLI_DEVICE_URL?" in result.stderr
    assert "UPS_OPERATOR_TOKEN" in result.stderr
    assert "short'" not in result.stderr


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"operator_token": 1}'])
def test_a_broken_stack_file_is_named(nowhere: Path, ups: Ups, broken: str) -> None:
    (nowhere / ".devstack").mkdir()
    (nowhere / ".devstack" / "stack.json").write_text(broken)

    result = ups("device", "list")

    assert result.exit_code == 2
    assert "stack.json" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [(["devce"], "device"), (["topics", "chek"], "check"), (["device", "lst"], "list")],
)
def test_a_wrong_command_gets_a_suggestion(ups: Ups, arguments: list[str], suggestion: str) -> None:
    result = ups(*arguments)

    assert result.exit_code == 2
    assert f"'{suggestion}'" in result.stderr


def test_a_wrong_moment_or_id_is_wrong_use(connected: Any, ups: Ups) -> None:
    assert ups("device", "events", "ups-1", "--from", "yesterday").exit_code == 2
    assert ups("dlq", "show", "seventeen").exit_code == 2
    assert ups("dlq", "list", "portal").exit_code == 2


def test_help_names_the_exit_codes() -> None:
    result = CliRunner().invoke(app, ["--help"])

    assert "3 not" in result.stdout

import json
import logging

import pytest
import structlog

from ups_runtime.logging import configure, get_logger
from ups_runtime.settings import LogSettings


@pytest.fixture(autouse=True)
def restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_json_with_its_service(capsys) -> None:
    configure(LogSettings(), "notifier")

    get_logger("smtp").info("mail.accepted", attempt=2)

    (line,) = lines(capsys)
    assert (line["event"], line["service"], line["level"], line["attempt"]) == ("mail.accepted", "notifier", "info", 2)


def test_secrets_addresses_and_bodies_are_hidden_whoever_logs_them(capsys) -> None:
    configure(LogSettings(), "notifier")

    get_logger("smtp").info("mail.accepted", token="t0p", to_address="a@b.example", body="text", mongo_uri="m://u:p@h")
    logging.getLogger("somelibrary").warning("connected", extra={"password": "hunter2"})

    text = capsys.readouterr().err
    assert not any(secret in text for secret in ("t0p", "a@b.example", "u:p@h", "hunter2", '"text"'))


@pytest.mark.parametrize("format_", ["json", "console"])
def test_a_trace_shows_no_variables_since_secrets_are_among_them(capsys, format_) -> None:
    configure(LogSettings(format=format_), "notifier")
    headers = ["hunter" + str(1 + 1)]

    try:
        headers.index("nothing")
    except ValueError:
        get_logger("http").exception("request.crashed")

    text = capsys.readouterr().err
    assert "ValueError" in text
    assert "hunter2" not in text


def test_libraries_are_heard_from_warning_up(capsys) -> None:
    configure(LogSettings(level="debug"), "notifier")

    logging.getLogger("aiokafka").info("chatter")
    logging.getLogger("aiokafka").warning("trouble")

    assert [line["event"] for line in lines(capsys)] == ["trouble"]


def test_console_lines_are_for_people(capsys) -> None:
    configure(LogSettings(format="console"), "notifier")

    get_logger("smtp").info("mail.accepted", attempt=2)

    assert "mail.accepted" in capsys.readouterr().err

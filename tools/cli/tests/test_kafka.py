import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import Result

from ups_runtime.kafka import apply_topics, producer, started, transactional_producer
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import TOPICS

Ups = Callable[..., Result]


@pytest.fixture
def kafka(stack: Any, prefix: str, nowhere: Any, monkeypatch: pytest.MonkeyPatch) -> KafkaSettings:
    monkeypatch.setenv("UPS_KAFKA_BOOTSTRAP_SERVERS", stack.kafka_bootstrap)
    monkeypatch.setenv("UPS_KAFKA_PREFIX", prefix)
    return KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)


def test_topics_are_applied_once_and_then_right(kafka: KafkaSettings, ups: Ups) -> None:
    missing = ups("topics", "check", "--json")
    applied = ups("topics", "apply")
    again = ups("topics", "apply", "--replication-factor", "1", "--json")
    checked = ups("topics", "check")

    assert missing.exit_code == 1
    assert [one["wrong"] for one in json.loads(missing.stdout)["differences"]] == ["missing"] * len(TOPICS)
    assert applied.exit_code == 0
    assert applied.stdout.count("created ") == len(TOPICS)
    assert "1 copies" in applied.stderr
    assert json.loads(again.stdout) == {"changes": [], "differences": []}
    assert (checked.exit_code, checked.stdout) == (0, f"All {len(TOPICS)} topics are as the registry says.\n")


def test_a_factor_that_the_brokers_refuse_is_said_without_a_traceback(kafka: KafkaSettings, ups: Ups) -> None:
    result = ups("topics", "apply", "--replication-factor", "5")

    assert result.exit_code == 1
    assert "eplication" in result.stderr
    assert "Traceback" not in result.output


def test_brokers_that_are_away_are_said(ups: Ups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPS_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")

    for command in (["topics", "check"], ["topics", "apply"], ["dlq", "list"]):
        result = ups(*command)

        assert result.exit_code == 3
        assert "UPS_KAFKA_BOOTSTRAP_SERVERS" in result.stderr
        assert "Traceback" not in result.output


async def put_aside(client: AIOKafkaProducer, prefix: str, service: str, value: bytes, error: str) -> None:
    headers = [
        ("dlq_reason", b"undecodable"),
        ("dlq_error", error.encode()),
        ("dlq_topic", f"{prefix}.ups.events.v1".encode()),
        ("dlq_partition", b"3"),
        ("dlq_offset", b"42"),
        ("dlq_dead_at", b"2026-11-22T10:15:30.125Z"),
        ("binary", b"\xff\x00"),
    ]
    await client.send_and_wait(f"{prefix}.dead-letters.{service}.v1", key=b"ups-1", value=value, headers=headers)


@pytest.fixture
async def letters(kafka: KafkaSettings) -> None:
    await apply_topics(kafka, TOPICS, 1, get_logger("test"))
    async with started(producer(kafka, "test")) as client:
        for number in range(3):
            await put_aside(client, kafka.prefix, "event-ingest", f"bad {number}".encode(), "no JSON")
    async with started(transactional_producer(kafka, "test-throttle")) as client:
        for number in range(3):
            async with client.transaction():
                await put_aside(client, kafka.prefix, "throttle", b"\xff\xfe" + bytes([number]), "\x1b[2Jno JSON")


def test_the_latest_dead_letters_are_listed_also_between_markers_of_transactions(letters: None, ups: Ups) -> None:
    result = ups("dlq", "list", "--limit", "2", "--json")

    assert result.exit_code == 0
    found = json.loads(result.stdout)["dead_letters"]
    assert [letter["id"] for letter in found] == [
        "event-ingest:0:1",
        "event-ingest:0:2",
        "throttle:0:2",
        "throttle:0:4",
    ]
    assert found[0]["dlq_reason"] == "undecodable"


def test_dead_letters_are_listed_for_people(letters: None, ups: Ups) -> None:
    said = ups("dlq", "list", "throttle").stdout

    assert len(said.splitlines()) == 4
    assert ".ups.events.v1:3:42" in said
    assert "\\x1b[2Jno JSON" in said


def test_a_dead_letter_is_shown_as_it_came(letters: None, ups: Ups) -> None:
    as_text, as_json = ups("dlq", "show", "event-ingest:0:1"), ups("dlq", "show", "throttle:0:2", "--json")

    assert "bad 1" in as_text.stdout
    assert "base64:/wA=" in as_text.stdout
    assert base64.b64decode(json.loads(as_json.stdout)["value_base64"]) == b"\xff\xfe\x01"


@pytest.mark.parametrize("letter", ["event-ingest:0:99", "event-ingest:7:0", "throttle:0:1"])
def test_a_dead_letter_that_is_not_there_is_said(letters: None, ups: Ups, letter: str) -> None:
    # throttle:0:1 is the marker of a transaction
    result = ups("dlq", "show", letter)

    assert result.exit_code == 1
    assert "no dead letter" in result.stderr


def test_without_topics_dead_letters_say_what_to_do(kafka: KafkaSettings, ups: Ups) -> None:
    result = ups("dlq", "list")

    assert result.exit_code == 1
    assert "ups topics apply" in result.stderr

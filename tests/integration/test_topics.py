"""Topics are made from the registry, and checked against it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from aiokafka.admin import NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from ups_devstack.stack import Backing
from ups_runtime.errors import Permanent
from ups_runtime.kafka import Done, Wrong, admin, apply_topics, check_topics, partition_counts, started, topic_name
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import eventually
from ups_schemas.topics import DEVICE_KEYS, EVENTS, TOPICS, USERS

log = get_logger("test")

SOME = (EVENTS, DEVICE_KEYS, USERS)


@pytest.fixture
def kafka(stack: Backing, prefix: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)


async def test_every_topic_of_the_registry_is_taken_by_the_broker(kafka: KafkaSettings) -> None:
    seen: list[str] = []

    changes = await apply_topics(kafka, TOPICS, 1, log, seen.append)

    assert {change.done for change in changes} == {Done.CREATED}
    assert seen == [topic_name(kafka, topic) for topic in TOPICS]
    assert await check_topics(kafka, TOPICS, 1) == []


async def test_a_second_run_changes_nothing(kafka: KafkaSettings) -> None:
    await apply_topics(kafka, SOME, 1, log)

    assert await apply_topics(kafka, SOME, 1, log) == []


async def test_a_setting_that_differs_is_reported_and_set(kafka: KafkaSettings) -> None:
    await apply_topics(kafka, [replace(EVENTS, retention=timedelta(days=7))], 1, log)

    [difference] = await check_topics(kafka, [EVENTS], 1)
    changes = await apply_topics(kafka, [EVENTS], 1, log)

    assert (difference.wrong, difference.setting) == (Wrong.CONFIG, "retention.ms")
    assert str(difference).endswith("retention.ms is 604800000, the registry says 2592000000")
    assert [(change.done, change.settings) for change in changes] == [(Done.CONFIGURED, {"retention.ms": "2592000000"})]
    assert await check_topics(kafka, [EVENTS], 1) == []


async def test_a_setting_of_the_operator_survives(kafka: KafkaSettings) -> None:
    await apply_topics(kafka, [replace(EVENTS, extra_config={"max.message.bytes": "2000000"})], 1, log)

    await apply_topics(kafka, [EVENTS], 1, log)

    async with started(admin(kafka)) as client:
        asked = ConfigResource(ConfigResourceType.TOPIC, topic_name(kafka, EVENTS))
        [answer] = await client.describe_configs([asked])
    config = {name: value for name, value, *_ in answer.resources[0][4]}
    assert config["max.message.bytes"] == "2000000"
    assert config["message.timestamp.after.max.ms"] == "60000"


async def test_a_changed_number_of_partitions_is_reported_and_left_alone(kafka: KafkaSettings) -> None:
    await apply_topics(kafka, [EVENTS], 1, log)
    async with started(admin(kafka)) as client:
        await client.create_partitions({topic_name(kafka, EVENTS): NewPartitions(13)})

    [difference] = await eventually(lambda: check_topics(kafka, [EVENTS], 1))

    assert (difference.wrong, difference.expected, difference.found) == (Wrong.PARTITIONS, "12", "13")
    assert await apply_topics(kafka, [EVENTS], 1, log) == []
    assert await partition_counts(kafka, SOME) == {topic_name(kafka, EVENTS): 13}


async def test_a_missing_topic_is_reported(kafka: KafkaSettings) -> None:
    assert [difference.wrong for difference in await check_topics(kafka, SOME)] == [Wrong.MISSING] * 3


async def test_a_refusal_says_what_and_why(kafka: KafkaSettings) -> None:
    with pytest.raises(Permanent, match=r"create .*ups\.events\.v1: InvalidReplicationFactor"):
        await apply_topics(kafka, [EVENTS], 3, log)

"""Topics of the registry made so on the brokers, and checked against them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code
from structlog.stdlib import BoundLogger

from ups_runtime.errors import Permanent, Retryable
from ups_runtime.kafka.clients import admin, map_kafka_errors, started, topic_name
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import Topic

# Kafka's number for a setting that was made on the topic itself, not inherited.
_SET_ON_TOPIC = 1

# With three replicas or more, an ack needs two of them, and one may be away.
REPLICAS_FOR_TWO_IN_SYNC = 3


# Brokers follow their controller within milliseconds; one that needs longer is in trouble.
VISIBLE_WITHIN_S = 30


class Done(StrEnum):
    """What was done to a topic."""

    CREATED = "created"
    CONFIGURED = "configured"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that `apply_topics` did; `settings` are those that it set."""

    topic: str
    done: Done
    settings: Mapping[str, str]


class Wrong(StrEnum):
    """In what a topic differs from the registry."""

    MISSING = "missing"
    PARTITIONS = "partitions"
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the registry says; `setting` is set for CONFIG alone."""

    topic: str
    wrong: Wrong
    expected: str
    found: str
    setting: str | None = None

    def __str__(self) -> str:
        """The difference as a sentence."""
        if self.wrong is Wrong.MISSING:
            return f"{self.topic} does not exist"
        what = self.setting or "number of partitions"
        return f"{self.topic}: {what} is {self.found}, the registry says {self.expected}"


@dataclass(frozen=True, slots=True)
class _Found:
    partitions: int
    config: Mapping[str, str]
    set_on_topic: Mapping[str, str]


async def apply_topics(
    settings: KafkaSettings,
    topics: Sequence[Topic],
    replication_factor: int,
    log: BoundLogger,
    on_progress: Callable[[str], None] | None = None,
) -> list[Change]:
    """Create what is missing and set what differs; what is right is left alone, so a second run does nothing.

    The number of partitions of a topic that exists is never changed: keys would move, and state with them.
    `check_topics` reports it. Settings that the registry does not name stay as the operator made them.

    Raises:
        Permanent: the brokers refuse a topic or a setting.
        Retryable: they did not answer, or cannot now.
    """
    changes: list[Change] = []
    with map_kafka_errors():
        async with started(admin(settings)) as client:
            found_by_name = await _find(client, [topic_name(settings, topic) for topic in topics])
            for topic in topics:
                name = topic_name(settings, topic)
                if on_progress:
                    on_progress(name)
                wanted = wanted_config(topic, replication_factor)
                found = found_by_name.get(name)
                if found is None:
                    if not await _create(client, name, topic.partitions, replication_factor, wanted):
                        continue
                    changes.append(Change(name, Done.CREATED, wanted))
                elif wrong := {key: value for key, value in wanted.items() if found.config.get(key) != value}:
                    await _configure(client, name, {**found.set_on_topic, **wrong})
                    changes.append(Change(name, Done.CONFIGURED, wrong))
                else:
                    continue
                log.info("topic.changed", topic=name, done=changes[-1].done, settings=dict(changes[-1].settings))
            await _see(client, {change.topic: change.settings for change in changes})
    return changes


async def check_topics(
    settings: KafkaSettings, topics: Sequence[Topic], replication_factor: int | None = None
) -> list[Difference]:
    """In what the brokers' topics differ from the registry; empty when in nothing.

    Raises:
        Retryable: the brokers did not answer.
    """
    with map_kafka_errors():
        async with started(admin(settings)) as client:
            found_by_name = await _find(client, [topic_name(settings, topic) for topic in topics])
    differences: list[Difference] = []
    for topic in topics:
        name = topic_name(settings, topic)
        found = found_by_name.get(name)
        if found is None:
            differences.append(Difference(name, Wrong.MISSING, "a topic", "nothing"))
            continue
        if found.partitions != topic.partitions:
            differences.append(Difference(name, Wrong.PARTITIONS, str(topic.partitions), str(found.partitions)))
        wanted = topic.config() if replication_factor is None else wanted_config(topic, replication_factor)
        differences += [
            Difference(name, Wrong.CONFIG, value, found.config.get(key, "unknown to the broker"), key)
            for key, value in wanted.items()
            if found.config.get(key) != value
        ]
    return differences


async def partition_counts(settings: KafkaSettings, topics: Iterable[Topic]) -> dict[str, int]:
    """The number of partitions by the topic's name here; a topic that does not exist is left out.

    Raises:
        Retryable: the brokers did not answer.
    """
    names = {topic_name(settings, topic) for topic in topics}
    with map_kafka_errors():
        async with started(admin(settings)) as client:
            return {
                topic["topic"]: len(topic["partitions"])
                for topic in await client.describe_topics()
                if topic["topic"] in names and not topic["error_code"]
            }


def wanted_config(topic: Topic, replication_factor: int) -> dict[str, str]:
    """The topic's settings, with the least number of replicas that an ack needs."""
    in_sync = 2 if replication_factor >= REPLICAS_FOR_TWO_IN_SYNC else 1
    return {**topic.config(), "min.insync.replicas": str(in_sync)}


async def _find(client: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, _Found]:
    # All topics are asked for: a request that names a missing one may create it.
    described = {topic["topic"]: topic for topic in await client.describe_topics() if not topic["error_code"]}
    present = [name for name in names if name in described]
    if not present:
        return {}
    found = {}
    for answer in await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in present]):
        for error_code, message, _type, name, entries in answer.resources:
            _refuse(error_code, f"describe {name}", message)
            config = {key: value for key, value, *_ in entries}
            own = {key: value for key, value, _, source, *_ in entries if source == _SET_ON_TOPIC}
            found[name] = _Found(len(described[name]["partitions"]), config, own)
    return found


async def _create(
    client: AIOKafkaAdminClient, name: str, partitions: int, replication_factor: int, config: Mapping[str, str]
) -> bool:
    answer = await client.create_topics([NewTopic(name, partitions, replication_factor, topic_configs=dict(config))])
    for topic, error_code, message in answer.topic_errors:
        if error_code and for_code(error_code) is TopicAlreadyExistsError:
            return False  # somebody else was faster, with the same registry
        _refuse(error_code, f"create {topic}", message)
    return True


async def _configure(client: AIOKafkaAdminClient, name: str, config: Mapping[str, str]) -> None:
    # This request resets whatever it does not name, hence the settings already made on the topic are in `config`.
    for answer in await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, dict(config))]):
        for error_code, message, *_ in answer.resources:
            _refuse(error_code, f"configure {name}", message)


async def _see(client: AIOKafkaAdminClient, settings_by_topic: Mapping[str, Mapping[str, str]]) -> None:
    # The controller's answer comes before the brokers know, and who asks a broker next must not be told "missing".
    async with asyncio.timeout(VISIBLE_WITHIN_S):
        while True:
            found = await _find(client, list(settings_by_topic))
            if all(
                name in found and settings.items() <= found[name].config.items()
                for name, settings in settings_by_topic.items()
            ):
                return
            await asyncio.sleep(0.05)


def _refuse(error_code: int, tried: str, message: Any) -> None:  # Any: text or nothing, as the broker pleases
    if not error_code:
        return
    error = for_code(error_code)
    kind = Retryable if error.retriable else Permanent
    raise kind(f"the broker refused to {tried}: {error.__name__}: {message or 'no reason given'}")

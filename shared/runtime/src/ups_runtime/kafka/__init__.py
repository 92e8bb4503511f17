"""Kafka as this product uses it: clients that lose nothing, topics from the registry, views of compacted topics."""

from ups_runtime.kafka.clients import (
    admin,
    client_options,
    consumer,
    end_offsets,
    map_kafka_errors,
    producer,
    scoped,
    started,
    stop,
    topic_name,
    transactional_producer,
    wait_for_kafka,
)
from ups_runtime.kafka.polling import UNREADABLE, Polled, Unreadable, poll
from ups_runtime.kafka.topics import Change, Difference, Done, Wrong, apply_topics, check_topics, partition_counts
from ups_runtime.kafka.transactions import OutcomeUnknownError, TransactionalProducer
from ups_runtime.kafka.view import View

__all__ = [
    "UNREADABLE",
    "Change",
    "Difference",
    "Done",
    "OutcomeUnknownError",
    "Polled",
    "TransactionalProducer",
    "Unreadable",
    "View",
    "Wrong",
    "admin",
    "apply_topics",
    "check_topics",
    "client_options",
    "consumer",
    "end_offsets",
    "map_kafka_errors",
    "partition_counts",
    "poll",
    "producer",
    "scoped",
    "started",
    "stop",
    "topic_name",
    "transactional_producer",
    "wait_for_kafka",
]

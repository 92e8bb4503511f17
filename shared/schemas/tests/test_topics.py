import re
from datetime import timedelta

from ups_schemas import topics
from ups_schemas.topics import DEAD_LETTERS, DEVICE_PARTITIONS, TOPICS, Service, Writing, type_of

HOUR_MS, DAY_MS = "3600000", "86400000"


def test_a_topic_is_named_by_domain_noun_and_version() -> None:
    names = [topic.name for topic in TOPICS]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v[1-9]\d*", name) for name in names)


def test_topics_keyed_by_device_have_the_same_partitions() -> None:
    by_device = {topic.name for topic in TOPICS if topic.key.startswith("device_id")}

    assert by_device >= {
        "ups.events.v1",
        "ups.devices.v1",
        "ups.commands.v1",
        "ups.decisions.v1",
        "ups.suppressions.v1",
        "ups.throttle-state.v1",
        "ups.nut-watch.v1",
        "mail.deliveries.v1",
    }
    assert {topic.partitions for topic in TOPICS if topic.name in by_device} == {DEVICE_PARTITIONS}


def test_each_message_type_belongs_to_one_model() -> None:
    models = {model for topic in TOPICS for model in topic.messages}

    assert len({type_of(model) for model in models}) == len(models)
    assert all(re.fullmatch(r"[a-z]+\.[a-z-]+\.v1", type_of(model)) for model in models)


def test_a_superseded_or_expired_address_is_gone_within_two_days() -> None:
    personal = {topic.name: topic.config() for topic in TOPICS if topic.personal}

    assert personal.keys() == {
        "accounts.users.v1",
        "mail.requests.v1",
        "dead-letters.notifier.v1",
        "dead-letters.device-svc.v1",
    }
    assert {config["segment.ms"] for config in personal.values()} == {HOUR_MS}
    users = personal["accounts.users.v1"]
    assert (users["max.compaction.lag.ms"], users["delete.retention.ms"]) == (DAY_MS, DAY_MS)
    assert personal["dead-letters.notifier.v1"]["retention.ms"] == DAY_MS


def test_only_the_topics_of_facts_that_stay_are_compacted() -> None:
    compacted = {topic.name: topic.config()["cleanup.policy"] for topic in TOPICS if topic.compacted}

    assert compacted == dict.fromkeys(
        (
            "ups.devices.v1",
            "ups.device-keys.v1",
            "ups.throttle-state.v1",
            "ups.nut-watch.v1",
            "accounts.users.v1",
            "accounts.signing-keys.v1",
        ),
        "compact",
    )


def test_the_changelog_is_compacted_by_the_megabyte() -> None:
    assert int(topics.THROTTLE_STATE.config()["segment.bytes"]) <= 4 * 2**20


def test_a_slow_restore_still_sees_what_was_removed() -> None:
    assert topics.THROTTLE_STATE.config()["delete.retention.ms"] == str(7 * int(DAY_MS))


def test_what_a_seven_day_period_needs_is_kept_for_thirty() -> None:
    for topic in (topics.EVENTS, topics.COMMANDS, topics.DECISIONS):
        assert topic.retention == timedelta(days=30)


def test_received_at_comes_from_the_broker_or_from_an_ingest_whose_clock_is_right() -> None:
    assert topics.INGEST.timestamps is Writing.LOG_APPEND_TIME
    assert topics.EVENTS.config()["message.timestamp.after.max.ms"] == "60000"


def test_only_ingest_takes_records_from_outside() -> None:
    assert [topic.name for topic in TOPICS if topic.foreign_writers] == ["ups.ingest.v1"]


def test_every_service_that_consumes_has_dead_letters() -> None:
    # invite-svc may read what concerns people, and consumes nothing
    assert DEAD_LETTERS.keys() == {Service.EVENT_INGEST, Service.THROTTLE, Service.NOTIFIER, Service.DEVICE_SVC}
    for service, topic in DEAD_LETTERS.items():
        assert topic in TOPICS
        assert topic.writers == (service,)


def test_a_dead_letter_that_may_hold_an_address_is_personal() -> None:
    reading_people = {
        service for topic in TOPICS if topic.personal and not topic.name.startswith("dead") for service in topic.readers
    }

    for service, topic in DEAD_LETTERS.items():
        assert topic.personal == (service in reading_people)


def test_mail_requests_have_one_reader() -> None:
    assert topics.MAIL_REQUESTS.readers == (Service.NOTIFIER,)


def test_every_topic_has_a_writer_and_what_is_not_put_aside_a_reader() -> None:
    for topic in TOPICS:
        assert topic.writers
        assert topic.readers or topic in DEAD_LETTERS.values()

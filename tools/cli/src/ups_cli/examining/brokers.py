"""The brokers: whether they answer, have the topics that the registry wants, and how far each service has read."""

import asyncio
from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from ups_cli.examining.finding import Finding, fault, ok, warning
from ups_runtime.errors import Permanent, Retryable
from ups_runtime.kafka import (
    admin,
    check_topics,
    consumer,
    end_offsets,
    map_kafka_errors,
    partition_counts,
    started,
    topic_name,
)
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import (
    COMMANDS,
    DECISIONS,
    EVENTS,
    INGEST,
    MAIL_DELIVERIES,
    MAIL_REQUESTS,
    TOPICS,
    Service,
    Topic,
)

# Of whose reading mails depend, and what each commits offsets of.
READ_BY: Mapping[Service, Sequence[Topic]] = {
    Service.EVENT_INGEST: (INGEST,),
    Service.THROTTLE: (EVENTS, COMMANDS),
    Service.NOTIFIER: (DECISIONS, MAIL_REQUESTS),
    Service.DEVICE_SVC: (EVENTS, DECISIONS, MAIL_DELIVERIES),
}
# Twelve partitions end with a commit marker each, and a busy service has some hundred records under way. Halved, a busy
# one is called slow; doubled, ten minutes' worth of a quiet installation go unseen.
LAG_ALLOWED = 500
_BETWEEN_LOOKS_S = 2.0

_AWAY = "see that the brokers run, and UPS_KAFKA_BOOTSTRAP_SERVERS and its log-in"


async def brokers(settings: KafkaSettings) -> Sequence[Finding]:
    """Whether they answer, and their topics."""
    try:
        with map_kafka_errors():
            async with started(admin(settings)) as client:
                count = len((await client.describe_cluster())["brokers"])
        differences = await check_topics(settings, TOPICS, None)
    except (Retryable, Permanent) as error:
        return [fault("brokers", str(error), _AWAY)]
    found = [ok("brokers", f"{count} answer" if count > 1 else "1 answers: a loss of its disk is a loss of events")]
    if not differences:
        return [*found, ok("topics", f"all {len(TOPICS)} are as the registry says")]
    told = "; ".join(str(difference) for difference in differences[:3])
    more = f"; and {len(differences) - 3} more" if len(differences) > 3 else ""  # noqa: PLR2004 - as many as are told
    return [*found, fault("topics", f"{told}{more}", "ups topics check, then ups topics apply")]


async def lag(settings: KafkaSettings, service: Service) -> Sequence[Finding]:
    """How many records the service has not read: twice, since only one that does not shrink is trouble."""
    check = f"lag of {service}"
    try:
        before = await _lag(settings, service)
        if before is None:
            return [warning(check, "it has never read its topics", "start it; ups topics check")]
        if before <= LAG_ALLOWED:
            return [ok(check, _records(before))]
        await asyncio.sleep(_BETWEEN_LOOKS_S)
        after = await _lag(settings, service) or 0
    except (Retryable, Permanent) as error:
        return [warning(check, f"could not be looked at: {error}", _AWAY)]
    if after < before:
        return [warning(check, f"{_records(after)}, and shrinking", "mails are late until it has caught up")]
    todo = f"is {service} there (/readyz, log)? Else more processes of it, up to the number of partitions"
    return [fault(check, f"{_records(after)}, and not shrinking", todo)]


def _records(count: int) -> str:
    return f"{count:,} records not read" if count > LAG_ALLOWED else "has read what there is"


async def _lag(settings: KafkaSettings, service: Service) -> int | None:
    """None: the service has never committed an offset, though there are records."""
    counts = await partition_counts(settings, READ_BY[service])
    names = [topic_name(settings, topic) for topic in READ_BY[service]]
    partitions = [TopicPartition(name, number) for name in names for number in range(counts.get(name, 0))]
    if not partitions:
        raise Permanent("its topics are missing")
    with map_kafka_errors():
        # assigned by hand it joins no group, so that nobody's place moves
        async with started(consumer(settings, service)) as asker:
            asker.assign(partitions)
            # one by one: the library leaks what connections it opens side by side
            read = {partition: await asker.committed(partition) for partition in partitions}
            ends = await end_offsets(asker, partitions)
            begins = await asker.beginning_offsets(partitions)
    unread = {each: max(0, ends[each] - max(begins[each], read[each] or 0)) for each in partitions}
    never = all(offset is None for offset in read.values())
    return None if never and any(unread.values()) else sum(unread.values())

"""A throttle that is away for longer than its broker remembers transactional ids, and offsets."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.protocol.admin import DeleteGroupsRequest

from ups_devstack.faults.member import Member
from ups_devstack.faults.run import Run, fault_run, is_long
from ups_devstack.kafka import EmbeddedKafka, reason_unavailable
from ups_runtime.errors import ExitCode
from ups_runtime.kafka import admin, consumer, scoped, started, topic_name
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import eventually
from ups_schemas.topics import COMMANDS, EVENTS
from ups_throttle.adapters.kafka import GROUP

FORGETFUL = {
    "transactional.id.expiration.ms": "3000",
    "transaction.remove.expired.transaction.cleanup.interval.ms": "1000",
    "producer.id.expiration.ms": "3000",
    "producer.id.expiration.check.interval.ms": "1000",
}
# A minute is the least that Kafka takes.
FORGETS_OFFSETS = FORGETFUL | {"offsets.retention.minutes": "1", "offsets.retention.check.interval.ms": "2000"}
# An id whose transaction was open at the kill is kept until that has timed out.
IDS_EXPIRE_WITHIN_S, OFFSETS_EXPIRE_WITHIN_S = 150, 150

FORGOTTEN = (3, 7)

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
async def forgetful(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Run]:
    if reason := reason_unavailable():
        pytest.skip(f"no broker of its own: {reason}")
    broker = EmbeddedKafka(tmp_path / "kafka", tmp_path / "logs", request.param)
    try:
        await asyncio.to_thread(broker.start, lambda *_, **__: None)
        kafka = KafkaSettings(bootstrap_servers=broker.bootstrap, prefix="away", session_timeout_s=6)
        async with fault_run(kafka, tmp_path) as made:
            yield made
    finally:
        await asyncio.to_thread(broker.close)


async def expired_ids(run: Run) -> bool:
    """Whether the coordinator has removed most transactional ids: tombstones are the last that its log says of them.

    An id with an open transaction stays until that has timed out.
    """
    last: dict[bytes, bytes | None] = {}
    async with started(consumer(run.kafka, None, isolation_level="read_uncommitted")) as reader:
        reader.assign([TopicPartition("__transaction_state", number) for number in range(4)])
        while batches := await reader.getmany(timeout_ms=2000):
            last |= {record.key: record.value for batch in batches.values() for record in batch}
    return sum(value is None for value in last.values()) > EVENTS.partitions / 2


async def offsets_of_group(run: Run) -> dict[TopicPartition, int]:
    async with started(admin(run.kafka)) as client:
        found = await client.list_consumer_group_offsets(scoped(run.kafka, GROUP))
    return {place: known.offset for place, known in found.items() if known.offset >= 0}


@pytest.mark.parametrize("forgetful", [FORGETFUL], ids=["short-lived ids"], indirect=True)
async def test_away_beyond_the_expiry_of_its_transactional_ids(forgetful: Run, report: Path | None) -> None:
    run = forgetful
    one = run.member("one", static=True)
    one.start()
    async with run.load.running():
        for _ in run.turns(1, 2):
            await run.load.goes_on(200)
            await one.kill()
            run.injected += 1
            await eventually(lambda: expired_ids(run), within_s=IDS_EXPIRE_WITHIN_S, every_s=1)
            run.bitten += 1
            assert await offsets_of_group(run)
            one.start()
        await run.load.goes_on(200)

    await run.ends_right("away beyond the expiry of transactional ids", report)


@pytest.mark.parametrize("forgetful", [FORGETS_OFFSETS], ids=["short-lived offsets"], indirect=True)
@pytest.mark.skipif(not is_long(), reason="Kafka forgets offsets after a minute at the least: make faults")
async def test_away_beyond_the_expiry_of_offsets_it_refuses_until_they_are_set(
    forgetful: Run, report: Path | None
) -> None:
    run = forgetful
    one = run.member("one")
    one.start()
    async with run.load.running():
        await run.load.goes_on(400)
    await run.load.settled()
    await one.stop()
    run.injected += 1
    await eventually(lambda: _are_gone(run), within_s=OFFSETS_EXPIRE_WITHIN_S, every_s=2)

    await goes_on_when_set_as_told(run, one)

    await run.ends_right("away beyond the expiry of offsets, set as told", report)


async def test_offsets_that_are_gone_it_refuses_until_they_are_set(run: Run, report: Path | None) -> None:
    one = run.member("one")
    one.start()
    async with run.load.running():
        await run.load.goes_on(400)
    await run.load.settled()
    await one.stop()
    known = await offsets_of_group(run)
    await delete_group(run)
    run.injected += 1
    kept = {place: offset for place, offset in known.items() if place.partition not in FORGOTTEN}
    await commit_offsets(run, kept)
    assert await offsets_of_group(run) == kept

    await goes_on_when_set_as_told(run, one)

    assert run.bitten == len(FORGOTTEN)
    await run.ends_right("offsets of 2 partitions deleted, set as told", report)


async def goes_on_when_set_as_told(run: Run, one: Member) -> None:
    while (told := await refused(one)) is not None:
        run.bitten += 1
        number, events, commands = told
        await commit_offsets(
            run,
            {
                TopicPartition(topic_name(run.kafka, EVENTS), number): events,
                TopicPartition(topic_name(run.kafka, COMMANDS), number): commands,
            },
        )
    async with run.load.running():
        await run.load.goes_on(200)


async def delete_group(run: Run) -> None:
    """Delete all offsets, as their expiry does; the library knows the request, but has no name for it."""
    group = scoped(run.kafka, GROUP)

    async def is_deleted() -> bool:
        async with started(admin(run.kafka)) as client:
            coordinator = await client.find_coordinator(group)
            answer = await client._send_request(DeleteGroupsRequest([group]), coordinator)
        # refused while a member has not left yet
        return answer.results == [(group, 0)]

    await eventually(is_deleted, every_s=0.5)


async def _are_gone(run: Run) -> bool:
    return not await offsets_of_group(run)


async def refused(one: Member) -> tuple[int, int, int] | None:
    """Start it; gives the partition and the offsets that its refusal names, none if it goes on."""
    taken = len(one.said("partition.taken_over"))
    one.start()
    await eventually(
        lambda: one.exit_code is not None or len(one.said("partition.taken_over")) >= taken + EVENTS.partitions,
        within_s=60,
    )
    if one.runs:
        return None
    assert one.exit_code == ExitCode.RESET_REFUSED
    await one.kill()
    message = one.said("process.fatal")[-1]["message"]
    found = re.match(r"partition (\d+): .*events to (\d+) and commands to (\d+)", message)
    assert found, message
    return int(found[1]), int(found[2]), int(found[3])


async def commit_offsets(run: Run, offsets: dict[TopicPartition, int]) -> None:
    client: AIOKafkaConsumer = consumer(run.kafka, GROUP)
    async with started(client):
        client.assign(list(offsets))
        await client.commit(offsets)

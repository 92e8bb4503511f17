"""`ups check` on what a real throttle left on real brokers, as it is and spoilt."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from ups_cli.history.device import read_state
from ups_cli.history.gather import TOPICS, DeadEvents, gathered
from ups_cli.history.log import opened
from ups_cli.testing.live import Copy, decide, make_topics, read, restore, ups, write
from ups_devstack.stack import Backing
from ups_devstack.sweep import sweep
from ups_runtime.kafka import admin, producer, started, topic_name
from ups_runtime.settings import KafkaSettings
from ups_schemas.device import Policy
from ups_schemas.envelope import to_utc_milliseconds
from ups_schemas.topics import COMMANDS, DECISIONS, EVENTS, SUPPRESSIONS, THROTTLE_STATE, Topic
from ups_throttle.domain import snapshot
from ups_throttle.testing.samples import device, enable, event

TRIPS = Policy(limit=2, window_s=1800, period_s=3600)
RUNS_ON = Policy(limit=2, window_s=1800, period_s=604_800)
DEVICES = [f"d-{number}" for number in range(6)]
START = to_utc_milliseconds(datetime.now(UTC)) - timedelta(hours=2)

# by the topic's name
Run = dict[str, list[Copy]]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def settings(stack: Backing, prefix: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix, session_timeout_s=6)


async def record(kafka: KafkaSettings) -> Run:
    """Six devices that chatter over two lives of the throttle; one period ends by order, the others by time."""
    await make_topics(kafka)
    await decide(
        kafka,
        *(device(each, policy=RUNS_ON if each == "d-0" else TRIPS) for each in DEVICES),
        *(event(number, each, received_at=at(number)) for number in range(1, 5) for each in DEVICES),
    )
    disabled = next(json.loads(copy.value or b"") for copy in await read(kafka, SUPPRESSIONS) if copy.key == b"d-0")
    async with started(producer(kafka, "test")) as client:
        await client.send_and_wait(topic_name(kafka, EVENTS), b"\xff no event", b"d-1", headers=[("h", b"\xff")])
    await decide(
        kafka,
        enable(disabled["period_id"], "d-0", enabled_at=at(5)),
        device("d-1", version=2, policy=TRIPS, subscriptions=()),
        event(5, "d-1", received_at=at(100), device_version=2),
        *(event(5, each, received_at=at(100)) for each in DEVICES[2:]),
        event(5, "d-2", received_at=at(101)),
    )
    return {topic.name: await read(kafka, topic) for topic in TOPICS}


@pytest.fixture(scope="module")
def run(stack: Backing) -> Iterator[tuple[KafkaSettings, Run]]:
    prefix = f"t{uuid.uuid4().hex[:10]}"
    kafka = settings(stack, prefix)
    yield kafka, asyncio.run(record(kafka))
    sweep(stack, prefix)


async def test_a_real_run_is_sound_and_is_told_again_whole(run: tuple[KafkaSettings, Run], tmp_path: Path):
    kafka, records = run

    said = await ups(kafka, tmp_path, "check", "--json")

    found = json.loads(said.stdout)
    assert (said.exit_code, found["faults"]) == (0, [])
    assert (found["devices"], found["told_again"], found["states"], found["left_out"]) == (6, 6, 6, {})
    assert found["decisions"] == len(records[DECISIONS.name])
    assert (found["pending"], found["without_decision"]) == (0, {"duplicate": 1})
    assert found["unreadable"] == {"event": 1}


async def test_one_device_and_a_part_of_the_time_are_checked_alone(run: tuple[KafkaSettings, Run], tmp_path: Path):
    kafka, _ = run

    one = await ups(kafka, tmp_path, "check", "--device", "d-2")
    late = await ups(kafka, tmp_path, "check", "--since", at(99).isoformat(), "--json")
    none = await ups(kafka, tmp_path, "check", "--device", "nobody")

    assert one.exit_code == 0
    assert "of 1 devices" in one.stdout
    assert "No faults." in one.stdout
    assert late.exit_code == 0, late.stdout
    assert json.loads(late.stdout)["left_out"] == {"begins_earlier": 6}
    assert (none.exit_code, "Nothing is kept of a device nobody" in none.stderr) == (1, True)


async def test_events_that_wait_for_the_throttle_are_no_faults(stack: Backing, prefix: str, tmp_path: Path):
    kafka = settings(stack, prefix)
    await make_topics(kafka)
    await decide(kafka, device(policy=TRIPS), event(1, received_at=at(1)))
    await write(kafka, event(2, received_at=at(2)), event(3, received_at=at(3)))

    said = await ups(kafka, tmp_path, "check", "--json")

    found = json.loads(said.stdout)
    assert (said.exit_code, found["pending"], found["faults"]) == (0, 2, [])


def newest(copies: list[Copy]) -> list[Copy]:
    """What compaction leaves."""
    return list({(copy.partition, copy.key): copy for copy in copies}.values())


async def lose_the_beginning(kafka: KafkaSettings, copies: list[Copy], topic: Topic) -> None:
    """Remove the first two thirds of each partition, as retention does."""
    counts = Counter(copy.partition for copy in copies)
    async with started(admin(kafka)) as client:
        await client.delete_records(
            {
                TopicPartition(topic_name(kafka, topic), number): RecordsToDelete(before_offset=count * 2 // 3)
                for number, count in counts.items()
            }
        )


@pytest.mark.parametrize("spoilt", [False, True])
async def test_what_retention_and_compaction_left_is_sound_and_compared_in_part(
    run: tuple[KafkaSettings, Run], stack: Backing, prefix: str, tmp_path: Path, *, spoilt: bool
):
    records = {name: list(copies) for name, copies in run[1].items()}
    if spoilt:
        tamper_with_the_state(records)
    kafka = settings(stack, prefix)
    await make_topics(kafka)
    for topic in TOPICS:
        copies = records[topic.name]
        await restore(kafka, topic, newest(copies) if topic.compacted else copies)
    for topic in (DECISIONS, EVENTS):
        await lose_the_beginning(kafka, records[topic.name], topic)

    said, for_people = await ups(kafka, tmp_path, "check", "--json"), await ups(kafka, tmp_path, "check")

    found = json.loads(said.stdout)
    assert said.exit_code == int(spoilt)
    assert {(fault["rule"], fault["device_id"]) for fault in found["faults"]} == (
        {("state", "d-3")} if spoilt else set()
    )
    assert found["decisions"] < len(records[DECISIONS.name]) / 2
    assert found["told_again"] == 0
    assert found["states"] == found["states_in_part"] > 0
    assert f"0 states compared in full, {found['states_in_part']} in part." in for_people.stdout


async def test_an_event_put_aside_while_it_is_checked_needs_no_decision(stack: Backing, prefix: str):
    kafka = settings(stack, prefix)
    await make_topics(kafka)
    dead = DeadEvents()
    async with opened(kafka, TOPICS) as log:
        await dead.read(log)
        async with started(producer(kafka, "test")) as client:
            await client.send_and_wait(topic_name(kafka, EVENTS), b"\xff no event", b"d-1", partition=1)
        await decide(kafka, device(policy=TRIPS))

        async with gathered(log, 1, dead, device_id=None, since=None, on_progress=lambda *_: None) as (bounds, _):
            assert bounds.dead == {0}


def place(copies: list[Copy], key: bytes, number: int = 0, **wanted: Any) -> int:
    places = [
        index
        for index, copy in enumerate(copies)
        if copy.key == key and (not wanted or wanted.items() <= json.loads(copy.value or b"{}").items())
    ]
    return places[number]


def change(copies: list[Copy], index: int, **changes: Any) -> None:
    value = json.loads(copies[index].value or b"null") | changes
    copies[index] = copies[index]._replace(value=json.dumps(value).encode())


def double_a_decision(records: Run) -> None:
    index = place(records[DECISIONS.name], b"d-3", 1)
    records[DECISIONS.name].insert(index + 1, records[DECISIONS.name][index])


def lose_a_decision(records: Run) -> None:
    del records[DECISIONS.name][place(records[DECISIONS.name], b"d-3", 1)]


def skip_a_number(records: Run) -> None:
    change(records[DECISIONS.name], place(records[DECISIONS.name], b"d-3", -1), device_seq=99)


def disable_twice(records: Run) -> None:
    for topic in (DECISIONS, SUPPRESSIONS):
        enabled = place(records[topic.name], b"d-3", type="ups.notifications-enabled.v1")
        disabled = json.loads(
            records[topic.name][place(records[topic.name], b"d-3", type="ups.notifications-disabled.v1")].value or b""
        )
        seq = json.loads(records[topic.name][enabled].value or b"")["device_seq"]
        value = json.dumps(disabled | {"device_seq": seq}).encode()
        records[topic.name][enabled] = records[topic.name][enabled]._replace(value=value)


def change_a_count(records: Run) -> None:
    index = place(records[DECISIONS.name], b"d-3", 1)
    count = json.loads(records[DECISIONS.name][index].value or b"")["count"]
    change(records[DECISIONS.name], index, count=count | {"position": 1})


def mail_to_somebody_else(records: Run) -> None:
    change(records[DECISIONS.name], place(records[DECISIONS.name], b"d-3", 1), recipients=["u-9"])


def tamper_with_the_state(records: Run) -> None:
    copies = records[THROTTLE_STATE.name]
    index = place(copies, b"d-3", -1)
    value = copies[index].value or b""
    state = read_state(b"d-3", value)
    assert state is not None
    spoilt = snapshot.pack(msgspec.structs.replace(state, counted=()))
    copies[index] = copies[index]._replace(value=value[: -len(snapshot.pack(state))] + spoilt)


def lose_a_copy(records: Run) -> None:
    del records[SUPPRESSIONS.name][place(records[SUPPRESSIONS.name], b"d-3")]


def lose_an_order(records: Run) -> None:
    del records[COMMANDS.name][place(records[COMMANDS.name], b"d-0")]


@pytest.mark.parametrize(
    ("plant", "rule"),
    [
        (double_a_decision, "decided_twice"),
        (lose_a_decision, "not_decided"),
        (skip_a_number, "sequence"),
        (disable_twice, "alternation"),
        (change_a_count, "limit"),
        (mail_to_somebody_else, "told_otherwise"),
        (tamper_with_the_state, "state"),
        (lose_a_copy, "copy"),
        (lose_an_order, "no_order"),
    ],
)
async def test_a_planted_fault_is_caught(
    run: tuple[KafkaSettings, Run],
    stack: Backing,
    prefix: str,
    tmp_path: Path,
    plant: Callable[[Run], None],
    rule: str,
):
    spoilt = {name: list(copies) for name, copies in run[1].items()}
    plant(spoilt)
    kafka = settings(stack, prefix)
    await make_topics(kafka)
    for topic in TOPICS:
        await restore(kafka, topic, spoilt[topic.name])

    said = await ups(kafka, tmp_path, "check", "--json")

    found = json.loads(said.stdout)
    assert said.exit_code == 1
    assert rule in found["faults_by_rule"], found
    assert {fault["device_id"] for fault in found["faults"]} <= {"d-0", "d-3"}

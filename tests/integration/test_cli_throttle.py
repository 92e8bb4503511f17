"""`ups throttle` and `ups why` on what a real throttle left on real brokers."""

import asyncio
import functools
import json
import re
import signal
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ups_cli.history.gather import TOPICS, Bounds
from ups_cli.history.spool import Spool
from ups_cli.history.walk import OnProgress, walk
from ups_cli.testing.live import Said, decide, make_topics, read, restore, ups
from ups_devstack.stack import Backing
from ups_devstack.sweep import sweep
from ups_runtime.settings import KafkaSettings
from ups_schemas.catalogue import Severity
from ups_schemas.device import Policy, Subscription
from ups_schemas.envelope import to_utc_milliseconds
from ups_schemas.topics import DECISIONS, DEVICES
from ups_throttle.testing.samples import device, event

CHATTERS, OUTAGE, QUIET = "d-1", "d-2", "d-3"


@functools.cache
def start() -> datetime:
    """Twenty minutes before it is first asked for: the window is half an hour, and a session may take longer."""
    return to_utc_milliseconds(datetime.now(UTC)) - timedelta(minutes=20)


def at(minutes: float) -> datetime:
    return start() + timedelta(minutes=minutes)


async def record(kafka: KafkaSettings) -> None:
    """One device is silenced, one is on battery, one has never said anything."""
    await make_topics(kafka)
    subscribed = tuple(Subscription(user_id=user, min_severity=Severity.INFO) for user in ("ann", "bob"))
    await decide(
        kafka,
        device(CHATTERS, policy=Policy(limit=6, window_s=1800, period_s=604_800), subscriptions=subscribed),
        device(OUTAGE, subscriptions=subscribed),
        device(QUIET),
        *(event(number, CHATTERS, received_at=at(number)) for number in range(1, 8)),
        event(8, CHATTERS, code="COMM_LOST", severity=Severity.WARNING, native_text=None, received_at=at(8)),
        event(1, OUTAGE, code="ON_BATTERY", native_text=None, received_at=at(1)),
        event(2, OUTAGE, code="ON_BATTERY", phase="repeat", native_text=None, received_at=at(2)),
    )


@pytest.fixture(scope="module")
def kafka(stack: Backing) -> Iterator[KafkaSettings]:
    settings = KafkaSettings(
        bootstrap_servers=stack.kafka_bootstrap, prefix=f"t{uuid.uuid4().hex[:10]}", session_timeout_s=6
    )
    asyncio.run(record(settings))
    yield settings
    sweep(stack, settings.prefix)


def fields(said: Said) -> dict[str, str]:
    """The two columns of what is known about one thing."""
    lines = [line.split("  ", 1) for line in said.stdout.splitlines() if "  " in line]
    return {name.strip(): value.strip() for name, value in lines}


async def test_a_silenced_device_is_shown_with_its_period(kafka: KafkaSettings, tmp_path: Path):
    shown = await ups(kafka, tmp_path, "throttle", "show", CHATTERS, "--zone", "Asia/Tokyo")
    as_json = json.loads((await ups(kafka, tmp_path, "throttle", "show", CHATTERS, "--json")).stdout)

    assert shown.exit_code == 0, shown.stderr
    found = fields(shown)
    assert found["Event Notifications"].startswith("disabled since 20")
    assert found["Event Notifications"].endswith("+09:00")
    assert found["not mailed since"] == "1"
    assert "Contact with the UPS lost" in found["last decision"] or "not mailed" in found["last decision"]
    assert (as_json["state"], as_json["period"]["suppressed"], len(as_json["open"])) == ("disabled", 1, 8)


async def test_what_is_open_is_shown_with_who_was_told(kafka: KafkaSettings, tmp_path: Path):
    found = fields(await ups(kafka, tmp_path, "throttle", "show", OUTAGE))

    assert found["Event Notifications"] == "enabled"
    assert found["window"] == "1 of 6 notifications in the last 30 minutes"
    assert found["open 1"].startswith("On battery since ")
    assert found["open 1"].endswith("told to ann, bob")


async def test_a_device_that_never_spoke_is_enabled(kafka: KafkaSettings, tmp_path: Path):
    found = fields(await ups(kafka, tmp_path, "throttle", "show", QUIET))
    why = await ups(kafka, tmp_path, "why", QUIET)

    assert found["Event Notifications"] == "enabled"
    assert found["last decision"] == "none that is still kept"
    assert (why.exit_code, "sent nothing" in why.stderr) == (0, True)


async def test_why_says_it_in_words(kafka: KafkaSettings, tmp_path: Path):
    silenced = await ups(kafka, tmp_path, "why", CHATTERS, "--limit", "3", "--zone", "UTC")
    outage = await ups(kafka, tmp_path, "why", OUTAGE)

    until = (at(7) + timedelta(days=7)).isoformat(sep=" ", timespec="seconds")
    tripped, disabled, suppressed = silenced.stdout.splitlines()[1:]
    assert "one too many: 6 notifications in 30 minutes" in tripped
    assert f"disabled until {until} after 6 notifications in 30 minutes; told to ann, bob" in disabled
    assert f"not mailed, since Event Notifications are disabled until {until} after 6 notifications" in suppressed
    assert suppressed.startswith(at(8).isoformat(sep=" ", timespec="seconds"))
    mailed, repeated = outage.stdout.splitlines()[1:]
    assert "On battery: mailed to ann, bob (1 of 6 in 30 minutes)" in mailed
    assert "On battery, still: not mailed again" in repeated


async def test_a_replay_gives_the_same(kafka: KafkaSettings, tmp_path: Path):
    everything = await ups(kafka, tmp_path, "throttle", "replay")
    one = json.loads((await ups(kafka, tmp_path, "throttle", "replay", CHATTERS, "--json")).stdout)

    assert everything.exit_code == 0, everything.stdout
    assert "11 decisions of 2 devices came out the same." in everything.stdout
    assert (one["same"], one["differences"], one["left_out"]) == (9, [], {})


async def test_another_policy_is_told_beside_what_was(kafka: KafkaSettings, tmp_path: Path):
    tighter = json.loads(
        (await ups(kafka, tmp_path, "throttle", "simulate", CHATTERS, "--limit", "4", "--json")).stdout
    )
    looser = await ups(kafka, tmp_path, "throttle", "simulate", CHATTERS, "--limit", "60", "--window", "5m")

    assert (tighter["was"]["notifications"], tighter["would_be"]["notifications"]) == (6, 4)
    assert tighter["was"]["mails"] - tighter["would_be"]["mails"] == 4
    assert [one["would_be"] for one in tighter["differing"]] == ["disabled", "suppressed", "suppressed"]
    assert looser.exit_code == 0, looser.stderr
    assert ["notifications", "6", "8"] in [line.split() for line in looser.stdout.splitlines()]


async def test_decisions_that_are_gone_are_told_apart_from_the_policy(
    kafka: KafkaSettings, tmp_path: Path, prefix: str
):
    kept = kafka.model_copy(update={"prefix": prefix})
    await make_topics(kept)
    decisions = [copy for copy in await read(kafka, DECISIONS) if copy.key == CHATTERS.encode()]
    await restore(kept, DECISIONS, decisions[4:])
    await restore(kept, DEVICES, await read(kafka, DEVICES))

    shown = await ups(kept, tmp_path, "throttle", "simulate", CHATTERS, "--limit", "3")
    as_json = json.loads((await ups(kept, tmp_path, "throttle", "simulate", CHATTERS, "--limit", "3", "--json")).stdout)

    lines = shown.stdout.splitlines()
    assert re.split(r"\s{2,}", lines[0].strip()) == ["as it was", "as it was, told again", "as it would have been"]
    assert lines[1].split() == ["notifications", "2", "4", "3"]
    assert lines[-1].split()[-3:] == ["suppressed", "notify", "disabled"]
    assert "only what differs between the last two columns is the other policy's doing" in shown.stderr
    assert [as_json[name]["notifications"] for name in ("was", "told_again", "would_be")] == [2, 4, 3]
    assert [(one["was"], one["told_again"], one["would_be"]) for one in as_json["differing"]] == [
        ("suppressed", "notify", "disabled")
    ]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What a shell starts in the background inherits that an interrupt is ignored."""
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, inherited)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_what_is_done_with_a_partition(kafka: KafkaSettings):
    heeded: list[int] = []

    def each(_bounds: Bounds, _spool: Spool, on_progress: OnProgress) -> None:
        heeded.append(0)
        signal.raise_signal(signal.SIGINT)
        on_progress("devices", 1)
        heeded.append(1)

    with pytest.raises(KeyboardInterrupt):
        walk(kafka, each)

    assert heeded == [0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("throttle", "show", "nobody"),
        ("throttle", "replay", "nobody"),
        ("throttle", "simulate", "nobody", "--limit", "4"),
        ("why", "nobody"),
    ],
)
async def test_an_unknown_device_is_said(kafka: KafkaSettings, tmp_path: Path, arguments: tuple[str, ...]):
    said = await ups(kafka, tmp_path, *arguments, "--json")

    assert said.exit_code == 1
    assert "nobody" in json.loads(said.stderr)["title"]
    assert json.loads(said.stderr)["what to do"] == "ups device list shows the ids"


@pytest.mark.parametrize("command", [("check",), ("why", "d-1"), ("throttle", "show", "d-1")])
async def test_missing_topics_and_brokers_that_are_away_are_said(
    kafka: KafkaSettings, tmp_path: Path, command: tuple[str, ...]
):
    no_topics = await ups(kafka.model_copy(update={"prefix": "nothing-here"}), tmp_path, *command)
    no_brokers = await ups(kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"}), tmp_path, *command)

    assert (no_topics.exit_code, "ups topics apply" in no_topics.stderr) == (1, True)
    assert (no_brokers.exit_code, "UPS_KAFKA_BOOTSTRAP_SERVERS" in no_brokers.stderr) == (3, True)
    assert "Traceback" not in no_topics.stderr + no_brokers.stderr


@pytest.mark.parametrize(
    "options", [(), ("--limit", "0"), ("--window", "soon"), ("--window", "25h"), ("--period", "31d"), ("--limit", "61")]
)
async def test_a_policy_that_cannot_be_is_wrong_use(kafka: KafkaSettings, tmp_path: Path, options: tuple[str, ...]):
    said = await ups(kafka, tmp_path, "throttle", "simulate", CHATTERS, *options)

    assert said.exit_code == 2


async def test_replay_and_simulation_write_nothing(kafka: KafkaSettings, tmp_path: Path):
    before = [await read(kafka, topic) for topic in TOPICS]

    for command in (("replay",), ("simulate", CHATTERS, "--limit", "4")):
        await ups(kafka, tmp_path, "throttle", *command)

    assert [await read(kafka, topic) for topic in TOPICS] == before

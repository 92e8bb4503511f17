import asyncio
import json
import os
import select
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any, get_args

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

from ups_devstack.errors import DevstackError, NotControllableError, NotReadyError, UnavailableError
from ups_devstack.stack import Backing, PartName, backing, reason_unavailable

pytestmark = pytest.mark.stack

PARTS: tuple[PartName, ...] = get_args(PartName)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if reason := reason_unavailable("embedded"):
        pytest.skip(reason)
    return tmp_path


async def make_topic(stack: Backing, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(stack: Backing, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap, transactional_id=f"{topic}-writer")
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def first_value(stack: Backing, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=stack.kafka_bootstrap,
        group_id=f"{topic}-readers",
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            record = await consumer.getone()
    finally:
        await consumer.stop()
    value: bytes | None = record.value
    return value


@asynccontextmanager
async def devices_of(stack: Backing, database: str) -> AsyncIterator[AsyncCollection[dict[str, Any]]]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.mongo_uri, w="majority")
    async with client:
        yield client[database]["devices"]


def send(stack: Backing, to: str, subject: str = "On battery") -> None:
    mail = EmailMessage()
    mail["From"] = "ups@example.com"
    mail["To"] = to
    mail["Subject"] = subject
    mail["List-Unsubscribe"] = "<https://example.com/u>"
    mail.set_content("The UPS runs on battery.\nÄ line.\n")
    mail.add_alternative("<p>The UPS runs on battery.</p>", subtype="html")
    with smtplib.SMTP(stack.smtp_host, stack.smtp_port) as smtp:
        smtp.send_message(mail)


def has_ended(pid: int, *, within_s: float) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], within_s)[0])
    finally:
        os.close(process)


async def test_kafka_takes_and_gives_records_in_transactions(stack: Backing, prefix: str) -> None:
    await make_topic(stack, f"{prefix}.events")

    await produce(stack, f"{prefix}.events", b"on battery")

    assert await first_value(stack, f"{prefix}.events") == b"on battery"


async def test_mongo_commits_transactions(stack: Backing, prefix: str) -> None:
    async with devices_of(stack, prefix) as devices:
        async with devices.database.client.start_session() as session, await session.start_transaction():
            await devices.insert_one({"_id": "a"}, session=session)
            await devices.insert_one({"_id": "b"}, session=session)

        assert await devices.count_documents({}) == 2


async def test_a_sent_mail_is_in_the_inbox_with_its_headers_and_both_bodies(stack: Backing, prefix: str) -> None:
    send(stack, f"{prefix}@example.com", subject="Auf Batterie – Serverraum")

    (mail,) = await stack.inbox.mails(to=f"{prefix}@example.com")

    assert mail.subject == "Auf Batterie – Serverraum"
    assert mail.header("list-unsubscribe") == "<https://example.com/u>"
    assert mail.text == "The UPS runs on battery.\nÄ line."
    assert mail.html == "<p>The UPS runs on battery.</p>"
    assert b"List-Unsubscribe: <https://example.com/u>" in mail.raw


async def test_what_a_test_leaves_behind_is_swept(stack: Backing, prefix: str) -> None:
    from ups_devstack.sweep import sweep

    await make_topic(stack, f"{prefix}.events")
    async with devices_of(stack, f"{prefix}-device") as devices:
        await devices.insert_one({})

        await asyncio.to_thread(sweep, stack, prefix)

        assert await devices.count_documents({}) == 0
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await admin.start()
    try:
        assert f"{prefix}.events" not in await admin.list_topics()
    finally:
        await admin.close()


async def test_a_second_stack_runs_beside_the_first_and_shares_nothing(stack: Backing, tmp_path: Path) -> None:
    async with backing(data_dir=tmp_path) as second:
        send(second, "somebody@example.com")

        assert len(await second.inbox.mails(to="somebody@example.com")) == 1
        assert await stack.inbox.mails(to="somebody@example.com") == []
        addresses = {(each.kafka_bootstrap, each.mongo_uri, each.inbox.url) for each in (stack, second)}
        assert len(addresses) == 2


async def test_acknowledged_data_survive_when_the_plug_is_pulled(folder: Path) -> None:
    async with backing(data_dir=folder) as stack:
        before = (stack.kafka_bootstrap, stack.mongo_uri, stack.smtp_port)
        await make_topic(stack, "events")
        await produce(stack, "events", b"on battery")
        async with devices_of(stack, "ups") as devices:
            await devices.insert_one({"_id": "a"})
        send(stack, "somebody@example.com")

        async with asyncio.TaskGroup() as group:
            for part in PARTS:
                group.create_task(stack.kill(part))
        async with asyncio.TaskGroup() as group:
            for part in PARTS:
                group.create_task(stack.start(part))

        assert (stack.kafka_bootstrap, stack.mongo_uri, stack.smtp_port) == before
        assert await first_value(stack, "events") == b"on battery"
        async with devices_of(stack, "ups") as devices:
            assert await devices.count_documents({}) == 1
        assert len(await stack.inbox.mails()) == 1


async def test_a_later_stack_on_the_same_folder_has_the_data_of_the_earlier_one(folder: Path) -> None:
    async with backing(data_dir=folder) as earlier:
        await make_topic(earlier, "events")
        await produce(earlier, "events", b"on battery")
        async with devices_of(earlier, "ups") as devices:
            await devices.insert_one({"_id": "a"})
        send(earlier, "somebody@example.com")

    # MongoDB has to move, because somebody took its port; the others are where they were.
    (port,) = json.loads((folder / "mongo" / "ports.json").read_text())
    with socket.create_server(("127.0.0.1", port)):
        async with backing(data_dir=folder) as later:
            assert later.kafka_bootstrap == earlier.kafka_bootstrap
            assert later.mongo_uri != earlier.mongo_uri
            assert await first_value(later, "events") == b"on battery"
            async with devices_of(later, "ups") as devices:
                assert await devices.count_documents({}) == 1
            assert len(await later.inbox.mails()) == 1


async def test_two_stacks_on_one_folder_are_refused(stack: Backing) -> None:
    with pytest.raises(DevstackError, match="another stack runs on"):
        async with backing(data_dir=stack.data_dir):
            pass


def test_children_die_when_their_parent_is_killed(folder: Path) -> None:
    program = """
import asyncio, pathlib, sys
from ups_devstack.stack import backing

async def main():
    async with backing(data_dir=pathlib.Path(sys.argv[1])) as stack:
        print(*stack.pids.values(), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 3

        parent.send_signal(signal.SIGKILL)

        assert all(has_ended(pid, within_s=20) for pid in pids)


async def test_nothing_is_left_running_when_the_start_is_cancelled(folder: Path) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1), backing(data_dir=folder):
            raise AssertionError("ready within a second?")

    assert str(folder) not in await asyncio.to_thread(all_command_lines)


def all_command_lines() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text(errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return "\n".join(found)


async def test_a_part_that_cannot_start_says_why_and_the_others_end(folder: Path) -> None:
    foreign = folder / "mongo" / "data"
    foreign.mkdir(parents=True)
    (foreign / "WiredTiger").write_text("no database")
    (foreign / "storage.bson").write_text("no database")

    with pytest.raises(ExceptionGroup) as caught:
        async with backing(data_dir=folder):
            pass

    (error,) = caught.value.exceptions
    assert isinstance(error, NotReadyError)
    assert str(error).startswith("MongoDB ended with exit code")
    assert str(folder / "logs" / "mongod.log") in str(error)
    assert str(folder) not in await asyncio.to_thread(all_command_lines)


async def test_an_external_stack_is_known_by_its_addresses(
    stack: Backing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPS_KAFKA_BOOTSTRAP_SERVERS", stack.kafka_bootstrap)
    monkeypatch.setenv("UPS_MONGO_URI", stack.mongo_uri)
    monkeypatch.setenv("UPS_SMTP_HOST", stack.smtp_host)
    monkeypatch.setenv("UPS_SMTP_PORT", str(stack.smtp_port))
    monkeypatch.setenv("UPS_DEVSTACK_INBOX_URL", stack.inbox.url)

    async with backing("external", data_dir=tmp_path) as external:
        assert external.mongo_uri == stack.mongo_uri
        with pytest.raises(NotControllableError):
            await external.kill("kafka")


async def test_an_external_stack_names_every_missing_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UPS_KAFKA_BOOTSTRAP_SERVERS", "UPS_MONGO_URI", "UPS_SMTP_HOST", "UPS_SMTP_PORT"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(UnavailableError, match=r"UPS_KAFKA_BOOTSTRAP_SERVERS .*UPS_MONGO_URI .*UPS_SMTP_HOST"):
        async with backing("external", data_dir=tmp_path):
            pass


async def test_the_set_runs_in_docker(tmp_path: Path) -> None:
    if reason := reason_unavailable("docker"):
        pytest.skip(reason)

    async with backing("docker", data_dir=tmp_path) as stack:
        await make_topic(stack, "events")
        await produce(stack, "events", b"on battery")
        assert await first_value(stack, "events") == b"on battery"
        async with devices_of(stack, "ups") as devices:
            await devices.insert_one({"_id": "a"})
        send(stack, "somebody@example.com")
        assert [mail.subject for mail in await stack.inbox.mails(to="somebody@example.com")] == ["On battery"]

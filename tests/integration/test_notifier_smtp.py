"""The notifier on real brokers, a real database and SMTP: each decision is one mail to each of its readers."""

import asyncio
import hashlib
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest

from ups_cli.testing.live import ups
from ups_devstack.stack import Backing
from ups_notifier.adapters.migrations import DATABASE
from ups_notifier.testing import account_samples, samples
from ups_notifier.testing.checker import check
from ups_notifier.testing.smtp_server import ScriptedServer, Taken, Then
from ups_notifier.testing.world import LETTERS, TOKEN, World, outage, power_back, world_with
from ups_runtime import mongo
from ups_runtime.clock import SystemClock
from ups_runtime.lifecycle import Life
from ups_runtime.settings import (
    KafkaSettings,
    MongoSettings,
)
from ups_runtime.testing import eventually
from ups_schemas.ids import delivery_id
from ups_schemas.mail import DeliveryState, MailDelivery, MailKind
from ups_schemas.topics import DECISIONS, DEVICES, MAIL_REQUESTS


def _settings(stack: Backing, prefix: str) -> tuple[KafkaSettings, MongoSettings]:
    return (
        KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix),
        MongoSettings(uri=stack.mongo_uri, database_prefix=prefix),
    )


@pytest.fixture
async def world(stack: Backing, prefix: str) -> AsyncIterator[World]:
    """With the stack's own mail server."""
    async with world_with(*_settings(stack, prefix), stack.smtp_port) as built:
        yield built


@pytest.fixture
async def scripted(stack: Backing, prefix: str, server: ScriptedServer) -> AsyncIterator[World]:
    """With a mail server that does what the test says."""
    async with world_with(*_settings(stack, prefix), server.port) as built:
        yield built


# Of whom nothing but the address is known.
TO_STRANGERS = (MailKind.VERIFY_ADDRESS, MailKind.INVITATION)
ACCOUNT_KINDS = (
    *TO_STRANGERS,
    MailKind.ACCOUNT_EXISTS,
    MailKind.INVITATION_ACCEPTED,
    MailKind.PASSWORD_RESET,
    MailKind.PASSWORD_CHANGED,
    MailKind.MEMBER_REMOVED,
    MailKind.OWNERSHIP_PASSED,
)


def message_ids(mails: list[Taken]) -> Counter[str]:
    return Counter(str(message_from_bytes(mail.message, policy=default)["Message-ID"]) for mail in mails)


def message_id(notification_id: str, user_id: str = samples.OWNER) -> str:
    return f"<{delivery_id(notification_id, user_id)}@ridethrough.example.com>"


async def ready(life: Life) -> dict[str, str]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.side_port}", timeout=30) as client:
        return (await client.get("/readyz")).json()["missing"]


async def test_a_decision_is_one_mail_to_each_of_its_readers(stack: Backing, world: World) -> None:
    addresses = [world.address(user_id) for user_id in (samples.OWNER, samples.CO_WORKER)]
    async with world.service() as life:
        raised = outage()
        await world.decide(raised, power_back(2, raised))
        for address in addresses:
            await eventually(lambda to=address: _count(stack, to, 2), within_s=30)
        reports = await eventually(lambda: _reported(world, 4))
        await eventually(lambda: _is_ready(life))

    for address, user_id in zip(addresses, (samples.OWNER, samples.CO_WORKER), strict=True):
        began, ended = await stack.inbox.mails(to=address)
        assert began.recipients == ended.recipients == (address,)
        assert (began.subject, ended.subject) == (
            "[Critical] On battery: Server room UPS, Berlin, Invalidenstr. 4",
            "[Resolved] Power restored: Server room UPS, Berlin, Invalidenstr. 4",
        )
        assert began.header("Message-ID") == message_id("n1", user_id)
        assert ended.header("In-Reply-To") == message_id("n1", user_id)
    assert {report.state for report in reports} == {DeliveryState.ACCEPTED}


async def test_a_replay_of_all_decisions_mails_nothing_twice(stack: Backing, world: World) -> None:
    async with world.service():
        await world.decide(*(outage(number) for number in range(1, 6)))
        await eventually(lambda: _count(stack, world.address(samples.OWNER), 5), within_s=30)
        await eventually(world.consumed)
    await world.rewind()

    async with world.service():
        await eventually(world.consumed, within_s=30)
        await world.decide(outage(6))
        await eventually(lambda: _count(stack, world.address(samples.OWNER), 6), within_s=30)

    ids = Counter(mail.header("Message-ID") for mail in await stack.inbox.mails(to=world.address(samples.OWNER)))
    assert set(ids.values()) == {1}


async def test_a_relay_that_is_down_delays_and_loses_nothing(stack: Backing, world: World) -> None:
    await stack.stop("mailbox")
    try:
        async with world.service() as life:
            await world.decide(outage(1), outage(2))
            await eventually(lambda: _says(life, "relay", "the relay refuses connections"), within_s=30)
            assert [report.state for report in await world.reports()] == []
            await stack.start("mailbox")
            await eventually(lambda: _count(stack, world.address(samples.OWNER), 2), within_s=60)
            await eventually(lambda: _is_ready(life), within_s=30)
    finally:
        if "mailbox" not in stack.pids:
            await stack.start("mailbox")

    mails = await stack.inbox.mails(to=world.address(samples.OWNER))
    assert [mail.header("Message-ID") for mail in mails] == [message_id("n1"), message_id("n2")]


async def test_the_end_comes_after_the_beginning_also_through_retries(scripted: World, server: ScriptedServer) -> None:
    server.next("RCPT", "451 later", "451 later", "451 later")
    raised = outage(recipients=(samples.OWNER,))
    async with scripted.service():
        await scripted.decide(raised, power_back(2, raised))
        await eventually(lambda: len(server.taken) >= 2, within_s=30)
        await eventually(lambda: _reported(scripted, 2, DeliveryState.ACCEPTED))

    mine = [mail for mail in server.taken if mail.recipient == scripted.address(samples.OWNER)]
    assert list(message_ids(mine)) == [message_id("n1"), message_id("n2")]


async def test_a_lost_answer_is_counted_shown_and_repeated_with_the_same_message(
    scripted: World, server: ScriptedServer
) -> None:
    server.next("CONTENT", Then.KEEP_AND_CUT)
    async with scripted.service() as life:
        await scripted.decide(outage(recipients=(samples.OWNER,)))
        await eventually(lambda: len(server.taken) == 2, within_s=30)
        reports = await eventually(lambda: _reported(scripted, 2))
        shown = await _deliveries(life)
        one = await _deliveries(life, f"/{shown['deliveries'][0]['delivery_id']}")

    assert server.taken[0] == server.taken[1]
    assert [(report.state, report.reason) for report in reports] == [
        (DeliveryState.UNKNOWN, "answer_lost"),
        (DeliveryState.ACCEPTED, "after_unknown"),
    ]
    assert [(row["state"], row["doubtful"]) for row in shown["deliveries"]] == [("accepted", True)]
    (row,) = shown["deliveries"]
    assert row["created_at"] < row["last_data_at"] < row["changed_at"]
    assert one == row


async def test_who_unsubscribes_meanwhile_gets_nothing(scripted: World, server: ScriptedServer) -> None:
    server.next("CONNECT", *["421 busy"] * 3)
    device = samples.reader().device
    async with scripted.service() as life:
        await scripted.decide(outage())
        await eventually(lambda: _says(life, "relay", "the relay greets with an error"), within_s=30)
        only_owner = device.subscriptions[:1]
        await scripted.write(DEVICES, device.device_id, device.model_copy(update={"subscriptions": only_owner}))
        reports = await eventually(lambda: _reported(scripted, 2), within_s=30)

    assert {(report.user_id, report.state, report.reason) for report in reports} == {
        (samples.OWNER, DeliveryState.ACCEPTED, None),
        (samples.CO_WORKER, DeliveryState.DROPPED, "unsubscribed"),
    }
    assert [mail.recipient for mail in server.taken] == [scripted.address(samples.OWNER)]


async def test_several_notifiers_share_the_work(scripted: World, server: ScriptedServer) -> None:
    decisions = [outage(number) for number in range(1, 16)]
    async with scripted.service(), scripted.service():
        await scripted.decide(*decisions)
        await eventually(lambda: _reported(scripted, 30, DeliveryState.ACCEPTED), within_s=60)

    verdict = check(decisions, await scripted.rows(), server.taken, scripted.address)
    assert (verdict.faults, verdict.told, verdict.marked) == ([], 30, 0)


async def test_poison_goes_to_the_dead_letters_and_its_neighbours_are_mailed(
    scripted: World, server: ScriptedServer
) -> None:
    async with scripted.service():
        await scripted.write(DECISIONS, samples.DEVICE_ID, b"\xff not json")
        await scripted.write(DECISIONS, samples.DEVICE_ID, b'{"type": "ups.event-decided.v1"}')
        await scripted.decide(outage())
        await eventually(lambda: len(server.taken) == 2, within_s=30)

    assert [record.value for record in await scripted.read(LETTERS)] == [
        b"\xff not json",
        b'{"type": "ups.event-decided.v1"}',
    ]


async def test_account_mail_goes_out_once_and_leaves_nothing_behind(
    scripted: World, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    now = SystemClock().now()
    ordered = [
        account_samples.order(
            kind=kind,
            request_id=kind.value,
            recipient_id="invitation-1" if kind in TO_STRANGERS else samples.OWNER,
            requested_at=now,
            not_after=now + timedelta(hours=1),
            parameters={"company_name": "Okafor & Sons", "inviter_name": "Sam Okafor"},
        )
        for kind in ACCOUNT_KINDS
    ]
    younger = ordered[0].model_dump(mode="json") | {"kind": "younger_than_this", "request_id": "younger"}
    async with scripted.service() as life:
        for each in (*ordered, *ordered[:1]):
            await scripted.write(MAIL_REQUESTS, each.recipient_id, each)
        await scripted.write(MAIL_REQUESTS, ordered[0].recipient_id, json.dumps(younger).encode())
        reports = await eventually(lambda: _reported(scripted, len(ordered) + 1, DeliveryState.ACCEPTED), within_s=30)
        shown = json.dumps(await _deliveries(life))

    assert [(mail.sender, mail.recipient) for mail in server.taken] == [
        ("account@ridethrough.example.com", "sam@example.net")
    ] * len(reports)
    assert {report.device_id for report in reports} == {None}
    assert {report.kind for report in reports} == {*ACCOUNT_KINDS, MailKind.ACCOUNT}
    left = "".join(map(str, await _documents(scripted)))
    told = "".join(each.model_dump_json() for each in reports)
    logged = "".join(capsys.readouterr())
    for place in (left, told, shown):
        assert "invitation-1" in place
    for place in (left, told, shown, logged):
        assert not [secret for secret in ("sam@example.net", "Okafor", "token-that-nobody-may-read") if secret in place]


async def test_dead_orders_keep_no_value(scripted: World) -> None:
    broken = account_samples.order().model_dump_json().replace("requested_at", "asked_at").encode()
    async with scripted.service():
        await scripted.write(MAIL_REQUESTS, "invitation-1", broken)
        [letter] = await eventually(lambda: scripted.read(LETTERS), within_s=30)

    headers = dict(letter.headers)
    assert letter.value is None
    assert headers["dlq_value_sha256"].decode() == hashlib.sha256(broken).hexdigest()
    assert b"sam@" not in b"".join(headers.values())


@pytest.mark.parametrize(
    ("phase", "action", "mails"),
    [
        ("MAIL", Then.HANG, 1),
        ("RCPT", Then.HANG, 1),
        ("DATA", Then.HANG, 1),
        ("CONTENT", Then.HANG, 1),
        ("CONTENT", Then.KEEP_AND_HANG, 2),
    ],
    ids=["mail", "rcpt", "data", "content", "content-kept"],
)
async def test_killed_at_any_point_it_sends_at_most_the_documented_double(
    scripted: World, server: ScriptedServer, phase: str, action: Then, mails: int
) -> None:
    server.next(phase, action)
    await scripted.decide(outage(recipients=(samples.OWNER,)))

    async with scripted.process() as first:
        await eventually(lambda: _hangs(server, phase, action), within_s=30)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    async with scripted.process():
        await eventually(lambda: _states(scripted, "accepted"), within_s=30)

    assert message_ids(server.taken) == {message_id("n1"): mails}
    assert len({mail.message for mail in server.taken}) == 1


@pytest.mark.parametrize(("phase", "mails"), [("MAIL", 1), ("RCPT", 1), ("DATA", 1), ("CONTENT", 2)])
async def test_paused_past_its_lease_it_sends_at_most_the_documented_double(
    scripted: World, server: ScriptedServer, phase: str, mails: int
) -> None:
    server.next(phase, Then.WAIT)
    await scripted.decide(outage(1, recipients=(samples.OWNER,)))

    async with scripted.process() as paused:
        await eventually(lambda: server.waiting, within_s=30)
        paused.send_signal(signal.SIGSTOP)
        async with scripted.process():
            await eventually(lambda: _states(scripted, "accepted"), within_s=30)
            server.gate.set()
            paused.send_signal(signal.SIGCONT)
            await scripted.decide(outage(2, recipients=(samples.OWNER,)))
            await eventually(lambda: _states(scripted, "accepted", "accepted"), within_s=30)

    assert message_ids(server.taken) == {message_id("n1"): mails, message_id("n2"): 1}


async def test_sigterm_ends_it_in_order(scripted: World, server: ScriptedServer) -> None:
    async with scripted.process() as service:
        await scripted.decide(outage())
        await eventually(lambda: len(server.taken) == 2, within_s=30)
        service.send_signal(signal.SIGTERM)

        assert await asyncio.wait_for(service.wait(), 25) == 0


async def test_sigterm_waits_for_the_answer_to_a_mail_that_is_under_way(
    scripted: World, server: ScriptedServer, tmp_path: Path
) -> None:
    ports = tmp_path / "ports.json"
    server.next("CONTENT", Then.WAIT)
    async with scripted.process(UPS_HTTP_PORTS_FILE=str(ports)) as service:
        await scripted.decide(outage(1, recipients=(samples.OWNER,)), outage(2, recipients=(samples.OWNER,)))
        await eventually(lambda: server.waiting, within_s=30)
        port = (await eventually(lambda: ports.exists() and json.loads(ports.read_text())))["port"]
        service.send_signal(signal.SIGTERM)
        await eventually(lambda: _nobody_listens(port))
        server.gate.set()
        assert await asyncio.wait_for(service.wait(), 25) == 0

    assert await _states(scripted, "accepted", "pending")
    async with scripted.process():
        await eventually(lambda: _states(scripted, "accepted", "accepted"), within_s=30)
    assert set(message_ids(server.taken).values()) == {1}


async def test_the_operator_has_a_failed_mail_tried_again_once(scripted: World, server: ScriptedServer) -> None:
    server.next("CONTENT", "554 not like this")
    failed = outage(1, recipients=(samples.OWNER,))
    path = f"/v1/operator/deliveries/{delivery_id('n1', samples.OWNER)}/retry"
    async with scripted.service() as life:
        await scripted.decide(failed)
        await eventually(lambda: _states(scripted, "failed"), within_s=30)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{life.ports[0]}", timeout=30, headers=_token()
        ) as client:
            key = {"Idempotency-Key": "again"}
            first = (await client.post(path, headers=key)).raise_for_status().json()
            await eventually(lambda: _states(scripted, "accepted"), within_s=30)
            repeated = (await client.post(path, headers=key)).raise_for_status().json()
            refused = await client.post(path)
            unheard_of = await client.post("/v1/operator/deliveries/x/retry")
            client.headers.clear()
            stranger = await client.post(path)

    assert (first["result"], repeated["result"]) == ("reopened", "already_open")
    assert repeated["delivery"]["state"] == "accepted"
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:ridethrough:problem:delivery-accepted")
    assert (unheard_of.status_code, stranger.status_code) == (404, 401)
    verdict = check([failed], await scripted.rows(), server.taken, scripted.address)
    assert (verdict.faults, verdict.told, verdict.marked) == ([], 1, 0)


async def test_ups_has_a_failed_mail_tried_again(scripted: World, server: ScriptedServer, tmp_path: Path) -> None:
    server.next("RCPT", "554 not now")
    failed = outage(1, recipients=(samples.OWNER,))
    async with scripted.service() as life:
        await scripted.decide(failed)
        await eventually(lambda: _states(scripted, "failed"), within_s=30)
        where = {"UPS_CLI_NOTIFIER_URL": f"http://127.0.0.1:{life.ports[0]}", "UPS_OPERATOR_TOKEN": TOKEN}
        retry = ("deliveries", "retry", delivery_id("n1", samples.OWNER))
        reopened = await ups(scripted.kafka, tmp_path, *retry, **where)
        await eventually(lambda: _states(scripted, "accepted"), within_s=30)
        refused = await ups(scripted.kafka, tmp_path, *retry, **where)

    assert (reopened.exit_code, reopened.stdout[:17]) == (0, "It is tried again"), reopened.stderr
    assert refused.exit_code == 1
    assert "The mail server has taken this mail." in refused.stderr
    verdict = check([failed], await scripted.rows(), server.taken, scripted.address)
    assert (verdict.faults, verdict.told, verdict.marked) == ([], 1, 0)


async def test_only_the_operator_reads_the_ledger(scripted: World) -> None:
    async with (
        scripted.service() as life,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.ports[0]}", timeout=30) as client,
    ):
        assert (await client.get("/v1/operator/deliveries")).status_code == 401
        wrong = await client.get("/v1/operator/deliveries", headers=_token(), params={"cursor": "x", "limit": 1})
        assert wrong.status_code == 422
        assert (await client.get("/v1/operator/deliveries/x")).status_code == 401
        assert (await client.get("/v1/operator/deliveries/x", headers=_token())).status_code == 404


def _hangs(server: ScriptedServer, phase: str, action: Then) -> bool:
    """Whether the script was played, and the server keeps the client waiting."""
    return not server.script[phase] and (action is not Then.KEEP_AND_HANG or bool(server.taken))


async def _nobody_listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    await writer.wait_closed()
    return False


def _token() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


async def _deliveries(life: Life, which: str = "") -> Any:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.ports[0]}", timeout=30, headers=_token()) as client:
        return (await client.get(f"/v1/operator/deliveries{which}")).raise_for_status().json()


async def _count(stack: Backing, address: str, wanted: int) -> bool:
    return len(await stack.inbox.mails(to=address)) >= wanted


async def _reported(world: World, wanted: int, state: DeliveryState | None = None) -> list[MailDelivery]:
    reports = [report for report in await world.reports() if state in {None, report.state}]
    return reports if len(reports) >= wanted else []


async def _states(world: World, *states: str) -> bool:
    """Whether the ledger's rows are in these states: its reports come later when their publisher was killed, too."""
    return sorted(row.state for row in await world.rows()) == sorted(states)


async def _documents(world: World) -> list[Any]:
    """All that the service keeps."""
    async with mongo.client(world.mongo) as client:
        database = mongo.database(client, world.mongo, DATABASE)
        return [each for name in await database.list_collection_names() async for each in database[name].find()]


async def _says(life: Life, check: str, text: str) -> bool:
    return (await ready(life)).get(check) == text


async def _is_ready(life: Life) -> bool:
    return not await ready(life)

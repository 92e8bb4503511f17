"""Bounces on real brokers, a real database and SMTP: who cannot be reached is mailed no more, and that is told."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ups_notifier.adapters.migrations import BOUNCES, DATABASE
from ups_notifier.adapters.mongo_bounces import MongoBounces
from ups_notifier.adapters.webhook import SIGNATURE_HEADER, TIMESTAMP_HEADER, signature
from ups_notifier.app import start
from ups_notifier.domain.bouncing import BounceKind
from ups_notifier.testing import samples
from ups_notifier.testing.bounces_contract import DEAD, BouncesContract
from ups_notifier.testing.smtp_server import ScriptedServer, Taken
from ups_notifier.testing.world import TOKEN, World, outage
from ups_runtime import codec, mongo
from ups_runtime.clock import SystemClock
from ups_runtime.errors import Permanent
from ups_runtime.kafka import apply_topics
from ups_runtime.lifecycle import Life, running
from ups_runtime.logging import get_logger
from ups_runtime.outbox import Outbox
from ups_runtime.return_path import ReturnPaths
from ups_runtime.testing import eventually
from ups_runtime.testing.signing import Signer
from ups_schemas.account import Role
from ups_schemas.device import Subscription
from ups_schemas.ids import delivery_id
from ups_schemas.mail import DeliveryState, MailDelivery, MailKind, MailRequest
from ups_schemas.topics import (
    DEVICES,
    MAIL_REQUESTS,
    SIGNING_KEYS,
    USERS,
    Service,
)

SECRET = "b" * 32
ADMIN = "7f0e4c0f-8f0e-4c0f-9b1e-0c9f5f0b7a33"
DOCUMENT = Path(__file__).parents[2] / "docs" / "bounces.md"
RETURN_ADDRESS = "bounces@ridethrough.example.com"


@dataclass
class Bouncing:
    """The notifier's world, and its service when it takes bounces; only the owner is subscribed."""

    around: World
    server: ScriptedServer

    def service(self) -> AbstractAsyncContextManager[Life]:
        settings = self.around.settings
        mail = settings.mail.model_copy(update={"return_address": RETURN_ADDRESS})
        notifier = settings.notifier.model_copy(update={"bounce_secret": SecretStr(SECRET)})
        return running(Service.NOTIFIER, replace(settings, mail=mail, notifier=notifier), start)

    async def person(self, user_id: str, **changes: Any) -> None:
        user = samples.reader(user_id).user.model_copy(update={"address": f"{user_id[:4]}@example.com"} | changes)
        await self.around.write(USERS, user_id, user)

    async def outage(self, number: int, recipients: tuple[str, ...] = (samples.OWNER,)) -> None:
        """One that the owner alone is mailed of, unless others are named."""
        await self.around.decide(outage(number, recipients=recipients))

    async def mailed(self, number: int) -> Taken:
        """An outage, and the mail that the relay took of it."""
        before = len(self.server.taken)
        await self.outage(number)
        await eventually(lambda: len(self.server.taken) > before, within_s=30)
        await self.reported(number, DeliveryState.ACCEPTED)
        return self.server.taken[before]

    async def reported(
        self, number: int, state: DeliveryState, reason: str | None = None, user_id: str = samples.OWNER
    ) -> MailDelivery:
        wanted = (delivery_id(f"n{number}", user_id), state, reason)

        async def found() -> list[MailDelivery]:
            reports = await self.around.reports()
            return [each for each in reports if (each.delivery_id, each.state, each.reason) == wanted]

        return (await eventually(found, within_s=30))[0]

    async def requests(self) -> list[MailRequest]:
        return [codec.decode(each, MailRequest).data for each in await self.around.read(MAIL_REQUESTS)]

    @asynccontextmanager
    async def known(self) -> AsyncIterator[Any]:
        """The collection."""
        async with mongo.client(self.around.mongo) as client:
            yield mongo.database(client, self.around.mongo, DATABASE)[BOUNCES]


@pytest.fixture
async def world(world: World, server: ScriptedServer) -> Bouncing:
    built = Bouncing(world, server)
    await built.person(samples.OWNER)
    await built.person(ADMIN, role=Role.ADMIN)
    device = samples.reader().device
    only = tuple(each for each in device.subscriptions if each.user_id == samples.OWNER)
    await world.write(DEVICES, device.device_id, device.model_copy(update={"subscriptions": only}))
    return built


def dsn(path: str, status: str = "5.1.1") -> bytes:
    return (
        f"Delivered-To: {path}\r\nTo: {path}\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="B"\r\n\r\n'
        "--B\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
        "--B\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        f"Final-Recipient: rfc822; {samples.OWNER[:4]}@example.com\r\nAction: failed\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} <{samples.OWNER[:4]}@example.com>: no\r\n--B--\r\n"
    ).encode()


async def call(life: Life, body: bytes, media_type: str = "message/rfc822", **headers: str) -> httpx.Response:
    now = str(int(time.time()))
    signed = {TIMESTAMP_HEADER: now, SIGNATURE_HEADER: signature(SECRET, now, body), "Content-Type": media_type}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.ports[0]}", timeout=30) as client:
        return await client.post("/v1/webhooks/bounces", content=body, headers=signed | headers)


async def operator(life: Life, method: str, path: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.ports[0]}", timeout=30, headers=headers) as client:
        return await client.request(method, path)


async def dead_mailboxes(life: Life, signer: Signer, user_id: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {signer.issue(user_id, SystemClock().now())}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.ports[0]}", headers=headers, timeout=30) as client:
        return await client.get("/v1/company/mailboxes")


async def test_a_mailbox_that_is_not_there_is_mailed_no_more_and_its_admin_is_told(world: Bouncing) -> None:
    async with world.service() as life:
        mail = await world.mailed(1)
        answers = [await call(life, dsn(mail.sender.upper())) for _ in range(2)]
        bounced = await world.reported(1, DeliveryState.FAILED, "bounced")
        await world.outage(2)
        await world.reported(2, DeliveryState.DROPPED, "bounced")
        letter = (await eventually(lambda: world.server.taken[1:], within_s=30))[0]
        listed = (await operator(life, "GET", "/v1/operator/bounces")).json()
        async with world.known() as known:
            stored = repr([each async for each in known.find()])
        requests = await world.requests()

    assert mail.sender.startswith("bounces+")
    assert mail.recipient == f"{samples.OWNER[:4]}@example.com"
    assert [(each.status_code, each.json()) for each in answers] == [(200, {"result": "taken", "kind": "hard"})] * 2
    assert "@" not in bounced.model_dump_json()
    assert letter.recipient == f"{ADMIN[:4]}@example.com"
    assert "Server room UPS" in _text(letter)
    assert [(each.kind, each.recipient_id) for each in requests] == [(MailKind.MAILBOX_DEAD, ADMIN)]
    [item] = listed["items"]
    assert (item["user_id"], item["cause"], item["bounces"][0]["code"]) == (samples.OWNER, "hard", "5.1.1")
    assert "example.com" not in stored + str(listed)


async def test_a_mail_that_came_back_for_its_content_is_said_to_and_its_mailbox_is_mailed(world: Bouncing) -> None:
    async with world.service() as life:
        mail = await world.mailed(1)
        answer = await call(life, dsn(mail.sender, "5.7.1"))
        await world.reported(1, DeliveryState.FAILED, "bounced")
        await world.mailed(2)

    assert answer.json() == {"result": "taken", "kind": None}


async def test_a_refusal_at_rcpt_is_a_hard_bounce(world: Bouncing) -> None:
    world.server.next("RCPT", "550 5.1.1 <5d0b@example.com>: no such user")
    async with world.service():
        await world.outage(1)
        await world.reported(1, DeliveryState.FAILED, "reply")
        await world.outage(2)
        await world.reported(2, DeliveryState.DROPPED, "bounced")


async def test_a_relay_that_says_of_everybody_that_there_is_no_mailbox_stops_nobodys_mail(world: Bouncing) -> None:
    people = (samples.OWNER, samples.CO_WORKER, ADMIN, "8e1f4c0f-8f0e-4c0f-9b1e-0c9f5f0b7a44")
    for each in people[1:]:
        await world.person(each)
    device = samples.reader().device
    subscribed = tuple(Subscription(user_id=each) for each in people)
    await world.around.write(DEVICES, device.device_id, device.model_copy(update={"subscriptions": subscribed}))
    for _ in people:
        world.server.next("RCPT", "550 5.1.1 no such user")
    async with world.service() as life, world.service():
        await world.outage(1, people)
        for each in people:
            await world.reported(1, DeliveryState.FAILED, "reply", each)
        listed = (await operator(life, "GET", "/v1/operator/bounces")).json()["items"]
        await world.outage(2, people)
        for each in people:
            await world.reported(2, DeliveryState.ACCEPTED, None, each)

    assert [(each["dead_since"], each["held_at"] is not None) for each in listed] == [(None, True)] * len(people)


async def test_an_admin_sees_it_once_the_signing_keys_can_be_read_and_mail_goes_out_before(world: Bouncing) -> None:
    signer = Signer(SystemClock().now())
    async with world.service() as life:
        mail = await world.mailed(1)
        await call(life, dsn(mail.sender))
        unready = [each for each in life.health.missing() if "signing" in each]
        early = await dead_mailboxes(life, signer, ADMIN)
        await apply_topics(world.around.kafka, [SIGNING_KEYS], 1, get_logger("test"))
        await world.around.write(SIGNING_KEYS, signer.key_id, signer.published)

        async def answered() -> httpx.Response | None:
            answer = await dead_mailboxes(life, signer, ADMIN)
            return answer if answer.status_code != 503 else None

        seen = await eventually(answered, within_s=30)
        refused = await dead_mailboxes(life, signer, samples.OWNER)
        await world.person(samples.OWNER, version=2, company_id="another")

        async def out_of_sight() -> bool:
            return (await dead_mailboxes(life, signer, ADMIN)).json() == {"mailboxes": [], "cursor": None}

        await eventually(out_of_sight, within_s=30)

    assert unready == []
    assert early.status_code == 503
    [item] = seen.json()["mailboxes"]
    assert (item["user_id"], item["address"]) == (samples.OWNER, f"{samples.OWNER[:4]}@example.com")
    assert (item["name"], item["cause"]) == ("Alex Meyer", "hard")
    assert refused.status_code == 403


async def test_a_changed_address_is_mailed(world: Bouncing) -> None:
    async with world.service() as life:
        mail = await world.mailed(1)
        await call(life, dsn(mail.sender))
        await world.outage(2)
        await world.reported(2, DeliveryState.DROPPED, "bounced")
        await world.person(samples.OWNER, version=2, address="new@example.com")
        await world.outage(3)
        await world.reported(3, DeliveryState.ACCEPTED)

    assert "new@example.com" in {each.recipient for each in world.server.taken}


async def test_what_the_operator_clears_is_mailed(world: Bouncing) -> None:
    async with world.service() as life:
        mail = await world.mailed(1)
        await call(life, dsn(mail.sender))
        path = f"/v1/operator/bounces/{samples.OWNER}"
        cleared = [(await operator(life, "DELETE", path)).status_code for _ in range(2)]
        await call(life, dsn(mail.sender))
        await world.mailed(2)

    assert cleared == [204, 404]


async def test_a_complaint_ends_event_mail(world: Bouncing) -> None:
    async with world.service() as life:
        mail = await world.mailed(1)
        body = f'{{"return_path": "{mail.sender}", "kind": "complaint"}}'.encode()
        answer = await call(life, body, "application/json")
        await world.outage(2)
        await world.reported(2, DeliveryState.DROPPED, "complaint")
        [request] = await eventually(world.requests, within_s=30)

    assert answer.json() == {"result": "taken", "kind": "complaint"}
    assert request.parameters["cause"] == "complaint"


async def test_two_notifiers_that_hear_one_bounce_at_once_note_and_tell_it_once(world: Bouncing) -> None:
    async with world.service() as one, world.service() as other:
        mail = await world.mailed(1)
        answers = await asyncio.gather(*(call(life, dsn(mail.sender)) for life in (one, other) * 5))
        await eventually(world.requests, within_s=30)
        async with world.known() as known:
            [mailbox] = [each async for each in known.find()]
        await world.reported(1, DeliveryState.FAILED, "bounced")
        reports = await world.around.reports()
        requests = await world.requests()

    assert {each.text for each in answers} == {answers[0].text}
    assert len(mailbox["notes"]) == 1
    assert len(requests) == 1
    assert len([each for each in reports if each.reason == "bounced"]) == 1


async def test_who_is_erased_is_forgotten(world: Bouncing) -> None:
    async with world.service() as life, world.known() as known:
        mail = await world.mailed(1)
        await call(life, dsn(mail.sender))
        assert await known.count_documents({}) == 1
        await world.around.write(USERS, samples.OWNER, None)

        async def forgotten() -> bool:
            return await known.count_documents({}) == 0

        await eventually(forgotten, within_s=30)


async def test_a_hostile_call_is_refused_or_ignored_and_changes_nothing(world: Bouncing) -> None:
    forged = ReturnPaths(("another key of somebody else's, 32 long",), RETURN_ADDRESS).mint(
        delivery_id("n1", samples.OWNER), f"{samples.OWNER[:4]}@example.com"
    )
    async with world.service() as life:
        mail = await world.mailed(1)
        ignored = [
            (await call(life, body)).json()["result"]
            for body in (dsn(forged), dsn("bounces@example.com"), b"\x00\xff" * 500, b"")
        ]
        refused = [
            (await call(life, dsn(mail.sender), **{SIGNATURE_HEADER: "0" * 64})).status_code,
            (await call(life, dsn(mail.sender), **{TIMESTAMP_HEADER: "1"})).status_code,
            (await call(life, b"<html>", "text/html")).status_code,
            (await call(life, b"{}", "application/json")).status_code,
            (await call(life, b"[" * 100_000, "application/json")).status_code,
            (await call(life, b'{"return_path": "a", "kind": "nice"}', "application/json")).status_code,
            (await call(life, b'{"return_path": "a", "kind": "hard", "to": "b"}', "application/json")).status_code,
            (await call(life, b"a" * 1024 * 1024 + b"a")).status_code,
        ]
        async with world.known() as known:
            assert await known.count_documents({}) == 0
        unsigned = await operator(life, "POST", "/v1/webhooks/bounces")
        unknown = [
            (await operator(life, "GET", "/v1/operator/bounces?cursor=x")).status_code,
            (await operator(life, "DELETE", "/v1/operator/bounces/nobody")).status_code,
        ]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.ports[0]}", timeout=30) as client:
            unknown.append((await client.get("/v1/operator/bounces")).status_code)
            unknown.append((await client.delete(f"/v1/operator/bounces/{samples.OWNER}")).status_code)

    assert ignored == ["not_ours", "not_ours", "no_report", "no_report"]
    assert refused == [401, 401, 415, 422, 422, 422, 422, 413]
    assert unsigned.status_code == 401
    assert SECRET not in unsigned.text
    assert unknown == [422, 404, 401, 401]


async def test_the_documented_pipe_delivers_what_came_back(world: Bouncing, tmp_path: Path) -> None:
    [script] = re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    pipe, secret = tmp_path / "ridethrough-bounce", tmp_path / "secret"
    pipe.write_text(script)
    secret.write_text(f"{SECRET}\n")

    async def through(body: bytes, port: int) -> int | None:
        url = f"http://127.0.0.1:{port}/v1/webhooks/bounces"
        child = await asyncio.create_subprocess_exec(
            "sh", pipe, url, secret, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        await asyncio.wait_for(child.communicate(body), 60)
        return child.returncode

    async with world.service() as life:
        mail = await world.mailed(1)
        assert await through(dsn(mail.sender), life.ports[0]) == 0
        await world.reported(1, DeliveryState.FAILED, "bounced")
        secret.write_text("wrong")
        assert await through(dsn(mail.sender), life.ports[0]) == 75


@pytest.fixture
def bounces(database: mongo.Database) -> MongoBounces:
    return MongoBounces(database.client, database, Outbox(database))


class TestMongoBounces(BouncesContract):
    pass


async def test_many_who_write_at_once_write_once(bounces: MongoBounces, database: mongo.Database) -> None:
    request = MailRequest(
        request_id="r1",
        kind=MailKind.MAILBOX_DEAD,
        recipient_id=ADMIN,
        address="ada@example.com",
        requested_at=samples.NOW,
        not_after=samples.NOW,
    )

    written = await asyncio.gather(*(bounces.save(None, DEAD, [request], samples.NOW) for _ in range(5)))

    assert sorted(written) == [False, False, False, False, True]
    assert await database["outbox"].count_documents({}) == 1


async def test_the_operator_reads_mailboxes_page_by_page(bounces: MongoBounces) -> None:
    for number in range(5):
        await bounces.save(None, replace(DEAD, user_id=f"u{number}"), (), samples.NOW)

    seen, after = [], None
    while page := await bounces.page(after, 2):
        seen += [mailbox.user_id for _, mailbox in page]
        after = (page[-1][0], page[-1][1].user_id)

    assert seen == ["u4", "u3", "u2", "u1", "u0"]
    assert (await bounces.page(None, 1))[0][1].cause is BounceKind.HARD


async def test_a_mailbox_that_is_none_is_refused(database: mongo.Database) -> None:
    with pytest.raises(Permanent), mongo.map_mongo_errors():
        await database[BOUNCES].insert_one({"_id": "x", "address": "alex@example.com"})


def _text(mail: Taken) -> str:
    part = message_from_bytes(mail.message, policy=default).get_body(("plain",))
    assert part is not None
    return str(part.get_content())

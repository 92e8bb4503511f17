"""Who is erased is forgotten by the notifier, on a real stack: what waits for them, addresses, tokens and messages."""

from datetime import timedelta
from typing import Any

from ups_notifier.adapters.migrations import DATABASE, STEPS
from ups_notifier.adapters.mongo import MongoLedger
from ups_notifier.domain.addressing import Notification, deliveries_of, notification_of
from ups_notifier.domain.delivery import Delivery, Reason, State
from ups_notifier.testing.account_samples import request
from ups_notifier.testing.samples import CO_WORKER, OWNER, reader
from ups_notifier.testing.smtp_server import ScriptedServer, Then
from ups_notifier.testing.world import World, outage
from ups_runtime import mongo
from ups_runtime.clock import SystemClock
from ups_runtime.outbox import Outbox
from ups_runtime.testing import eventually
from ups_schemas.mail import DeliveryState, MailKind, MailRequest
from ups_schemas.topics import MAIL_REQUESTS, USERS

TOKEN = "of-no-use-to-anybody"


async def test_what_waits_for_who_is_erased_is_dropped_and_nothing_of_them_is_left(
    world: World, server: ScriptedServer
) -> None:
    server.next("CONTENT", Then.KEEP_AND_CUT)
    server.next("CONNECT", "220 test", *[Then.CUT] * 1000)
    async with world.service():
        await world.decide(outage(1, recipients=(OWNER,)))
        await eventually(lambda: _stands(world, OWNER, State.UNKNOWN), within_s=30)
        for user_id in (OWNER, CO_WORKER):
            await world.write(MAIL_REQUESTS, user_id, _order(world, user_id))
        await eventually(lambda: _stands(world, CO_WORKER, State.PENDING), within_s=30)
        await eventually(lambda: _stands(world, OWNER, State.PENDING), within_s=30)
        before = await _kept(world)

        await world.write(USERS, CO_WORKER, b"not to be read")
        await world.write(USERS, OWNER, None)
        await eventually(lambda: _over(world, OWNER), within_s=30)
        reports = await eventually(lambda: _dropped(world, 1))
        after = await _kept(world)

    assert world.address(OWNER) in before
    assert TOKEN in before
    assert world.address(OWNER) not in after
    assert f"{TOKEN}-{OWNER}" not in after
    assert world.address(CO_WORKER) in after
    assert [(each.user_id, each.kind, each.reason) for each in reports] == [
        (OWNER, MailKind.PASSWORD_RESET, "person_removed")
    ]
    assert len(server.taken) == 1


async def test_who_was_erased_while_no_notifier_ran_is_forgotten_at_the_start(
    world: World, server: ScriptedServer
) -> None:
    """Their tombstone is not on the topic any more: they are known by not being there."""
    await _left_behind(
        world, outage(1, recipients=("gone",)), _order(world, "gone"), _order(world, "sam", MailKind.INVITATION)
    )

    async with world.service():
        await eventually(lambda: _over(world, "gone"), within_s=30)
        after = await _kept(world)

    assert {(each.state, each.reason) for each in await world.rows() if each.user_id == "gone"} == {
        (State.DROPPED, Reason.PERSON_REMOVED)
    }
    assert world.address("gone") not in after
    assert world.address("sam") in after
    assert server.taken == []


async def test_who_is_removed_gets_no_event_mail_from_then_on_and_the_mail_that_says_so(
    world: World, server: ScriptedServer
) -> None:
    server.next("RCPT", *["450 4.2.0 later"] * 1000)
    removed = reader().user.model_copy(update={"version": 2, "company_id": None, "active": False})
    async with world.service():
        await world.decide(outage(1, recipients=(OWNER,)))
        await eventually(lambda: _stands(world, OWNER, State.RETRY), within_s=30)
        await world.write(USERS, OWNER, removed)
        await eventually(lambda: _over(world, OWNER), within_s=30)
        server.script["RCPT"].clear()
        now = SystemClock().now()
        told = request(MailKind.MEMBER_REMOVED, company_name="Acme", by="admin").model_copy(
            update={"requested_at": now, "not_after": now + timedelta(hours=72)}
        )
        await world.write(MAIL_REQUESTS, OWNER, told)
        await eventually(lambda: _over(world, OWNER, 2), within_s=30)

    assert {(each.kind, each.state, each.reason) for each in await world.rows()} == {
        (MailKind.EVENT, State.DROPPED, Reason.NOT_MEMBER),
        (MailKind.MEMBER_REMOVED, State.ACCEPTED, None),
    }
    assert len(server.taken) == 1


def _order(world: World, user_id: str, kind: MailKind = MailKind.PASSWORD_RESET) -> MailRequest:
    now = SystemClock().now()
    return request(kind).model_copy(
        update={
            "request_id": f"reset-{user_id}",
            "recipient_id": user_id,
            "address": world.address(user_id),
            "token": f"{TOKEN}-{user_id}",
            "requested_at": now,
            "not_after": now + timedelta(hours=1),
        }
    )


async def _left_behind(world: World, *contents: Any) -> None:
    """What a notifier that is down now had taken in, and is not due for an hour."""
    now = SystemClock().now()
    async with mongo.client(world.mongo) as client:
        database = mongo.database(client, world.mongo, DATABASE)
        await mongo.migrate(database, STEPS)
        ledger = MongoLedger(client, database, Outbox(database))
        for content in contents:
            notification = notification_of(content)
            assert isinstance(notification, Notification)
            rows = deliveries_of(notification, now)
            await ledger.add(notification, rows, now)
            await ledger.wait_until([(row, now + timedelta(minutes=30)) for row in rows])


async def _rows(world: World, user_id: str) -> list[Delivery]:
    return [each for each in await world.rows() if each.user_id == user_id]


async def _stands(world: World, user_id: str, state: State) -> bool:
    return any(each.state is state for each in await _rows(world, user_id))


async def _over(world: World, user_id: str, rows: int = 1) -> bool:
    there = await _rows(world, user_id)
    return len(there) >= rows and not any(each.open for each in there)


async def _dropped(world: World, count: int) -> list[Any]:
    there = [each for each in await world.reports() if each.state is DeliveryState.DROPPED]
    return there if len(there) >= count else []


async def _kept(world: World) -> str:
    """All that the service keeps, as text."""
    async with mongo.client(world.mongo) as client:
        database = mongo.database(client, world.mongo, DATABASE)
        names = await database.list_collection_names()
        return "".join([str(each) for name in names async for each in database[name].find()])

"""Relays that serve, but slowly, or few at once: every mail goes, none fails."""

from dataclasses import replace

import pytest

from ups_notifier.app import start
from ups_notifier.testing import samples
from ups_notifier.testing.checker import check
from ups_notifier.testing.smtp_server import ScriptedServer, Then
from ups_notifier.testing.world import World, outage
from ups_runtime.lifecycle import running
from ups_runtime.testing import eventually
from ups_schemas.device import Subscription
from ups_schemas.topics import DEVICES, USERS, Service

# One after the other longer than the time-out of the test's notifier (5 s), which is for each answer.
SLOW_S = 1.5


async def test_a_tarpit_gets_its_mail_and_holds_up_nobody_else(world: World, server: ScriptedServer) -> None:
    server.pace_s = {1: SLOW_S}
    slow = outage(1, recipients=(samples.OWNER,))
    others = [outage(number, recipients=(samples.CO_WORKER,)) for number in range(2, 6)]
    async with world.service():
        await world.decide(slow)
        await eventually(lambda: server.connections == 1, within_s=30)
        await world.decide(*others)
        await eventually(lambda: len(server.taken) == len(others) + 1, within_s=60)
        await eventually(lambda: _over(world, len(others) + 1), within_s=30)

    rows = await world.rows()
    assert {(row.state, row.attempt) for row in rows} == {("accepted", 1)}
    assert check([slow, *others], rows, server.taken, world.address).faults == []
    assert [mail.recipient for mail in server.taken[:-1]] == [world.address(samples.CO_WORKER)] * len(others)


@pytest.mark.parametrize("too_many", ["421 too many connections", Then.CUT], ids=["421", "cut"])
async def test_a_relay_that_takes_one_connection_at_once_gets_all_mail(
    world: World, server: ScriptedServer, too_many: str | Then
) -> None:
    server.most_at_once, server.too_many = 1, too_many
    server.next("MAIL", Then.WAIT)
    people = [f"person{number}" for number in range(6)]
    reader = samples.reader()
    for each in people:
        user = reader.user.model_copy(update={"user_id": each, "address": world.address(each)})
        await world.write(USERS, each, user)
    subscribed = tuple(Subscription(user_id=each) for each in people)
    await world.write(DEVICES, samples.DEVICE_ID, reader.device.model_copy(update={"subscriptions": subscribed}))
    decision = outage(1, recipients=tuple(people))
    async with world.service():
        await world.decide(decision)
        await eventually(lambda: server.turned_away, within_s=30)
        server.gate.set()
        await eventually(lambda: _over(world, len(people)), within_s=120)

    rows = await world.rows()
    verdict = check([decision], rows, server.taken, world.address)
    assert (verdict.faults, verdict.told, verdict.marked) == ([], len(people), 0)
    assert {row.attempt for row in rows} == {1}


async def test_a_limited_domain_holds_up_no_other(world: World, server: ScriptedServer) -> None:
    many = [f"person{number}" for number in range(30)]
    addresses = {each: f"{each}@limited.example" for each in many} | {"kim": "kim@other.example"}
    reader = samples.reader()
    for each, address in addresses.items():
        await world.write(USERS, each, reader.user.model_copy(update={"user_id": each, "address": address}))
    subscribed = tuple(Subscription(user_id=each) for each in addresses)
    await world.write(DEVICES, samples.DEVICE_ID, reader.device.model_copy(update={"subscriptions": subscribed}))
    smtp = world.settings.smtp.model_copy(update={"mails_per_minute_and_domain": 60})
    limited = outage(1, recipients=tuple(many))
    async with running(Service.NOTIFIER, replace(world.settings, smtp=smtp), start):
        await world.decide(limited)
        await eventually(lambda: server.taken, within_s=30)
        await world.decide(outage(2, recipients=("kim",)))
        await eventually(lambda: addresses["kim"] in {mail.recipient for mail in server.taken}, within_s=60)

    # one a second of the others: who waits behind all of them comes last
    assert len(server.taken) < len(many) / 2
    assert all(row.attempt == 0 for row in await world.rows() if row.open)


async def _over(world: World, count: int) -> bool:
    rows = await world.rows()
    return len(rows) == count and not any(row.open for row in rows)

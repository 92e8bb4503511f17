"""The notifier is killed at each change of its ledger, on a real database: the next one loses and doubles nothing.

What may come twice is what went out when its answer could not be noted any more, and the ledger marks it.
"""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from ups_devstack.faults.forks import Forks, forks
from ups_devstack.stack import Backing
from ups_notifier.adapters.migrations import DATABASE, NOTIFICATIONS
from ups_notifier.domain.addressing import Content
from ups_notifier.domain.delivery import Delivery
from ups_notifier.testing import account_samples, samples
from ups_notifier.testing.checker import check
from ups_notifier.testing.smtp_server import ScriptedServer
from ups_notifier.testing.world import World, outage, power_back
from ups_runtime import mongo
from ups_runtime.clock import SystemClock
from ups_runtime.testing import eventually
from ups_schemas.mail import MailRequest
from ups_schemas.topics import DEVICES, MAIL_REQUESTS

ENTRY = Path(__file__).with_name("notifier_entry.py")
DIGESTED = 7


@dataclass(frozen=True)
class Fate:
    """Where one notifier after the other is killed; what the server says first; how many copies are marked then.

    `apart`: the digest is known to be refused, so that each of its rows comes in a mail of its own.
    """

    points: tuple[str, ...]
    script: dict[str, str] = field(default_factory=dict)
    marked: int = 0
    apart: bool = False

    def __str__(self) -> str:
        said = [f"{phase}-{reply[:3]}" for phase, reply in self.script.items()]
        return " then ".join([*said, *self.points])


LATER = {"RCPT": "451 later"}
NEVER_TOGETHER = {"CONTENT": "554 too much at once"}
NO_MAILBOX = {"RCPT": "550 5.1.1 no such user"}
FATES = [
    Fate(("add.within",)),
    Fate(("add.after",)),
    Fate(("lease.after",)),
    Fate(("begun.within",)),
    Fate(("begun.after",)),
    Fate(("start_data.before",)),
    Fate(("start_data.after",)),
    Fate(("ended.before",), marked=1),
    Fate(("ended.within",), marked=1),
    Fate(("ended.after",)),
    Fate(("release.after",)),
    Fate(("deferred.within",), LATER),
    Fate(("deferred.after",), LATER),
    Fate(("begun.after", "recovered.within")),
    Fate(("begun.after", "recovered.after")),
    Fate(("start_data.after", "recovered.after")),
    Fate(("ended.before", "ended.before"), marked=2),
]
OF_ONE = [
    Fate(("wait_until.after",), LATER),
    Fate(("ended.before",), NO_MAILBOX),
    Fate(("ended.after",), NO_MAILBOX),
]
OF_A_DIGEST = [
    # the refusal is not known any more: it may have arrived, and is repeated as it was
    Fate(("deferred.within",), NEVER_TOGETHER),
    Fate(("deferred.after",), NEVER_TOGETHER, apart=True),
]
# An order is kept as long as it may be needed, and forgotten with its end: the points where that could go wrong.
OF_AN_ORDER = [
    Fate(("add.within",)),
    Fate(("start_data.after",)),
    Fate(("ended.before",), marked=1),
    Fate(("ended.within",), marked=1),
    Fate(("ended.after",)),
]


@pytest.fixture(scope="module", autouse=True)
def _short_transactions(stack: Backing) -> Iterator[None]:
    """What a killed client leaves open keeps its rows until MongoDB ends it: after two seconds here, usually 60."""
    parameter = "transactionLifetimeLimitSeconds"
    with MongoClient[dict[str, Any]](stack.mongo_uri) as client:
        usual = client.admin.command("getParameter", 1, **{parameter: 1})[parameter]
        client.admin.command("setParameter", 1, **{parameter: 2})
        yield
        client.admin.command("setParameter", 1, **{parameter: usual})


@pytest.fixture(scope="module")
def notifiers() -> Iterator[Forks]:
    with forks(ENTRY) as made:
        yield made


@pytest.mark.parametrize("fate", FATES + OF_ONE, ids=str)
async def test_killed_at_a_change_of_the_ledger_it_sends_a_beginning_and_its_end(
    world: World, server: ScriptedServer, notifiers: Forks, fate: Fate
) -> None:
    raised = outage(1, recipients=(samples.OWNER,))
    decisions = [raised, power_back(2, raised)]

    rows = await _killed_and_replaced(world, server, notifiers, fate, decisions)

    verdict = check(decisions, rows, server.taken, world.address)
    assert (verdict.faults, verdict.marked) == ([], fate.marked)
    assert verdict.told == (0 if fate.script is NO_MAILBOX else len(decisions))


@pytest.mark.parametrize("fate", FATES + OF_A_DIGEST, ids=str)
async def test_killed_at_a_change_of_the_ledger_it_sends_a_digest(
    world: World, server: ScriptedServer, notifiers: Forks, fate: Fate
) -> None:
    device = samples.reader().device
    decisions = []
    for number in range(1, DIGESTED + 1):
        its = {"device_id": f"d{number}"}
        await world.write(DEVICES, its["device_id"], device.model_copy(update=its))
        raised = outage(number, recipients=(samples.OWNER,))
        decisions.append(raised.model_copy(update=its | {"event": raised.event.model_copy(update=its)}))

    rows = await _killed_and_replaced(world, server, notifiers, fate, decisions)

    verdict = check(decisions, rows, server.taken, world.address)
    assert (verdict.faults, verdict.marked) == ([], fate.marked)
    assert (verdict.told, verdict.mails) == (DIGESTED, DIGESTED if fate.apart else 1)


@pytest.mark.parametrize("fate", OF_AN_ORDER, ids=str)
async def test_killed_at_a_change_of_the_ledger_it_sends_account_mail_and_forgets_its_order(
    world: World, server: ScriptedServer, notifiers: Forks, fate: Fate
) -> None:
    now = SystemClock().now()
    order = account_samples.order(requested_at=now, not_after=now + timedelta(hours=1))

    rows = await _killed_and_replaced(world, server, notifiers, fate, [order])

    verdict = check([order], rows, server.taken, lambda _: order.address)
    assert (verdict.faults, verdict.marked, verdict.told) == ([], fate.marked, 1)
    async with mongo.client(world.mongo) as client:
        kept = await mongo.database(client, world.mongo, DATABASE)[NOTIFICATIONS].find().to_list()
    assert [(each["_id"], "request" in each) for each in kept] == [(order.request_id, False)]


async def _killed_and_replaced(
    world: World, server: ScriptedServer, notifiers: Forks, fate: Fate, contents: Sequence[Content]
) -> list[Delivery]:
    for phase, reply in fate.script.items():
        server.next(phase, reply)
    for each in contents:
        if isinstance(each, MailRequest):
            await world.write(MAIL_REQUESTS, each.recipient_id, each)
        else:
            await world.decide(each)
    # a name of its own: who comes next has the partitions at once
    always = world.environment | {"FAULT_GATHER": str(len(contents)), "UPS_KAFKA_GROUP_INSTANCE_ID": "one"}
    for point in fate.points:
        async with notifiers.process(always | {"FAULT_CRASH": f"{point} 1"}) as hurt:
            assert await asyncio.wait_for(asyncio.shield(hurt), 60) == -signal.SIGKILL, point

    async def over() -> list[Delivery] | None:
        rows = await world.rows()
        return rows if len(rows) == len(contents) and not any(row.open for row in rows) else None

    async with notifiers.process(always):
        return await eventually(over, within_s=60)

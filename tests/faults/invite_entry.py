"""invite-svc as processes that are killed between a change and its publication.

Only tests start this, by `ups_devstack.faults.forks`.

FAULT_CRASH   `write.within`: all of a change that publishes something is written, and nothing committed.
              `publish.before`: it is committed, and the relay has read its rows.
              `publish.after`: the brokers have the first of its rows, and no row is marked as sent.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, NoReturn

from ups_devstack.faults.forks import fork_each
from ups_invite import app
from ups_invite.adapters import mongo_book
from ups_invite.settings import Settings
from ups_invite.testing.service import CHEAP
from ups_runtime.lifecycle import run
from ups_runtime.outbox import Outbox
from ups_runtime.outbox_relay import OutboxRelay
from ups_schemas.topics import SIGNING_KEYS, Service

in_transaction = mongo_book.in_transaction
publishes: ContextVar[bool] = ContextVar("publishes", default=False)


def pass_by(point: str) -> None:
    if os.environ.get("FAULT_CRASH") == point:
        os.kill(os.getpid(), signal.SIGKILL)


async def watched_transaction(client: Any, work: Callable[[Any], Awaitable[Any]]) -> Any:
    async def hurt(session: Any) -> Any:
        publishes.set(False)
        answer = await work(session)
        if publishes.get():
            pass_by("write.within")
        return answer

    return await in_transaction(client, hurt)


class WatchedOutbox(Outbox):
    async def add(self, *arguments: Any) -> None:
        await super().add(*arguments)
        publishes.set(True)


class WatchedRelay(OutboxRelay):
    async def _publish(self, producer: Any, rows: Any) -> None:
        # keys are made by the process itself, at its first start
        change = rows[0]["topic"] != SIGNING_KEYS.name
        if change:
            pass_by("publish.before")
        await super()._publish(producer, rows)
        if change:
            pass_by("publish.after")


def serve() -> NoReturn:
    mongo_book.in_transaction = watched_transaction
    app.Outbox = WatchedOutbox
    # a killed one's lease ends soon; who hashes is not what is tested
    app.OutboxRelay = partial(WatchedRelay, lease_s=0.5)
    app.argon2_passwords = partial(app.argon2_passwords, CHEAP)
    run(Service.INVITE_SVC, Settings, app.start)


if __name__ == "__main__":
    fork_each(serve)

"""The notifier as processes that are killed at a named point, beside or within a change of its ledger.

Only tests start this, by `ups_devstack.faults.forks`.

FAULT_CRASH   change, moment and count, such as `begun.after 1`: killed when the point is passed for the first time
FAULT_GATHER  no lane is worked before the ledger has so many rows

The changes are the ledger's `add`, `lease`, `start_data`, `wait_until`, `release`, and of rows: `begun`, `deferred`,
`ended`, `recovered` (from an attempt that another process has abandoned). The moments are before, after, and within:
all is written in the transaction, and nothing committed.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, NoReturn

from ups_devstack.faults.forks import fork_each
from ups_notifier import app
from ups_notifier.adapters import mongo as adapter
from ups_notifier.adapters.migrations import DELIVERIES
from ups_notifier.domain.delivery import State
from ups_notifier.settings import Settings
from ups_runtime.lifecycle import run
from ups_schemas.topics import Service

in_transaction = adapter.in_transaction
under_way: ContextVar[str] = ContextVar("under_way", default="")


class Crash:
    def __init__(self, point: str, count: int) -> None:
        self._point = point
        self._left = count

    def pass_by(self, moment: str) -> None:
        if f"{under_way.get()}.{moment}" == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    async def watch(self, change: str, work: Awaitable[Any]) -> Any:
        under_way.set(change)
        self.pass_by("before")
        answer = await work
        self.pass_by("after")
        under_way.set("")
        return answer

    async def in_transaction(self, client: Any, work: Callable[[Any], Awaitable[Any]]) -> Any:
        async def hurt(session: Any) -> Any:
            answer = await work(session)
            self.pass_by("within")
            return answer

        return await in_transaction(client, hurt)


class WatchedLedger(adapter.MongoLedger):
    crash: Crash
    gather = 0

    def __init__(self, client: Any, database: Any, outbox: Any) -> None:
        super().__init__(client, database, outbox)
        self._rows = database[DELIVERIES]
        self._owners: set[str] = set()

    async def due_lanes(self, *arguments: Any) -> Any:
        if await self._rows.count_documents({}) < self.gather:
            return []
        return await super().due_lanes(*arguments)

    async def add(self, *arguments: Any) -> Any:
        return await self.crash.watch("add", super().add(*arguments))

    async def lease(self, *arguments: Any) -> Any:
        return await self.crash.watch("lease", super().lease(*arguments))

    async def release(self, *arguments: Any) -> Any:
        return await self.crash.watch("release", super().release(*arguments))

    async def start_data(self, *arguments: Any) -> Any:
        return await self.crash.watch("start_data", super().start_data(*arguments))

    async def wait_until(self, *arguments: Any) -> Any:
        return await self.crash.watch("wait_until", super().wait_until(*arguments))

    async def save_all(self, changes: Any, now: Any) -> Any:
        return await self.crash.watch(self._meaning(changes), super().save_all(changes, now))

    def _meaning(self, changes: Any) -> str:
        before, after = changes[0]
        if after.state is State.SENDING:
            self._owners.add(after.owner)
            return "begun"
        if before.state is State.SENDING and before.owner not in self._owners:
            return "recovered"
        return "deferred" if after.open else "ended"


def serve() -> NoReturn:
    at, times = os.environ.get("FAULT_CRASH", "nowhere 1").split()
    WatchedLedger.crash = Crash(at, int(times))
    WatchedLedger.gather = int(os.environ.get("FAULT_GATHER", "0"))
    adapter.in_transaction = WatchedLedger.crash.in_transaction
    app.MongoLedger = WatchedLedger
    run(Service.NOTIFIER, Settings, app.start)


if __name__ == "__main__":
    fork_each(serve)

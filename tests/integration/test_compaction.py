"""Brokers forget who was erased also where nobody else changes."""

import asyncio
from datetime import timedelta
from typing import Any

from ups_devstack.stack import Backing
from ups_invite.adapters.compaction import EVERY_S, keep_compacting
from ups_invite.adapters.migrations import DATABASE
from ups_runtime import mongo
from ups_runtime.outbox import Outbox
from ups_runtime.settings import MongoSettings
from ups_runtime.testing import FakeClock, eventually
from ups_schemas.topics import USERS


async def test_each_hour_a_tombstone_of_nobody_ends_a_segment(stack: Backing, prefix: str) -> None:
    clock, settings = FakeClock(), MongoSettings(uri=stack.mongo_uri, database_prefix=prefix)
    async with mongo.client(settings) as client:
        db = mongo.database(client, settings, DATABASE)
        running = asyncio.create_task(keep_compacting(client, Outbox(db), clock))

        async def twice() -> list[Any]:
            clock.advance(timedelta(seconds=EVERY_S))
            rows = await db.outbox.find().to_list()
            return rows if len(rows) > 1 else []

        rows = await eventually(twice)
        running.cancel()
        await asyncio.wait([running])

    assert {(row["topic"], bytes(row["key"]), row["value"]) for row in rows} == {(USERS.name, b"nobody", None)}
    assert len({row["sequence"] for row in rows}) == len(rows)

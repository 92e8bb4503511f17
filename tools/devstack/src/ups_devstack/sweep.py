"""Removes what a test left behind in a stack that other tests go on using."""

import asyncio
import threading

from aiokafka.admin import AIOKafkaAdminClient
from pymongo import MongoClient

from ups_devstack.stack import Backing


def sweep(stack: Backing, prefix: str) -> None:
    """Delete the topics and databases whose names begin with `prefix`; blocks, and needs no event loop."""
    client: MongoClient[dict[str, object]] = MongoClient(stack.mongo_uri, serverSelectionTimeoutMS=10_000)
    try:
        for name in client.list_database_names():
            if name.startswith(prefix):
                client.drop_database(name)
    finally:
        client.close()
    # A thread of its own: the caller's may have a loop that belongs to a test.
    failures: list[Exception] = []

    def run() -> None:
        try:
            asyncio.run(_delete_topics(stack.kafka_bootstrap, prefix))
        except Exception as error:  # noqa: BLE001 - carried over to the caller's thread
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


async def _delete_topics(bootstrap: str, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        if topics := [name for name in await admin.list_topics() if name.startswith(prefix)]:
            await admin.delete_topics(topics, timeout_ms=10_000)
    finally:
        await admin.close()

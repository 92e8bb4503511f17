"""Keeps the brokers forgetting: what a tombstone removed stays on their disks until something is written after it.

A broker compacts no segment that is still written to, and ends one only when a record comes (checked on Kafka 4.2:
`segment.ms` and `max.compaction.lag.ms` alone leave an erased address there for as long as nobody else changes).
"""

from ups_runtime.cancellation import heed_cancellation
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.logging import get_logger
from ups_runtime.mongo import Client, Session, in_transaction, map_mongo_errors
from ups_runtime.outbox import Outbox, OutboxMessage
from ups_schemas.envelope import milliseconds
from ups_schemas.topics import USERS

# As `segment.ms` of the topic. Doubled, an address is there for an hour more; halved, nothing is won.
EVERY_S = 3600.0

# No user has this id.
NOBODY = "nobody"

log = get_logger("compaction")


async def keep_compacting(client: Client, outbox: Outbox, clock: Clock) -> None:
    """Publish the tombstone of nobody on `accounts.users` each hour, until cancelled."""

    async def add(session: Session) -> None:
        await outbox.add(session, OutboxMessage(USERS, NOBODY, None, NOBODY, milliseconds(clock.now())))

    while True:
        heed_cancellation()
        await clock.sleep(EVERY_S)
        try:
            with map_mongo_errors():
                await in_transaction(client, add)
        except Retryable as error:
            log.warning("compaction.waiting", error=str(error))

"""Messages that are published if, and only if, the change they tell of was committed."""

from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from ups_runtime.clock import Clock, SystemClock
from ups_runtime.codec import encode
from ups_runtime.doorbell import Doorbell
from ups_runtime.errors import Permanent
from ups_schemas.envelope import CloudEvent
from ups_schemas.topics import TOPICS, Topic

COLLECTION = "outbox"

# Below Kafka's 1 MiB with room for the headers: a row that could never be sent would hold up its aggregate for ever.
MAX_BYTES = 900 * 1024

# What a request waits at most for its publication. A transaction takes some 10 ms; a broker that fails over, seconds.
PUBLISHED_WITHIN_S = 2

# In a transaction's turn the registry's earlier topics go first: `ups.devices` before `ups.device-keys`, so that who
# sees a key sees its device too.
_RANK_BY_TOPIC = {topic.name: rank for rank, topic in enumerate(TOPICS)}


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One record to be published.

    `event` None is a tombstone. Messages of one `aggregate_id` are published in the order of `sequence` (its version),
    and those of one version in the order of their topics in the registry: give a device's keys the device's id.
    """

    topic: Topic
    key: str
    event: CloudEvent[Any] | None
    aggregate_id: str
    sequence: int


class Outbox:
    """What a database wants to tell. `doorbell` is for the relay that empties it, if that is in this process."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], clock: Clock | None = None) -> None:
        self.db = db
        self.doorbell = Doorbell()
        self._rows = db[COLLECTION]
        self._clock = clock or SystemClock()

    async def add(self, session: AsyncClientSession, *messages: OutboxMessage) -> None:
        """Publish these if the session's transaction commits. They are encoded now: a repeat has the same bytes.

        The driver's errors pass through as they are, since the transaction's retry reads their labels.

        Raises:
            Permanent: a message is too large to be published.
        """
        if not messages:
            return
        now = self._clock.now()
        ordered = sorted(messages, key=lambda message: rank(message.topic.name))
        rows = [_row(message) | {"created_at": now, "position": place} for place, message in enumerate(ordered)]
        await self._rows.insert_many(rows, session=session)

    async def published(self) -> None:
        """Return when all that was committed before this call is published, or after 2 s if that takes longer.

        Where another process relays, or none, it returns at once: then nobody says when that is.
        """
        await self.doorbell.ring(PUBLISHED_WITHIN_S)


def rank(topic: str) -> int:
    """The place of a topic among the rows of one version; of another release's, the last."""
    return _RANK_BY_TOPIC.get(topic, len(_RANK_BY_TOPIC))


def _row(message: OutboxMessage) -> dict[str, Any]:
    if message.event is None:
        value, headers, timestamp_ms = None, [], None
    else:
        encoded = encode(message.event, key=message.key)
        value, headers, timestamp_ms = encoded.value, [list(header) for header in encoded.headers], encoded.timestamp_ms
        if len(value) > MAX_BYTES:
            raise Permanent(f"a message for {message.topic.name} has {len(value)} bytes, more than {MAX_BYTES}")
    return {
        "topic": message.topic.name,
        "key": message.key.encode(),
        "value": value,
        "headers": headers,
        "timestamp_ms": timestamp_ms,
        "aggregate_id": message.aggregate_id,
        "sequence": message.sequence,
        "pending": True,
    }

"""The plain loop: read, parse, answer with records of the same number and size, commit now and then. Remembers nothing.

What people write when nothing has to survive: `send` for each record, offsets committed after the acknowledgements. Run
as a process of its own; `BENCH_SHAPE` says what the throttle wrote for these events.
"""

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer

from bench.cluster import Site
from ups_runtime.codec import encode, message_event, parse
from ups_runtime.kafka import consumer, producer, started
from ups_schemas.decision import Basis, EventDecided, Outcome
from ups_schemas.device import Plan, Policy
from ups_schemas.event import AcceptedEvent
from ups_schemas.ids import derived
from ups_schemas.topics import DECISIONS, EVENTS, SUPPRESSIONS, THROTTLE_STATE, Topic

GROUP = "plain"
OUTPUTS = "plain"

_BASIS = Basis(device_version=1, plan=Plan(name="advanced"), policy=Policy())


@dataclass
class Stream:
    """One output: a record of `size` bytes for each `1 / per_event` events."""

    topic: str
    per_event: float
    size: int
    owed: float = 0

    def due(self) -> int:
        """How many records are due after one more event."""
        self.owed += self.per_event
        count = int(self.owed)
        self.owed -= count
        return count


def decided(event: AcceptedEvent, number: int) -> EventDecided:
    """A decision without thinking."""
    return EventDecided(
        device_id=event.device_id,
        company_id="company-00000",
        ownership=event.ownership,
        device_seq=number,
        basis=_BASIS,
        event=event,
        effective_at=event.received_at,
        severity=event.severity,
        outcome=Outcome.NOT_TOLD,
    )


async def answer(client: AIOKafkaProducer, streams: list[Stream], value: bytes, number: int) -> list[Any]:
    """Parse one event and send what is due for it; gives the acknowledgements to wait for."""
    event: AcceptedEvent = parse(value, AcceptedEvent)
    decision = decided(event, number)
    name = derived("decision", event.device_id, event.ownership, number, event.event_id)
    carried = message_event(decision, id=name, source="/throttle", subject=event.device_id, time=decision.effective_at)
    record = encode(carried, key=event.device_id)
    decisions, *others = streams
    acks = [
        await client.send(
            decisions.topic,
            record.value.ljust(decisions.size),
            record.key,
            timestamp_ms=record.timestamp_ms,
            headers=record.headers,
        )
    ]
    for stream in others:
        value = b" " * stream.size
        acks += [await client.send(stream.topic, value, record.key) for _ in range(stream.due())]
    return acks


async def loop(source: Site, streams: list[Stream]) -> None:
    """Work until cancelled."""
    number = 0
    async with started(producer(source.kafka, "plain")) as client, started(consumer(source.kafka, GROUP)) as events:
        events.subscribe([source.topic(EVENTS)])
        while True:
            acks: list[Any] = []
            for records in (await events.getmany(timeout_ms=500)).values():
                for record in records:
                    number += 1
                    acks += await answer(client, streams, record.value, number)
            if acks:
                await asyncio.gather(*acks)
                await events.commit()


def _streams(target: Site) -> list[Stream]:
    shape = json.loads(os.environ["BENCH_SHAPE"])
    topics: tuple[Topic, ...] = (DECISIONS, SUPPRESSIONS, THROTTLE_STATE)
    return [Stream(target.topic(topic), **shape[topic.name]) for topic in topics]


async def _main() -> None:
    source = Site(os.environ["UPS_KAFKA_BOOTSTRAP_SERVERS"], os.environ["UPS_KAFKA_PREFIX"])
    task = asyncio.ensure_future(loop(source, _streams(Site(source.bootstrap, OUTPUTS))))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


if __name__ == "__main__":
    asyncio.run(_main())

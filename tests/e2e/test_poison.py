"""A poison record in each topic that is consumed: it is put aside as it came, and its neighbours pass."""

import uuid

import pytest

from ups_runtime.kafka import consumer, producer, started, topic_name
from ups_runtime.testing import eventually
from ups_schemas import topics
from ups_schemas.topics import Service

CASES = [
    (topics.INGEST, Service.EVENT_INGEST),
    (topics.EVENTS, Service.THROTTLE),
    (topics.EVENTS, Service.DEVICE_SVC),
    (topics.COMMANDS, Service.THROTTLE),
    (topics.DECISIONS, Service.NOTIFIER),
    (topics.DECISIONS, Service.DEVICE_SVC),
]


@pytest.mark.parametrize(("topic", "reader"), CASES, ids=lambda value: getattr(value, "name", str(value)))
async def test_poison_is_put_aside_with_its_raw_bytes_and_its_neighbours_pass(
    services, operator, stack, address, topic, reader
) -> None:
    ada = await operator.add_user(address("ada"), "Ada")
    device = await operator.add_device(ada["company_id"], ada["user_id"], "Neighbour")
    poison = f"poison {uuid.uuid4()}\x00\xff".encode("latin-1")
    await device.send("OVERLOAD")

    async with started(producer(services.kafka, "poisoner")) as client:
        await client.send_and_wait(topic_name(services.kafka, topic), poison, key=device.device_id.encode())
    await device.send("OVERLOAD_CLEARED")

    letter = await eventually(lambda: dead_letter(services, reader, poison), within_s=60, every_s=0.5)
    assert dict(letter.headers)["dlq_topic"] == topic_name(services.kafka, topic).encode()
    await eventually(lambda: has_two_mails(stack, ada["address"]), within_s=60)


async def dead_letter(services, reader: Service, poison: bytes):
    client = consumer(services.kafka, None)
    client.subscribe([topic_name(services.kafka, topics.DEAD_LETTERS[reader])])
    async with started(client):
        for _ in range(10):
            for records in (await client.getmany(timeout_ms=300)).values():
                for record in records:
                    if record.value == poison:
                        return record
    return None


async def has_two_mails(stack, address: str) -> bool:
    return len(await stack.inbox.mails(to=address)) == 2

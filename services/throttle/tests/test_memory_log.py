import asyncio
from collections.abc import Sequence

import pytest

from ups_runtime.clock import SystemClock
from ups_runtime.errors import Retryable
from ups_schemas.topics import COMMANDS, DEVICES, EVENTS
from ups_throttle.adapters.memory_log import Fate, LogRecord, MemoryLog
from ups_throttle.adapters.memory_port import TOPIC_BY_ROLE, MemoryPort
from ups_throttle.port import Port
from ups_throttle.records import Payload, Role, Source
from ups_throttle.testing.port_contract import PortContract, decision

TOPIC_BY_SOURCE = {Source.EVENTS: EVENTS.name, Source.COMMANDS: COMMANDS.name, Source.DEVICES: DEVICES.name}


class MemoryWorld:
    def __init__(self) -> None:
        self.log = MemoryLog(SystemClock())

    def open(self) -> Port:
        return MemoryPort(self.log, 0, batch_records=3)

    async def append(self, source: Source, payload: Payload) -> None:
        self.log.append(TOPIC_BY_SOURCE[source], 0, payload)

    async def append_together(self, source: Source, *payloads: Payload, commits: bool) -> None:
        transaction = self.log.transaction("other")
        for payload in payloads:
            self.log.append(TOPIC_BY_SOURCE[source], 0, payload, transaction)
        self.log.finish("other", Fate.COMMITTED if commits else Fate.ABORTED)

    async def append_beside(self, role: Role, payload: Payload) -> None:
        self.log.append(TOPIC_BY_ROLE[role], 0, payload)

    async def read(self, role: Role) -> Sequence[LogRecord]:
        await asyncio.sleep(0)
        return self.log.read(TOPIC_BY_ROLE[role], 0)


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


class TestMemoryPort(PortContract):
    """The fake passes what Kafka passes."""


async def test_a_failed_send_shows_in_its_acknowledgement() -> None:
    world = MemoryWorld()
    port = world.open()
    await port.fence()
    await port.begin()
    world.log.lose_sends = 1
    await port.send([decision("lost")])

    with pytest.raises(Retryable):
        await port.flush()


async def test_a_commit_that_does_not_wait_for_acknowledgements_loses_silently() -> None:
    world = MemoryWorld()
    port = world.open()
    await port.fence()
    await port.begin()
    world.log.lose_sends = 1
    await port.send([decision("lost"), decision("kept")])

    await port.commit()

    assert [record.value for record in await world.read(Role.DECISION)] == [b"kept"]

"""What every `port.Port` keeps: one suite, passed by the port on Kafka and by its fake in memory."""

# ruff: noqa: D102 - a test's name is its sentence

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import pytest

from ups_runtime.errors import Fenced
from ups_schemas.device import DeviceSnapshot, EnableNotifications
from ups_schemas.envelope import milliseconds
from ups_schemas.event import AcceptedEvent
from ups_throttle.domain.device import Device, project
from ups_throttle.domain.event import event_of
from ups_throttle.port import Polled, Port
from ups_throttle.records import (
    TAKEOVER_KEY,
    Committed,
    Offsets,
    Outgoing,
    Payload,
    Raw,
    Record,
    Role,
    Source,
    Unreadable,
)
from ups_throttle.testing.samples import START, device, enable, event, payload

WITHIN_S = 20.0


class World(Protocol):
    """A log with one partition number to work on; `open` gives ports that the world closes at the end."""

    def open(self) -> Port:
        """Give a port, not taken over yet."""

    async def append(self, source: Source, payload: Payload) -> None:
        """Write one record, committed."""

    async def append_together(self, source: Source, *payloads: Payload, commits: bool) -> None:
        """Write records in one transaction of somebody else, which commits or aborts."""

    async def append_beside(self, role: Role, payload: Payload) -> None:
        """Write one record to an output, committed."""

    async def read(self, role: Role) -> Sequence[Raw]:
        """Give what a read-committed consumer sees of an output."""


async def transact(port: Port, *outgoing: Outgoing, offsets: Offsets | None = None) -> None:
    """Do what the worker does in one transaction."""
    await port.begin()
    await port.send(outgoing)
    await port.flush()
    if offsets is not None:
        await port.send_offsets(offsets)
    await port.commit()


async def take_over(port: Port, offsets: Offsets, takeover_id: bytes = b"id") -> list[tuple[bytes, bytes | None]]:
    """Do what the worker does until it polls; gives the changelog."""
    await port.fence()
    await transact(port, Outgoing(Role.CHANGELOG, Payload(TAKEOVER_KEY, takeover_id)))
    changelog = [pair async for chunk in port.changelog(takeover_id) for pair in chunk]
    async for _ in port.devices_to_end():
        pass
    await port.resume(offsets)
    return changelog


async def poll(port: Port, count: int) -> Polled:
    """Poll until so many records and devices came."""
    records: list[Record] = []
    devices: list[tuple[str, Device | None]] = []
    async with asyncio.timeout(WITHIN_S):
        while True:
            polled = await port.poll(0.05)
            records.extend(polled.records)
            devices.extend(polled.devices)
            if len(records) + len(devices) >= count:
                return Polled(records, devices, polled.offsets)


def state(device_id: str, value: bytes | None) -> Outgoing:
    """Give a record of the changelog."""
    return Outgoing(Role.CHANGELOG, Payload(device_id.encode(), value))


def decision(text: str) -> Outgoing:
    """Give something that stands for a decision."""
    return Outgoing(Role.DECISION, Payload(b"d-1", text.encode(), [("ce_id", b"1")]))


def fresh(message: AcceptedEvent | DeviceSnapshot | EnableNotifications) -> Payload:
    """Give the record that carries the message, as of now: brokers refuse what is ahead, and drop what is old."""
    return payload(message)._replace(timestamp_ms=None)


async def values(world: World, count: int) -> list[bytes | None]:
    """Give what the decisions hold, once there are so many."""
    async with asyncio.timeout(WITHIN_S):
        found: Sequence[Raw] = ()
        while len(found) < count:
            found = await world.read(Role.DECISION)
    return [record.value for record in found]


class PortContract:
    """Inherit it, and give a fixture `world`."""

    async def test_a_commit_shows_its_records_and_its_offsets(self, world: World) -> None:
        port = world.open()
        await port.fence()

        await transact(port, decision("a"), decision("b"), state("d-1", b"1"), offsets=Offsets(3, 2))

        assert await values(world, 2) == [b"a", b"b"]
        # the coordinator answers before its markers are everywhere; the next start waits for them
        heir = world.open()
        await heir.fence()
        assert await heir.committed() == Committed(3, 2)

    async def test_records_keep_key_headers_and_timestamp(self, world: World) -> None:
        port = world.open()
        await port.fence()

        second_ago = milliseconds(datetime.now(UTC)) - 1000
        headers = (("ce_id", b"1"), ("raw", b"\x00\xff"), ("null", None))
        await transact(port, Outgoing(Role.DECISION, Payload(b"d-1", b"a", headers, second_ago)))

        await values(world, 1)
        (record,) = await world.read(Role.DECISION)
        assert (record.key, tuple(record.headers), record.timestamp) == (b"d-1", headers, second_ago)

    async def test_nothing_is_committed_before_the_first_commit(self, world: World) -> None:
        port = world.open()
        await port.fence()

        assert await port.committed() == Committed(None, None)

    async def test_the_next_start_ends_what_a_dead_owner_left_open(self, world: World) -> None:
        dead, heir = world.open(), world.open()
        await dead.fence()
        await dead.begin()
        await dead.send([decision("lost")])
        await dead.flush()
        await dead.send_offsets(Offsets(9, 9))

        await heir.fence()
        await transact(heir, decision("kept"))

        assert await values(world, 1) == [b"kept"]
        assert await heir.committed() == Committed(None, None)

    async def test_the_next_start_fences_the_former_owner(self, world: World) -> None:
        zombie, owner = world.open(), world.open()
        await zombie.fence()
        await transact(zombie, decision("before"))
        await owner.fence()

        with pytest.raises(Fenced):
            await transact(zombie, decision("after"), offsets=Offsets(1, 1))

        assert await values(world, 1) == [b"before"]

    async def test_an_owner_that_is_fenced_in_a_transaction_cannot_commit_it(self, world: World) -> None:
        zombie, owner = world.open(), world.open()
        await zombie.fence()
        await zombie.begin()
        await zombie.send([decision("in doubt")])
        await zombie.flush()
        await owner.fence()

        with pytest.raises(Fenced):
            await zombie.commit()

        assert list(await world.read(Role.DECISION)) == []

    async def test_a_port_that_is_closed_in_a_transaction_leaves_nothing_open(self, world: World) -> None:
        port = world.open()
        await port.fence()
        await port.begin()
        await port.send([decision("lost")])
        await port.flush()

        await port.close()

        # a read-committed reader stops at an open transaction
        await world.append_beside(Role.DECISION, decision("beside").payload)
        assert await values(world, 1) == [b"beside"]

    async def test_the_changelog_is_all_that_is_committed_up_to_the_own_marker(self, world: World) -> None:
        former, dead, owner = world.open(), world.open(), world.open()
        await former.fence()
        await transact(former, state("d-1", b"1"), state("d-2", b"1"))
        await transact(former, state("d-1", b"2"), state("d-2", None))
        await dead.fence()
        await dead.begin()
        await dead.send([state("d-1", b"lost")])
        await dead.flush()

        changelog = await take_over(owner, Offsets(0, 0), b"own")

        assert changelog == [
            (b"d-1", b"1"),
            (b"d-2", b"1"),
            (b"d-1", b"2"),
            (b"d-2", None),
            (TAKEOVER_KEY, b"own"),
        ]

    async def test_polling_begins_at_the_offsets_resumed_at(self, world: World) -> None:
        for number in range(1, 4):
            await world.append(Source.EVENTS, fresh(event(number)))
        for period in ("p-1", "p-2"):
            await world.append(Source.COMMANDS, fresh(enable(period, enabled_at=START)))
        port = world.open()
        await take_over(port, Offsets(1, 1))

        polled = await poll(port, 3)

        order, *heard = (record.message for record in sorted(polled.records, key=lambda record: record.source))
        assert order == enable("p-2", enabled_at=START)
        assert heard == [event_of(event(2)), event_of(event(3))]
        assert polled.offsets == Offsets(3, 2)

    async def test_what_was_fetched_before_a_take_over_is_not_handed_out_again(self, world: World) -> None:
        for number in range(1, 6):
            await world.append(Source.EVENTS, fresh(event(number)))
        former, owner = world.open(), world.open()
        await take_over(former, Offsets(0, 0))
        await poll(former, 1)
        await former.close()

        await take_over(owner, Offsets(2, 0))

        assert [record.raw.offset for record in (await poll(owner, 3)).records] == [2, 3, 4]

    async def test_polling_comes_to_the_ends_as_of_any_moment(self, world: World) -> None:
        port = world.open()
        await take_over(port, Offsets(0, 0))
        await world.append(Source.EVENTS, fresh(event()))
        await world.append(Source.COMMANDS, fresh(enable("p-1", enabled_at=START)))
        ends = await port.ends()

        offsets = Offsets(0, 0)
        async with asyncio.timeout(WITHIN_S):
            while offsets != ends:
                offsets = (await port.poll(0.05)).offsets

        assert ends == Offsets(1, 1)

    async def test_of_the_transactions_of_others_what_is_committed_is_read(self, world: World) -> None:
        await world.append_together(Source.COMMANDS, fresh(enable("kept", enabled_at=START)), commits=True)
        await world.append_together(Source.COMMANDS, fresh(enable("lost", enabled_at=START)), commits=False)
        await world.append_together(Source.DEVICES, fresh(device(version=1)), commits=True)
        await world.append_together(Source.DEVICES, fresh(device(version=2)), commits=False)
        port = world.open()
        await port.fence()
        found = [pair async for polled in port.devices_to_end() for pair in polled.devices]
        await port.resume(Offsets(0, 0))
        await world.append_together(Source.DEVICES, fresh(device(version=3)), commits=True)
        await world.append_together(Source.COMMANDS, fresh(enable("last", enabled_at=START)), commits=True)

        polled = await poll(port, 3)

        assert found == [("d-1", project(device(version=1)))]
        assert polled.devices == [("d-1", project(device(version=3)))]
        assert [record.message for record in polled.records] == [
            enable(period, enabled_at=START) for period in ("kept", "last")
        ]
        # three records and their three markers
        async with asyncio.timeout(WITHIN_S):
            while polled.offsets != Offsets(0, 6):
                polled = await port.poll(0.05)
        assert await port.ends() == polled.offsets

    async def test_devices_are_read_to_their_end_and_then_followed(self, world: World) -> None:
        await world.append(Source.DEVICES, fresh(device(version=1)))
        await world.append(Source.DEVICES, fresh(device("d-2")))
        await world.append(Source.DEVICES, Payload(b"d-2", None))
        port = world.open()
        await port.fence()
        found = [pair async for polled in port.devices_to_end() for pair in polled.devices]
        await port.resume(Offsets(0, 0))

        await world.append(Source.DEVICES, fresh(device(version=2)))

        assert found == [("d-1", project(device(version=1))), ("d-2", project(device("d-2"))), ("d-2", None)]
        assert (await poll(port, 1)).devices == [("d-1", project(device(version=2)))]

    async def test_devices_can_be_read_to_their_end_between_polls(self, world: World) -> None:
        port = world.open()
        await take_over(port, Offsets(0, 0))
        await port.poll(0.01)
        await world.append(Source.COMMANDS, fresh(enable("p-1", enabled_at=START)))
        await world.append(Source.DEVICES, fresh(device(version=2)))

        found = [pair async for polled in port.devices_to_end() for pair in polled.devices]

        assert found == [("d-1", project(device(version=2)))]
        polled = await poll(port, 1)
        assert [record.source for record in polled.records] == [Source.COMMANDS]

    async def test_what_cannot_be_read_is_handed_on_with_its_bytes(self, world: World) -> None:
        port = world.open()
        await take_over(port, Offsets(0, 0))
        for source in Source:
            await world.append(source, Payload(b"d-1", b"\xff{", [("h", b"\x00\xff")]))

        polled = await poll(port, 3)

        assert {record.source for record in polled.records} == set(Source)
        for record in polled.records:
            assert isinstance(record.message, Unreadable)
            assert (record.raw.value, tuple(record.raw.headers)) == (b"\xff{", (("h", b"\x00\xff"),))

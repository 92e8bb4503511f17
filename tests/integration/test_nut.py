"""A real upsd and its driver, watched through the whole service into a real broker."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from ups_devstack import nut
from ups_devstack.nut import NutServer
from ups_devstack.process import free_ports
from ups_devstack.stack import Backing
from ups_event_ingest.adapters.nut_memory import remembered
from ups_event_ingest.app import start
from ups_event_ingest.domain.nut import Open
from ups_event_ingest.settings import IngestSettings, Settings
from ups_event_ingest.testing.examples import device
from ups_runtime import codec
from ups_runtime.clock import SystemClock
from ups_runtime.errors import ExitCode, Fatal
from ups_runtime.kafka import apply_topics, producer, started, topic_name
from ups_runtime.lifecycle import Life, running
from ups_runtime.logging import get_logger
from ups_runtime.settings import HttpSettings, KafkaSettings, LogSettings, OperatorSettings
from ups_runtime.testing import eventually
from ups_runtime.testing.topics import read_all
from ups_schemas.event import AcceptedEvent
from ups_schemas.topics import DEAD_LETTERS, DEVICE_KEYS, DEVICES, EVENTS, INGEST, NUT_WATCH, Service

TOPICS = [DEVICE_KEYS, DEVICES, INGEST, EVENTS, NUT_WATCH, DEAD_LETTERS[Service.EVENT_INGEST]]


@dataclass
class World:
    """The service, the topics round it, and the file that names its UPS."""

    kafka: KafkaSettings
    nut_file: Path

    @asynccontextmanager
    async def service(self, **options: Any) -> AsyncIterator[Life]:
        settings = Settings(
            self.kafka,
            HttpSettings(host="127.0.0.1", side_host="127.0.0.1"),
            LogSettings(),
            OperatorSettings(token=SecretStr("the-operator-token-of-tests")),
            IngestSettings(nut_file=self.nut_file, nut_poll_s=0.1, **options),
        )
        async with running("event-ingest", settings, start) as life:
            yield life

    async def put_device(self, device_id: str) -> None:
        async with started(producer(self.kafka, "test")) as writer:
            value = device(device_id).model_dump_json().encode()
            await writer.send_and_wait(topic_name(self.kafka, DEVICES), value, device_id.encode())

    async def events(self) -> list[AcceptedEvent]:
        """What is on `ups.events`, each once, as of now."""
        first_by_id: dict[str, AcceptedEvent] = {}
        for record in await read_all(self.kafka, EVENTS):
            event = codec.decode(record, AcceptedEvent).data
            # an attempt whose acknowledgement was lost may be there, too, under the same id
            first_by_id.setdefault(event.event_id, event)
        return list(first_by_id.values())

    async def says(self, *expected: str, within_s: float = 20) -> None:
        """Return when exactly this has been said, in this order."""

        async def said() -> bool:
            found = [
                f"{event.code} {event.phase}{' snapshot' if event.snapshot else ''}" for event in await self.events()
            ]
            assert found == list(expected)
            return True

        await eventually(said, within_s=within_s, every_s=0.1)

    async def remembers(self, *codes: str) -> None:
        """Return when the next start would begin from these."""

        async def kept() -> bool:
            open_by_device = await remembered(self.kafka, SystemClock())
            assert open_by_device.get("dev-1", frozenset()) == {Open(code) for code in codes}
            return True

        await eventually(kept, every_s=0.1)


def looks(life: Life, result: str) -> float:
    return life.metrics.registry.get_sample_value("ups_event_ingest_nut_looks_total", {"result": result}) or 0


async def look_again(life: Life, result: str = "reading") -> None:
    """Return when the watcher has looked twice more with this result: then it has acted on the first."""
    before = looks(life, result)
    await eventually(lambda: looks(life, result) >= before + 2, within_s=30)


def status_read(server: NutServer) -> str:
    place, _, port = server.name.rpartition(":")
    ups, _, host = place.partition("@")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"GET VAR {ups} ups.status\n".encode())
        return connection.makefile().readline().strip().partition('"')[2].rstrip('"')


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NutServer]:
    if reason := nut.reason_unavailable():
        pytest.skip(reason)
    with NutServer(tmp_path) as server:
        yield server


@pytest.fixture
async def topics(stack: Backing, prefix: str) -> KafkaSettings:
    kafka = KafkaSettings(bootstrap_servers=stack.kafka_bootstrap, prefix=prefix)
    await apply_topics(kafka, TOPICS, 1, get_logger("test"))
    return kafka


@pytest.fixture
async def world(topics: KafkaSettings, server: NutServer, tmp_path: Path) -> World:
    path = tmp_path / "nut.toml"
    path.write_text(f'[devices]\n"{server.name}" = "dev-1"\n')
    world = World(topics, path)
    await world.put_device("dev-1")
    return world


async def test_an_outage_is_told_once_also_when_the_server_restarts_in_its_middle(
    world: World, server: NutServer
) -> None:
    async with world.service() as life:
        await world.says("STATUS pulse")

        server.set(ups_status="OB DISCHRG", battery_charge="93")
        await world.says("STATUS pulse", "ON_BATTERY raise")
        server.kill()
        server.start()
        await look_again(life)
        server.set(ups_status="OL CHRG")
        await world.says("STATUS pulse", "ON_BATTERY raise", "POWER_RESTORED clear")
        await world.remembers()

    [_, on_battery, restored] = await world.events()
    assert (on_battery.device_id, on_battery.ownership, on_battery.source) == ("dev-1", 1, "nut")
    assert (on_battery.native_code, restored.native_code) == ("ONBATT", "ONLINE")
    assert on_battery.attributes.status == "OB DISCHRG"
    assert on_battery.attributes.battery_charge_percent == 93
    assert on_battery.occurred_at is not None
    assert not any(event.late or event.suspect for event in (on_battery, restored))


async def test_alarms_are_told_apart_and_each_one_ends_when_it_is_gone(world: World, server: NutServer) -> None:
    async with world.service():
        await world.says("STATUS pulse")

        server.set(ups_status="ALARM OL", ups_alarm="Replace battery! Phase B out of range!")
        await world.says("STATUS pulse", "BATTERY_REPLACE raise", "UPS_FAULT raise")
        server.set(ups_status="OL", ups_alarm="")
        await world.says(
            "STATUS pulse",
            "BATTERY_REPLACE raise",
            "UPS_FAULT raise",
            "BATTERY_REPLACED clear",
            "UPS_FAULT_CLEARED clear",
        )

    events = await world.events()
    assert [event.native_text for event in events if event.code.startswith("UPS_FAULT")] == ["Phase B out of range"] * 2
    assert not any(event.suspect for event in events)


async def test_a_driver_that_dies_is_lost_contact_and_its_return_is_told(world: World, server: NutServer) -> None:
    async with world.service(nut_stale_grace_s=1):
        await world.says("STATUS pulse")

        server.kill_driver()
        await world.says("STATUS pulse", "COMM_LOST raise")
        server.start_driver()
        await world.says("STATUS pulse", "COMM_LOST raise", "COMM_RESTORED clear snapshot")


async def test_power_that_returned_while_the_watcher_was_away_is_told_when_it_is_back(
    world: World, server: NutServer
) -> None:
    async with world.service():
        await world.says("STATUS pulse")
        server.set(ups_status="OB LB")
        await world.says("STATUS pulse", "ON_BATTERY raise", "BATTERY_LOW raise")
        await world.remembers("ON_BATTERY", "BATTERY_LOW")
    server.set(ups_status="OL CHRG")

    async with world.service():
        await world.says(
            "STATUS pulse",
            "ON_BATTERY raise",
            "BATTERY_LOW raise",
            "POWER_RESTORED clear snapshot",
            "BATTERY_LOW_CLEARED clear snapshot",
            "STATUS pulse",
        )


async def test_what_changes_while_the_brokers_are_away_is_told_in_order_once_they_are_back(
    stack: Backing, world: World, server: NutServer
) -> None:
    async with world.service(publish_timeout_s=1) as life:
        await world.says("STATUS pulse")
        await stack.stop("kafka")
        try:
            for status in ("OB", "OB LB", "OL"):
                server.set(ups_status=status)
                await eventually(lambda status=status: status_read(server) == status)
                await look_again(life)
        finally:
            await stack.start("kafka")

        await world.says(
            "STATUS pulse",
            "ON_BATTERY raise",
            "BATTERY_LOW raise",
            "POWER_RESTORED clear",
            "BATTERY_LOW_CLEARED clear",
            within_s=60,
        )
        await world.remembers()


async def test_a_ups_is_told_of_once_its_device_exists(world: World, server: NutServer) -> None:
    world.nut_file.write_text(f'[devices]\n"{server.name}" = "later"\n')
    server.set(ups_status="OB")

    async with world.service() as life:
        await look_again(life, "device-unknown")
        await world.put_device("later")
        await world.says("ON_BATTERY raise snapshot", "STATUS pulse")


async def test_a_server_that_is_not_there_keeps_nothing_else_from_working(
    topics: KafkaSettings, tmp_path: Path
) -> None:
    path = tmp_path / "nut.toml"
    path.write_text(f'[devices]\n"ups@127.0.0.1:{free_ports(1)[0]}" = "dev-1"\n')

    async with (
        World(topics, path).service() as life,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{life.side_port}", timeout=30) as client,
    ):

        async def ready() -> bool:
            return (await client.get("/readyz")).status_code == httpx.codes.OK

        async def shown() -> bool:
            shows = 'ups_event_ingest_nut_state{device_id="dev-1",state="unreachable"} 1.0'
            return shows in (await client.get("/metrics")).text

        await eventually(ready)
        await eventually(shown)


async def test_a_wrong_file_ends_the_start(topics: KafkaSettings, tmp_path: Path) -> None:
    path = tmp_path / "nut.toml"
    path.write_text('[devices]\n"ups" = "dev-1"\n')

    with pytest.raises(Fatal, match="UPS_INGEST_NUT_FILE") as raised:
        async with World(topics, path).service():
            pass

    assert raised.value.exit_code is ExitCode.SETTINGS

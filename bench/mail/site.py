"""An installation for the bench: real services, a sink for their mail, and a fleet written straight to the topics."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bench.process import Usage, usage
from bench.workload import snapshot_record
from ups_devstack.process import Child
from ups_devstack.services import Installation, Services
from ups_devstack.stack import Backing
from ups_runtime.codec import encode, message_event
from ups_runtime.kafka import producer, started, topic_name
from ups_schemas import keys
from ups_schemas.account import User
from ups_schemas.device import DeviceKey, DeviceSnapshot, GatewayScope, Plan, Subscription
from ups_schemas.topics import DEVICE_KEYS, DEVICES, USERS, Service

COMPANY = "bench"
# What a person is responsible for in the storm: their mails have one lane.
DEVICES_OF_A_PERSON = 10
GATEWAY = keys.new_key(bytes(range(keys.RANDOM_BYTES)))


def device(number: int) -> str:
    """The id of a device."""
    return f"bench-{number:06d}"


def owner(number: int, per_person: int) -> str:
    """Who gets a device's mails."""
    return f"person-{number // per_person:06d}"


@dataclass
class Sink:
    """The mail server, and what it took."""

    port: int
    pid: int
    _file: Path
    taken: list[tuple[float, str]] = field(default_factory=list)
    _read: int = 0

    def look(self) -> int:
        """How many mails it has taken, as of some 100 ms ago."""
        with self._file.open() as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind("\n") + 1]
        self._read += len(whole)
        self.taken += [(float(at), to) for at, _, to in (line.partition(" ") for line in whole.splitlines())]
        return len(self.taken)


@contextmanager
def sink(folder: Path) -> Iterator[Sink]:
    """The mail server while the block runs."""
    port_file, taken_file = folder / "sink.port", folder / "sink.taken"
    # an earlier one may have been here
    port_file.unlink(missing_ok=True)
    taken_file.write_text("")
    child = Child("sink", folder / "sink.log")
    child.start([sys.executable, "-m", "bench.mail.sink", str(port_file), str(taken_file)], env=dict(os.environ))
    try:
        child.wait_ready(lambda: None if port_file.exists() and port_file.read_text() else "no port", timeout_s=30)
        assert child.pid is not None
        yield Sink(int(port_file.read_text()), child.pid, taken_file)
    finally:
        child.kill()


@dataclass
class Site:
    """The installation, its mail, and the client that speaks for all devices."""

    services: Services
    sink: Sink
    client: httpx.AsyncClient

    def usage(self, service: Service) -> Usage:
        """What a service has used so far."""
        pid = self.services[service].pid
        if pid is None:
            raise RuntimeError(f"{service} ended by itself: {self.services[service].log_path}")
        return usage(pid)

    async def send(self, numbers: Sequence[int]) -> float:
        """Send ON_BATTERY of each device, in one request, until it is acknowledged; gives when that was."""
        return await self._send(
            [{"device_id": device(each), "code": "ON_BATTERY", "event_id": f"e-{each}"} for each in numbers]
        )

    async def send_readings(self, numbers: Sequence[int]) -> None:
        """Send a STATUS of each device, as `send` does: nobody is told of it, and it is in no row."""
        await self._send([{"device_id": device(each), "code": "STATUS"} for each in numbers])

    async def _send(self, events: Sequence[Mapping[str, str]]) -> float:
        url = f"{self.services[Service.EVENT_INGEST].url}/v1/events"
        while True:
            try:
                response = await self.client.post(url, json=events)
            except httpx.TransportError:
                continue
            if response.status_code == httpx.codes.ACCEPTED:
                accepted = response.json()["accepted"]
                if accepted != len(events):
                    raise RuntimeError(f"{len(events) - accepted} events were refused")
                return time.time()
            if response.status_code not in {429, 503}:
                raise RuntimeError(f"ingest answered {response.status_code}: {response.text[:300]}")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def site(backing: Backing, folder: Path, prefix: str) -> AsyncIterator[Site]:
    """A new installation while the block runs."""
    with sink(folder) as mails:
        environ = {
            "UPS_SMTP_PORT": str(mails.port),
            "UPS_INGEST_EVENTS_PER_S": "100000",
            "UPS_INGEST_BURST": "1000000",
            "UPS_LOG_LEVEL": "warning",
        }
        services = Services(backing, Installation(prefix=prefix, environ=environ), folder / "services", folder)
        headers = {"Authorization": f"Bearer {GATEWAY.text}"}
        try:
            await asyncio.to_thread(services.start)
            async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as client:
                yield Site(services, mails, client)
        finally:
            await asyncio.to_thread(services.stop)


async def people_and_devices(site: Site, numbers: range, per_person: int) -> None:
    """Write devices, their owners and the gateway's key as the services do."""
    settings, now = site.services.kafka, datetime.now(UTC)
    records: list[tuple[str, Any]] = []
    for person in dict.fromkeys(owner(number, per_person) for number in numbers):
        user = User(
            user_id=person,
            version=1,
            address=f"{person}@bench.example",
            name="Somebody",
            company_id=COMPANY,
            changed_at=now,
        )
        carried = message_event(user, id=person, source="/invite-svc", subject=person, time=now)
        records.append((topic_name(settings, USERS), encode(carried, key=person)))
    for number in numbers:
        person = owner(number, per_person)
        snapshot = DeviceSnapshot(
            device_id=device(number),
            version=1,
            ownership=1,
            company_id=COMPANY,
            owner=person,
            name=f"Rack {number}",
            site="Main site",
            plan=Plan(name="advanced"),
            subscriptions=(Subscription(user_id=person),),
            changed_at=now,
        )
        records.append((topic_name(settings, DEVICES), snapshot_record(snapshot)))
    key = DeviceKey(
        key_id=GATEWAY.key_id,
        version=1,
        secret_sha256=GATEWAY.secret_sha256,
        scope=GatewayScope(company_id=COMPANY),
        changed_at=now,
    )
    published = message_event(key, id=key.key_id, source="/device-svc", subject=key.key_id, time=now)
    records.append((topic_name(settings, DEVICE_KEYS), encode(published, key=key.key_id)))
    async with started(producer(settings, "bench")) as writer:
        sent = [
            await writer.send(name, one.value, one.key, timestamp_ms=one.timestamp_ms, headers=one.headers)
            for name, one in records
        ]
        await asyncio.gather(*sent)

"""What every implementation of a port keeps: run on the fakes, and on the real ones over the stack."""

from datetime import datetime, timedelta
from typing import Protocol

from ups_event_ingest.domain.authority import KnownDevice
from ups_event_ingest.handlers import Publisher, Registry
from ups_event_ingest.testing.examples import accepted_event, device, device_key, example_key
from ups_schemas.device import DeviceKey, DeviceSnapshot
from ups_schemas.event import AcceptedEvent


class Topics(Protocol):
    """The topics that a registry follows."""

    async def put_key(self, key_id: str, key: DeviceKey | None) -> None:
        """Publish a key, or with None that it is gone."""

    async def put_device(self, device_id: str, device: DeviceSnapshot | None) -> None:
        """Publish a device, or with None that it is gone."""


async def registry_keeps_its_contract(registry: Registry, topics: Topics) -> None:
    """What was put before a reading to the end is there after it: new, changed and gone."""
    key = example_key(901)
    await topics.put_key(key.key_id, device_key(key, "dev-901"))
    await topics.put_device("dev-901", device("dev-901", version=1, company_id="acme"))
    await topics.put_device("dev-901", device("dev-901", version=2, ownership=2, company_id="umbrella"))
    passed_on = device("dev-902", version=3, ownership=3, keys_since=2)
    await topics.put_device("dev-902", passed_on)

    await registry.read_to_end()

    known, found = registry.device("dev-901"), registry.key(key.key_id)
    assert known is not None
    assert (known.version, known.ownership, known.company_id, known.keys_since) == (2, 2, "umbrella", 2)
    assert registry.device("dev-902") == KnownDevice(ownership=3, version=3, company_id="acme", keys_since=2)
    assert found is not None
    assert found.secret_sha256 == key.secret_sha256
    assert registry.key("no-such-key") is None
    assert registry.device("no-such-device") is None

    await topics.put_key(key.key_id, device_key(key, "dev-901", revoked=True))
    await topics.put_device("dev-901", None)
    await registry.read_to_end()

    found = registry.key(key.key_id)
    assert found is not None
    assert found.revoked
    assert registry.device("dev-901") is None

    await topics.put_key(key.key_id, None)
    await registry.read_to_end()

    assert registry.key(key.key_id) is None
    assert registry.complete


class Reader(Protocol):
    """Reads what a publisher published."""

    async def __call__(self) -> list[AcceptedEvent]:
        """All events that the brokers have, those of one device in their order."""


async def publisher_keeps_its_contract(publisher: Publisher, read: Reader, now: datetime) -> None:
    """What was published is there when the call returns, in order per device; nothing is published for nothing."""
    events = [
        accepted_event(f"event-{number}", now + timedelta(milliseconds=number), f"dev-{number % 3}")
        for number in range(30)
    ]

    await publisher.publish([])
    await publisher.publish(events)

    there = await read()
    for device_id in ("dev-0", "dev-1", "dev-2"):
        assert [e for e in there if e.device_id == device_id] == [e for e in events if e.device_id == device_id]

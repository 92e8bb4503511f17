"""Ports that hold what they were given."""

from collections.abc import Callable, Sequence

from ups_event_ingest.adapters.device_view import known_key
from ups_event_ingest.domain.authority import KnownDevice, KnownKey
from ups_event_ingest.domain.refusal import Refusal
from ups_event_ingest.handlers import Unavailable, Way
from ups_runtime.errors import Retryable
from ups_schemas.device import DeviceKey, DeviceSnapshot
from ups_schemas.event import AcceptedEvent


class FakeRegistry:
    """A `Registry` and the topics behind it. What is put is seen at the next reading to the end, or at once."""

    def __init__(self, *, seen_at_once: bool = False) -> None:
        self.complete = True
        self.away = False
        self.reads = 0
        self._seen_at_once = seen_at_once
        self._unseen: list[Callable[[], object]] = []
        self._key_by_id: dict[str, KnownKey] = {}
        self._device_by_id: dict[str, KnownDevice] = {}

    async def put_key(self, key_id: str, key: DeviceKey | None) -> None:
        """Publish a key, or with None that it is gone."""
        if key is None:
            self._publish(lambda: self._key_by_id.pop(key_id, None))
        else:
            self._publish(lambda: self._key_by_id.update({key_id: known_key(key)}))

    async def put_device(self, device_id: str, device: DeviceSnapshot | None) -> None:
        """Publish a device, or with None that it is gone."""
        if device is None:
            self._publish(lambda: self._device_by_id.pop(device_id, None))
        else:
            since = device.keys_since or device.ownership
            known = KnownDevice(device.ownership, device.version, device.company_id, since)
            self._publish(lambda: self._device_by_id.update({device_id: known}))

    def key(self, key_id: str) -> KnownKey | None:
        """What is known of a key."""
        return self._key_by_id.get(key_id)

    def device(self, device_id: str) -> KnownDevice | None:
        """What is known of a device."""
        return self._device_by_id.get(device_id)

    async def read_to_end(self) -> None:
        """See all that was put before."""
        self.reads += 1
        if self.away:
            raise Retryable("the brokers are away")
        while self._unseen:
            self._unseen.pop(0)()

    def _publish(self, change: Callable[[], object]) -> None:
        if self._seen_at_once:
            change()
        else:
            self._unseen.append(change)


class FakePublisher:
    """A `Publisher` whose `events` are what the brokers have; `refuses_because` is why they take no more."""

    def __init__(self) -> None:
        self.events: list[AcceptedEvent] = []
        self.refuses_because: str | None = None

    async def publish(self, events: Sequence[AcceptedEvent]) -> None:
        """Keep the events."""
        if self.refuses_because:
            raise Unavailable(self.refuses_because)
        self.events.extend(events)


class FakeTally:
    """A `Tally` that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[Way, str]] = []

    def accepted(self, way: Way, event: AcceptedEvent) -> None:
        """Remember the event's code."""
        self.told.append((way, event.code))

    def refused(self, way: Way, refusal: Refusal) -> None:
        """Remember the reason."""
        self.told.append((way, refusal.reason))

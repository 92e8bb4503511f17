"""Keys and devices, followed into memory from their topics."""

import asyncio
import sys
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from ups_event_ingest.domain.authority import Device, Gateway, KnownDevice, KnownKey
from ups_runtime import codec
from ups_runtime.clock import Clock
from ups_runtime.kafka import View
from ups_runtime.settings import KafkaSettings
from ups_schemas.device import DeviceKey, DeviceScope
from ups_schemas.envelope import Message
from ups_schemas.topics import DEVICE_KEYS, DEVICES


class _Snapshot(Message):
    """The part of `DeviceSnapshot` that is kept: a full one is parsed ten times slower, for nothing."""

    version: int
    ownership: int
    company_id: str
    keys_since: int | None = None


class RegistryView:
    """A `Registry` that follows `ups.device-keys` and `ups.devices`. Enter it to follow; leave it to stop.

    An unreadable device record leaves what was known before. An unreadable key record takes the key out of force, since
    it may have been its revocation.
    """

    def __init__(self, settings: KafkaSettings, clock: Clock) -> None:
        self._key_by_id: dict[str, KnownKey] = {}
        self._device_by_id: dict[str, KnownDevice] = {}
        self.views = (
            View(settings, DEVICE_KEYS, self._apply_key, clock=clock),
            View(settings, DEVICES, self._apply_device, clock=clock),
        )
        self._entered = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start to follow; returns at once."""
        for view in self.views:
            await self._entered.enter_async_context(view)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self._entered.aclose()

    @property
    def complete(self) -> bool:
        """Whether everything published before this process started is in it."""
        return all(view.complete for view in self.views)

    def key(self, key_id: str) -> KnownKey | None:
        """What is known of a key."""
        return self._key_by_id.get(key_id)

    def device(self, device_id: str) -> KnownDevice | None:
        """What is known of a device."""
        return self._device_by_id.get(device_id)

    async def read_to_end(self) -> None:
        """Return when everything published before the call is in it; concurrent callers share the reading.

        Raises:
            Retryable: when the brokers do not answer in time.
        """
        # no task group: it would wrap what callers act on
        await asyncio.gather(*(view.read_to_end() for view in self.views))

    def _apply_key(self, key: bytes, value: bytes | None, _record: Any) -> None:  # Any: aiokafka has no types
        key_id = key.decode(errors="replace")
        self._key_by_id.pop(key_id, None)
        if value is not None:
            self._key_by_id[key_id] = known_key(codec.parse(value, DeviceKey))

    def _apply_device(self, key: bytes, value: bytes | None, _record: Any) -> None:  # Any: as above
        device_id = key.decode(errors="replace")
        if value is None:
            self._device_by_id.pop(device_id, None)
            return
        snapshot = codec.parse(value, _Snapshot)
        self._device_by_id[device_id] = KnownDevice(
            snapshot.ownership,
            snapshot.version,
            sys.intern(snapshot.company_id),
            snapshot.keys_since or snapshot.ownership,
        )


def known_key(key: DeviceKey) -> KnownKey:
    """What is kept of a key."""
    scope = key.scope
    speaks_for: Device | Gateway
    if isinstance(scope, DeviceScope):
        speaks_for = Device(scope.device_id, scope.ownership, scope.device_version)
    else:
        speaks_for = Gateway(scope.company_id, frozenset(scope.device_ids) if scope.device_ids is not None else None)
    return KnownKey(key.secret_sha256, speaks_for, key.revoked, key.expires_at)

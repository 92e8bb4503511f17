"""What the NUT watcher has told, kept on `ups.nut-watch` (ADR 6)."""

from collections.abc import Callable, Mapping
from typing import Any

from ups_event_ingest.adapters.kafka import EventPublisher
from ups_event_ingest.domain.nut import Open
from ups_runtime import codec
from ups_runtime.clock import Clock
from ups_runtime.errors import Retryable
from ups_runtime.kafka import View
from ups_runtime.settings import KafkaSettings
from ups_schemas.catalogue import CONDITION_BY_CODE
from ups_schemas.topics import NUT_WATCH
from ups_schemas.watch import NutWatch

OpenByDevice = Mapping[str, frozenset[Open]]


class NutMemory:
    """Writes what was told; `topic` is the name of `ups.nut-watch` in this installation."""

    def __init__(self, publisher: EventPublisher, topic: str, make_id: Callable[[], str]) -> None:
        self._publisher = publisher
        self._topic = topic
        self._make_id = make_id

    async def write(self, watch: NutWatch) -> None:
        """Return when all in-sync replicas have it.

        Raises:
            Retryable: when that is not known.
        """
        event = codec.message_event(
            watch, id=self._make_id(), source="/event-ingest/nut", subject=watch.device_id, time=watch.changed_at
        )
        await self._publisher.send(self._topic, [codec.encode(event, key=watch.device_id)])


async def remembered(settings: KafkaSettings, clock: Clock) -> OpenByDevice:
    """What was told and not ended, per device, as of now; waits for the brokers as long as it takes."""
    open_by_device: dict[str, frozenset[Open]] = {}

    def apply(key: bytes, value: bytes | None, _record: Any) -> None:  # Any: aiokafka has no types
        device_id = key.decode()
        if value is None:
            open_by_device.pop(device_id, None)
            return
        watch: NutWatch = codec.parse(value, NutWatch)
        # a later release may know more than this one
        open_by_device[device_id] = frozenset(
            Open(each.code, each.text, each.mode) for each in watch.open if each.code in CONDITION_BY_CODE
        )

    async with View(settings, NUT_WATCH, apply, clock=clock) as view:
        while not view.complete:
            try:
                await view.read_to_end()
            except Retryable:
                continue  # the view says in the log what it waits for
    return open_by_device

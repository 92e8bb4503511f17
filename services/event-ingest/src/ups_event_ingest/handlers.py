"""Accept events: who sends them, what they say, and no answer before the brokers have them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ups_event_ingest.domain.acceptance import accept, parse, test_event
from ups_event_ingest.domain.authority import (
    NOBODY,
    UNKNOWN_DEVICE,
    Device,
    KnownDevice,
    KnownKey,
    Sender,
    Watched,
    named,
    reached,
    speaker,
)
from ups_event_ingest.domain.refusal import Refusal
from ups_runtime.errors import Retryable
from ups_schemas import keys
from ups_schemas.event import AcceptedEvent


class Way(StrEnum):
    """How an event came in."""

    HTTP = "http"
    KAFKA = "kafka"
    NUT = "nut"
    OPERATOR = "operator"


class Unavailable(Retryable):
    """Not possible right now; the message is fit to be shown to senders."""


class Registry(Protocol):
    """Which keys and devices there are."""

    @property
    def complete(self) -> bool:
        """Whether everything published before this process started is in it."""

    def key(self, key_id: str) -> KnownKey | None:
        """What is known of a key."""

    def device(self, device_id: str) -> KnownDevice | None:
        """What is known of a device."""

    async def read_to_end(self) -> None:
        """Return when everything published before the call is in it; concurrent callers share the reading.

        Raises:
            Retryable: when the brokers do not answer in time.
        """


class Publisher(Protocol):
    """The way to `ups.events`."""

    async def publish(self, events: Sequence[AcceptedEvent]) -> None:
        """Return when all in-sync replicas have every event, those of one device in the order given.

        Raises:
            Retryable: when that is not known; any of them may be there or come later.
        """


class Tally(Protocol):
    """What is counted."""

    def accepted(self, way: Way, event: AcceptedEvent) -> None:
        """An event that the brokers have."""

    def refused(self, way: Way, refusal: Refusal) -> None:
        """An event that was not accepted."""


class Authenticator:
    """Whom a sender speaks for. Unknown, wrong, revoked, expired, of a former owner: one answer, and one way to it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def by_key(self, text: str, at: datetime) -> Sender | None:
        """Who presents this key; None if nobody does.

        Raises:
            Retryable: when that cannot be said right now.
        """
        key_id, secret = keys.parse(text) or ("", "")
        proof = keys.secret_sha256(secret)
        return await self._judge(key_id, at, proof, lambda secret_sha256: secret_sha256)

    async def by_signature(self, key_id: str, signature: str, value: bytes, at: datetime) -> Sender | None:
        """Who signed `value` with this key; None if nobody did.

        Raises:
            Retryable: when that cannot be said right now.
        """
        return await self._judge(key_id, at, signature, lambda secret_sha256: keys.signature(secret_sha256, value))

    async def _judge(self, key_id: str, at: datetime, proof: str, expected: Callable[[str], str]) -> Sender | None:
        if not self._registry.complete:
            raise Unavailable("Not all keys are known here yet.")
        sender = self._look_up(key_id, at, proof, expected)
        if sender is None:
            # it may have been published a moment ago; whatever is wrong with it, the answer takes as long
            await self._registry.read_to_end()
            sender = self._look_up(key_id, at, proof, expected)
        return sender

    def _look_up(self, key_id: str, at: datetime, proof: str, expected: Callable[[str], str]) -> Sender | None:
        key = self._registry.key(key_id)
        found = key or NOBODY
        device_id = found.speaks_for.device_id if isinstance(found.speaks_for, Device) else ""
        return speaker(key, proof, expected(found.secret_sha256), self._registry.device(device_id), at)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How and when items came in. `make_id` gives the id of an event whose sender gave none.

    `snapshot`: states found on connecting, not changes that were seen.
    """

    way: Way
    received_at: datetime
    make_id: Callable[[], str]
    snapshot: bool = False


Verdict = AcceptedEvent | Refusal


class Ingest:
    """Accepts events of senders that are already known."""

    def __init__(self, registry: Registry, publisher: Publisher, tally: Tally) -> None:
        self._registry = registry
        self._publisher = publisher
        self._tally = tally

    async def accept(self, sender: Sender, items: Sequence[object], arrival: Arrival) -> list[Verdict]:
        """Per item the event as it stands on `ups.events`, or why it does not; good items go through beside bad ones.

        An item is a JSON value, a `RawEvent`, or the `Refusal` that it has already met with. Returns only when the
        brokers have every accepted event. Cancelled or failed half-way, any of them may be there: the sender repeats
        them under the same ids.

        Raises:
            Retryable: when it is not known that the brokers have them all.
        """
        verdicts = [self._verdict(sender, item, arrival) for item in items]
        if UNKNOWN_DEVICE in verdicts:
            await self._registry.read_to_end()
            verdicts = [self._verdict(sender, item, arrival) for item in items]
        await self._publisher.publish([verdict for verdict in verdicts if isinstance(verdict, AcceptedEvent)])
        for verdict in verdicts:
            if isinstance(verdict, Refusal):
                self._tally.refused(arrival.way, verdict)
            else:
                self._tally.accepted(arrival.way, verdict)
        return verdicts

    async def drill(self, device_id: str, requested_by: str, arrival: Arrival) -> Verdict:
        """A test of the device's way to a mail, as it stands on `ups.events`, or why there can be none.

        Raises:
            Retryable: when it is not known that the brokers have it.
        """
        if not self._registry.complete:
            raise Unavailable("Not all devices are known here yet.")
        if self._registry.device(device_id) is None:
            await self._registry.read_to_end()
        device = reached(Watched(device_id), device_id, self._registry.device(device_id))
        if isinstance(device, Refusal):
            self._tally.refused(arrival.way, device)
            return device
        event = test_event(
            device, requested_by=requested_by, received_at=arrival.received_at, made_id=arrival.make_id()
        )
        await self._publisher.publish([event])
        self._tally.accepted(arrival.way, event)
        return event

    def _verdict(self, sender: Sender, item: object, arrival: Arrival) -> Verdict:
        raw = item if isinstance(item, Refusal) else parse(item)
        if isinstance(raw, Refusal):
            return raw
        device_id = named(sender, raw.device_id)
        if isinstance(device_id, Refusal):
            return device_id
        device = reached(sender, device_id, self._registry.device(device_id))
        if isinstance(device, Refusal):
            return device
        return accept(
            raw, device, received_at=arrival.received_at, made_id=arrival.make_id(), snapshot=arrival.snapshot
        )

"""Records as bytes: events, commands and devices parsed, decisions and dead letters encoded."""

from hashlib import sha256

import msgspec
from pydantic import TypeAdapter

from ups_runtime.clock import Clock
from ups_runtime.codec import event_headers, parse
from ups_runtime.dlq import MAX_ERROR_CHARS, VALUE_HASH_HEADER
from ups_runtime.errors import Permanent
from ups_runtime.kafka import UNREADABLE
from ups_schemas.decision import Decision, Incident
from ups_schemas.device import DeviceSnapshot, EnableNotifications
from ups_schemas.envelope import DeadLetterHeader, DeadLetterReason, format_milliseconds, format_timestamp, milliseconds
from ups_schemas.event import AcceptedEvent
from ups_schemas.ids import derived
from ups_schemas.topics import MAX_AHEAD
from ups_throttle.adapters.devices import LARGEST, read_canonical_device
from ups_throttle.adapters.events import read_canonical
from ups_throttle.domain import output
from ups_throttle.domain.device import Device, project
from ups_throttle.domain.event import event_of
from ups_throttle.records import MAX_RECORD_BYTES, Payload, Raw, Record, Source, Unreadable

CE_SOURCE = "/throttle"

# What a header takes beside its name and value: both lengths, as varints.
_HEADER_BYTES = 10

# How often the time of day is asked for: at each decision it would be a twentieth of the CPU.
LOOK_EVERY_S = 1.0

_ENCODER = msgspec.json.Encoder()
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)

_MODELS: dict[Source, type[AcceptedEvent | EnableNotifications | DeviceSnapshot]] = {
    Source.EVENTS: AcceptedEvent,
    Source.COMMANDS: EnableNotifications,
    Source.DEVICES: DeviceSnapshot,
}


def parse_record(source: Source, raw: Raw) -> Record:
    """Parse a record of `ups.events` or `ups.commands`; whatever its bytes are, this returns."""
    if source is Source.EVENTS and raw.value is not None:
        event = read_canonical(raw.value)
        if event is not None and raw.key == event.device_id.encode():
            return Record(source, raw, event)
    match _parsed(source, raw):
        case AcceptedEvent() as accepted:
            return Record(source, raw, event_of(accepted))
        case DeviceSnapshot():
            return Record(source, raw, _not_here(source))
        case message:
            return Record(source, raw, message)


def parse_device(raw: Raw) -> tuple[str, DeviceSnapshot | None] | Record:
    """Parse a record of `ups.devices`: the device, none for a tombstone, or the record for the dead letters."""
    if raw.value is None and raw.key is not None:
        return raw.key.decode(errors="replace"), None
    message = _parsed(Source.DEVICES, raw)
    if isinstance(message, DeviceSnapshot):
        if max(message.version, message.ownership) <= LARGEST:
            return message.device_id, message
        message = Unreadable(DeadLetterReason.INVALID, "its version or ownership is too large a number")
    return Record(Source.DEVICES, raw, message if isinstance(message, Unreadable) else _not_here(Source.DEVICES))


def read_device(raw: Raw) -> tuple[str, Device | None] | Record:
    """The same as `parse_device`, with only what decisions need of the device."""
    if raw.value is not None:
        device = read_canonical_device(raw.value)
        if device is not None and raw.key == device.device_id.encode():
            return device.device_id, device
    parsed = parse_device(raw)
    if isinstance(parsed, Record):
        return parsed
    device_id, model = parsed
    return device_id, None if model is None else project(model)


def unparsed(source: Source, raw: Raw) -> Record:
    """Stand for a record that the client library cannot parse: of it there is only its place."""
    return Record(source, raw, Unreadable(DeadLetterReason.UNDECODABLE, UNREADABLE))


class CloudEventsWire:
    """`records.Wire` in the product's wire format. `service` goes into the headers of dead letters."""

    def __init__(self, service: str, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._latest_ms = 0
        self._looked_at = -LOOK_EVERY_S

    def decision(self, told: output.Output) -> Payload:
        """Encode a decision; its `ce_id` derives from what it is about, so that a replay gives the same bytes."""
        decided, about, at_ms = told
        device_id = decided.device_id
        # device_seq begins anew when an idle device was forgotten: it alone would not tell two lives apart
        ce_id = derived("decision", device_id, decided.ownership, decided.device_seq, about)
        headers = event_headers(
            id=ce_id, source=CE_SOURCE, type=decided.type, subject=device_id, time=format_milliseconds(at_ms)
        )
        # An order may carry the time of a clock that is far ahead. The brokers would refuse its whole batch, for ever.
        return Payload(device_id.encode(), _ENCODER.encode(decided), headers, min(at_ms, self._latest()))

    def dead_letter(self, raw: Raw, reason: DeadLetterReason, error: str) -> Payload:
        """Give the raw record with what went wrong in its headers; one too large for the topic leaves only a hash."""
        headers = list(raw.headers or ())
        value = raw.value
        size = len(value or b"") + len(raw.key or b"")
        size += sum(len(name.encode()) + len(data or b"") + _HEADER_BYTES for name, data in headers)
        if size > MAX_RECORD_BYTES:
            headers = [(VALUE_HASH_HEADER, sha256(value or b"").hexdigest().encode())]
            value = b""
        added: dict[str, str] = {
            DeadLetterHeader.REASON: reason,
            DeadLetterHeader.ERROR: error[:MAX_ERROR_CHARS],
            DeadLetterHeader.TOPIC: raw.topic,
            DeadLetterHeader.PARTITION: str(raw.partition),
            DeadLetterHeader.OFFSET: str(raw.offset),
            DeadLetterHeader.TIMESTAMP: str(raw.timestamp),
            DeadLetterHeader.SERVICE: self._service,
            DeadLetterHeader.DEAD_AT: format_timestamp(self._clock.now()),
        }
        # aiokafka wants names that are `str` itself, no enum
        headers += [(str(name), text.encode(errors="replace")) for name, text in added.items()]
        key = raw.key if len(raw.key or b"") < MAX_RECORD_BYTES // 2 else None
        # Kafka's clients send no record that has neither
        return Payload(key, b"" if key is None and value is None else value, headers)

    def _latest(self) -> int:
        """The latest time that the brokers take, give or take a second."""
        now = self._clock.monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._latest_ms = milliseconds(self._clock.now() + MAX_AHEAD)
        return self._latest_ms


def model_of(told: output.Output) -> Decision:
    """The decision as whoever reads it from the topic has it."""
    return _DECISION.validate_json(_ENCODER.encode(told.decided))


def incident_model_of(incident: output.Incident) -> Incident:
    """The same for an incident alone."""
    return Incident.model_validate_json(_ENCODER.encode(incident))


def _parsed(source: Source, raw: Raw) -> AcceptedEvent | EnableNotifications | DeviceSnapshot | Unreadable:
    try:
        message: AcceptedEvent | EnableNotifications | DeviceSnapshot = parse(raw.value, _MODELS[source])
    except Permanent as error:
        return Unreadable(error.reason, str(error))
    except Exception as error:  # noqa: BLE001 - hostile bytes reached a bug of ours or of the parser
        return Unreadable(DeadLetterReason.FAILED, type(error).__name__)
    if raw.key != message.device_id.encode():
        return Unreadable(DeadLetterReason.INVALID, "the key is not the device_id")
    return message


def _not_here(source: Source) -> Unreadable:
    return Unreadable(DeadLetterReason.INVALID, f"not a message of {source}")

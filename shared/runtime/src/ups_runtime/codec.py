"""CloudEvents as Kafka records: binary mode in the headers, and a JSON value that is complete without them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Protocol, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ups_runtime.errors import Permanent, Undecodable
from ups_schemas.envelope import (
    CloudEvent,
    DeadLetterReason,
    Message,
    format_timestamp,
    from_milliseconds,
    milliseconds,
    to_utc_milliseconds,
)

M = TypeVar("M", bound=Message)

CONTENT_TYPE = "application/json"
_CONTENT_TYPE = ("content-type", CONTENT_TYPE.encode())
_SPECVERSION = ("ce_specversion", b"1.0")

# CloudEvents sets no bound; a header longer than this is not an attribute of ours.
MAX_ATTRIBUTE_BYTES = 1024
MAX_ERROR_CHARS = 500

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Record(Protocol):
    """What is asked of a consumed record; aiokafka's `ConsumerRecord` has it."""

    @property
    def topic(self) -> str:
        """The topic, with the installation's prefix."""

    @property
    def partition(self) -> int:
        """The partition number."""

    @property
    def offset(self) -> int:
        """The place in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch."""

    @property
    def key(self) -> bytes | None:
        """The raw key."""

    @property
    def value(self) -> bytes | None:
        """The raw value; None is a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """The raw headers."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record ready to be sent; the four fields are `AIOKafkaProducer.send`'s arguments of nearly the same names."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp_ms: int


def message_event(
    data: M,
    *,
    id: str,  # noqa: A002 - CloudEvents' own name
    source: str,
    subject: str,
    time: datetime,
    traceparent: str | None = None,
) -> CloudEvent[M]:
    """The event that carries `data`; its type is the message's own `type`."""
    return CloudEvent(
        id=id, source=source, type=_type_of(data), subject=subject, time=time, data=data, traceparent=traceparent
    )


def event_headers(
    *,
    id: str,  # noqa: A002 - CloudEvents' own names
    source: str,
    type: str,  # noqa: A002
    subject: str,
    time: str,
) -> list[tuple[str, bytes]]:
    """The headers of an event whose value is JSON."""
    return [
        _SPECVERSION,
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", type.encode()),
        ("ce_subject", subject.encode()),
        ("ce_time", time.encode()),
        _CONTENT_TYPE,
    ]


def encode(event: CloudEvent[M], *, key: str) -> Encoded:
    """The record of an event. The record timestamp is the event's time."""
    headers = event_headers(
        id=event.id, source=event.source, type=event.type, subject=event.subject, time=format_timestamp(event.time)
    )
    if event.traceparent is not None:
        headers.append(("traceparent", event.traceparent.encode()))
    return Encoded(key.encode(), event.data.model_dump_json().encode(), headers, milliseconds(event.time))


def decode(record: Record, models: Any) -> CloudEvent[Any]:  # Any: a model, a union or a tuple; mypy has no type for it
    """The event in a record, whatever its bytes are. Tombstones are the caller's to see first.

    `models` is a model, a union of models or a tuple of them, told apart by `type` in the value. Headers only add to
    the value: a missing or unreadable one is replaced by what the record itself says (id: its place in the log;
    subject: its key; time: its timestamp).

    Raises:
        Undecodable: the value is not JSON.
        Permanent: with INVALID, when the value breaks the contract.
    """
    data = parse(record.value, models)
    attributes = _attributes(record)
    traceparent = attributes.get("traceparent")
    return CloudEvent(
        id=attributes.get("ce_id") or f"{record.topic}/{record.partition}/{record.offset}",
        source=attributes.get("ce_source") or f"/kafka/{record.topic}",
        type=_type_of(data) or attributes.get("ce_type") or record.topic,
        subject=attributes.get("ce_subject") or (record.key or b"").decode(errors="replace"),
        time=_time(attributes.get("ce_time")) or _written_at(record),
        data=data,
        traceparent=traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None,
    )


def parse(value: bytes | None, models: Any) -> Any:  # Any: as `decode`
    """The model in a value: for values that are no CloudEvents too.

    Raises:
        Undecodable: it is not JSON.
        Permanent: with INVALID, when it breaks the contract; the message names fields, and shows no value.
    """
    if value is None:
        raise Permanent("no value: a tombstone where a message is promised", DeadLetterReason.INVALID)
    try:
        return _adapter(models).validate_json(value)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False, include_context=False)
        if details[0]["type"] == "json_invalid":
            raise Undecodable("the value is not JSON") from None
        faults = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'value'}: {fault['type']}" for fault in details[:5])
        raise Permanent(faults[:MAX_ERROR_CHARS], DeadLetterReason.INVALID) from None


@lru_cache
def _adapter(models: Any) -> TypeAdapter[Any]:
    if isinstance(models, tuple):
        if len(models) == 1:
            return TypeAdapter(models[0])
        union = models[0]
        for model in models[1:]:
            union = union | model
        models = union
    if isinstance(models, type):
        return TypeAdapter(models)
    return TypeAdapter(Annotated[models, Field(discriminator="type")])


def _type_of(data: BaseModel) -> str:
    return str(getattr(data, "type", ""))


def _attributes(record: Record) -> dict[str, str]:
    attributes = {}
    for name, value in record.headers or ():
        if value is None or len(value) > MAX_ATTRIBUTE_BYTES:
            continue
        try:
            attributes[name.lower()] = value.decode()
        except UnicodeDecodeError:
            continue
    return attributes


def _written_at(record: Record) -> datetime:
    try:
        return from_milliseconds(record.timestamp)
    except (ValueError, OverflowError, OSError):
        return from_milliseconds(0)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return to_utc_milliseconds(moment) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None

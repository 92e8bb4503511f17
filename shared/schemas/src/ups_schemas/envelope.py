"""CloudEvents 1.0 as this product uses them, the shared base of all messages, and the headers of a dead letter."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_utc_milliseconds(moment: datetime) -> datetime:
    """`moment` in UTC, cut to milliseconds: what fits a Kafka record timestamp, so that both are always equal.

    ValueError if its offset puts it outside the years 1 to 9999.
    """
    if moment.tzinfo is not UTC:
        try:
            moment = moment.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("outside the years 1 to 9999 in UTC") from error
    elif moment.microsecond % 1000 == 0:
        return moment
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def format_timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and `Z`: one spelling on the wire."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def format_milliseconds(milliseconds: int) -> str:
    """`format_timestamp` of milliseconds since the epoch, in a third of the time.

    ValueError if they are outside the years 1 to 9999.
    """
    second, rest = divmod(milliseconds, 1000)
    minute, second = divmod(second, 60)
    return f"{_format_minute(minute)}{_SECONDS[second]}{_REST[rest]}"


_SECONDS = tuple(f":{second:02}" for second in range(60))
_REST = tuple(f".{rest:03}Z" for rest in range(1000))


@lru_cache(maxsize=4096)
def _format_minute(minute: int) -> str:
    return from_milliseconds(minute * 60_000).isoformat(timespec="minutes").removesuffix("+00:00")


def from_milliseconds(milliseconds: int) -> datetime:
    """The moment of a Kafka record timestamp (milliseconds since the epoch).

    ValueError if it is outside the years 1 to 9999.
    """
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as error:
        raise ValueError("outside the years 1 to 9999") from error


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch, exactly: no float on the way."""
    return (moment - _EPOCH) // _MILLISECOND


Timestamp = Annotated[
    AwareDatetime,
    AfterValidator(to_utc_milliseconds),
    PlainSerializer(format_timestamp, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Message(BaseModel):
    """Base of all that is on the wire: frozen; readers ignore fields they do not know."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", allow_inf_nan=False)


DataT = TypeVar("DataT", bound=Message)


@dataclass(frozen=True, slots=True)
class CloudEvent(Generic[DataT]):
    """One message with its CloudEvents 1.0 context attributes.

    `id` with `source` is unique for what happened: a repeat of the same publication carries the same `id`.
    `subject` is the record key's meaning (a device id, a user id). `traceparent` is W3C Trace Context.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: DataT
    traceparent: str | None = None


class DeadLetterReason(StrEnum):
    """Why a record was put aside."""

    UNDECODABLE = "undecodable"  # not the JSON, or not the headers, that the topic promises
    INVALID = "invalid"  # well-formed, and refused by the contract
    UNAUTHENTICATED = "unauthenticated"  # its signature or key does not hold
    REJECTED = "rejected"  # contract kept, but the handler can never accept it
    FAILED = "failed"  # our code raised on it, alone and again


class DeadLetterHeader(StrEnum):
    """Headers added to the raw record on `dead-letters.<service>.v1`."""

    REASON = "dlq_reason"
    ERROR = "dlq_error"
    TOPIC = "dlq_topic"
    PARTITION = "dlq_partition"
    OFFSET = "dlq_offset"
    TIMESTAMP = "dlq_timestamp_ms"
    SERVICE = "dlq_service"
    DEAD_AT = "dlq_dead_at"

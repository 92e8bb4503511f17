"""Records as the worker and a partition exchange them: parsed on the way in, bytes on the way out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from ups_schemas.device import EnableNotifications
from ups_schemas.envelope import DeadLetterReason
from ups_throttle.domain.event import Event
from ups_throttle.domain.output import Output

# Keys of the changelog that are no device: NUL cannot stand in a device id.
TAKEOVER_KEY = b"\x00takeover"
SENTINEL_KEY = b"\x00sentinel"

# The brokers' default for a record is 1 MiB. A larger one would fail each transaction it is in, for ever.
MAX_RECORD_BYTES = 900_000


class Source(StrEnum):
    """Where a record comes from."""

    EVENTS = "events"
    COMMANDS = "commands"
    DEVICES = "devices"  # only what cannot be read of them


class Role(StrEnum):
    """What a record that goes out is; the port knows the topic."""

    DECISION = "decision"
    SUPPRESSION = "suppression"
    CHANGELOG = "changelog"
    DEAD_LETTER = "dead_letter"


class Offsets(NamedTuple):
    """The next record to read, per source."""

    events: int
    commands: int


class Committed(NamedTuple):
    """What the group has on record, per source; none where nothing was ever committed, or it expired."""

    events: int | None
    commands: int | None


class Raw(Protocol):
    """A record as the log holds it (aiokafka's and the fake's look the same)."""

    @property
    def topic(self) -> str: ...  # noqa: D102 - Kafka's words
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that is not what its topic promises."""

    reason: DeadLetterReason
    error: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record to decide on, parsed. Of the devices there are only unreadable ones here."""

    source: Source
    raw: Raw
    message: Event | EnableNotifications | Unreadable


class Payload(NamedTuple):
    """A record that goes out, as bytes."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp_ms: int | None = None


class Outgoing(NamedTuple):
    """A record that goes out, and where to."""

    role: Role
    payload: Payload


class Wire(Protocol):
    """How decisions and dead letters look as bytes; pure but for the time of death."""

    def decision(self, told: Output) -> Payload:
        """Encode a decision: the same decision gives the same bytes."""

    def dead_letter(self, raw: Raw, reason: DeadLetterReason, error: str) -> Payload:
        """Give the raw record with what went wrong in its headers."""

"""How an attempt to hand a message to the relay can end: a closed union that says how far it came."""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """How far an SMTP conversation came; from `CONTENT` on the server may have the message."""

    CONNECT = "connect"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whom MAIL and RCPT name: where a bounce goes, and who gets the message."""

    sender: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server took the message."""

    code: int


@dataclass(frozen=True, slots=True)
class Deferred:
    """The server does not have the message, and may take it later. No code: the connection broke."""

    phase: Phase
    code: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The server will never take this message for this recipient; `status` is RFC 3463's, if it was said."""

    phase: Phase
    code: int
    status: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """The server may have the message: its answer to the final dot did not come."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The relay serves nobody, for a cause that is not this mail's: connection, TLS, log-in, sender address."""

    phase: Phase
    cause: str
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Superseded:
    """The attempt was no longer ours, or its reader no longer one, when the message was due: nothing was sent."""


SendResult = Accepted | Deferred | Refused | AnswerLost | Unavailable | Superseded

"""The errors that a caller acts on, and the exit codes of every process."""

from datetime import timedelta
from enum import IntEnum
from typing import Self

from ups_schemas.envelope import DeadLetterReason


class Retryable(Exception):  # noqa: N818 - named by what the caller does about it
    """It may work the next time: nothing is wrong with what was asked."""


class Permanent(Exception):  # noqa: N818 - named by what the caller does about it
    """It will never work with this input; `reason` says why for the dead letters."""

    reason = DeadLetterReason.REJECTED

    def __init__(self, message: str, reason: DeadLetterReason | None = None) -> None:
        super().__init__(message)
        self.reason = reason or self.reason


class Undecodable(Permanent):
    """The bytes are not what their topic promises."""

    reason = DeadLetterReason.UNDECODABLE


class Refused(Permanent):
    """A request cannot be done; `name` tells the refusals apart, `field` says what in the request it is about."""

    def __init__(self, name: str, title: str, field: str | None = None) -> None:
        super().__init__(title)
        self.name = name
        self.title = title
        self.field = field


class NotFound(Refused):
    """There is no such thing."""


class Gone(Refused):
    """It was there, and is no more."""


class Conflict(Refused):
    """What is stored has changed meanwhile, or stands against it."""

    @classmethod
    def with_others(cls) -> Self:
        """Others were first each time it was tried."""
        return cls("changed-meanwhile", "Somebody else is changing this, too. Look at it, and try again.")

    @classmethod
    def since_seen(cls) -> Self:
        """It is no longer what the caller saw when they decided."""
        return cls("changed-meanwhile", "This was changed after you looked at it. Look again, and decide anew.")


class Unauthorised(Refused):
    """Nobody has shown who they are, and must."""

    @classmethod
    def not_signed_in(cls) -> Self:
        """There is no access token, or none that is good any more."""
        return cls("not-signed-in", "Sign in first, or again.")


class Forbidden(Refused):
    """It is for others to do."""


class TooMany(Refused):
    """It was done too often; `retry_after` says how long to leave it."""

    def __init__(self, name: str, title: str, retry_after: timedelta) -> None:
        super().__init__(name, title)
        self.retry_after = retry_after


class AlreadyExists(Exception):  # noqa: N818 - what the store found
    """Something with this id is there, or was."""


class Changed(Exception):  # noqa: N818 - what the store found
    """Another writer made this step first: read again."""


class Fenced(Exception):  # noqa: N818 - what happened to us
    """Another process has taken over what this one was doing: stop doing it."""


class ExitCode(IntEnum):
    """What a process says when it ends; the runbook has a paragraph for each."""

    OK = 0
    CRASHED = 1  # a bug: the log's last record has the trace
    SETTINGS = 2
    DEPENDENCY = 3  # something it needs went away and did not come back
    FENCED = 4  # another process took over
    RESET_REFUSED = 5  # offsets are gone or were moved by hand
    PARTITIONS_CHANGED = 6
    POISON = 7  # most of what is read cannot be processed: a bad release, or a foreign writer
    STUCK = 8  # did not stop in its stated time
    STALE_STATE = 9  # state is ahead of the committed offsets
    REFUSED = 10  # the brokers refuse the same thing again and again


class Fatal(Exception):  # noqa: N818 - what it is for the process
    """The process must end, with this exit code; its message says what to do."""

    def __init__(self, exit_code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code

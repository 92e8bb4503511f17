"""What can go wrong with a command, as its exit code says it."""

from collections.abc import Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    """What the command says when it ends; the README lists them."""

    OK = 0
    NO = 1  # differences were found, a check failed, or the service refused
    USAGE = 2  # wrong use or wrong settings: asking again will not help
    UNREACHABLE = 3  # nobody answered, or who answered cannot do it now
    # of `ups drill`: the hop at which the test event stopped
    NOT_DECIDED = 4
    NOT_IN_LEDGER = 5
    NOT_HANDED_OVER = 6
    NOT_TAKEN = 7
    DOUBTFUL = 8


class CliError(Exception):
    """Ends the command with a message for a person; `more` are lines or fields that explain it."""

    def __init__(self, exit_code: ExitCode, title: str, more: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.exit_code = exit_code
        self.title = title
        self.more = dict(more or {})

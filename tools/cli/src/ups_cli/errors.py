"""What can go wrong with a command, as its exit code says it."""

import errno
from collections.abc import Mapping
from enum import IntEnum
from socket import gaierror


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
    # of every command again
    MACHINE = 9  # this machine has no room, or no more files
    UNEXPECTED = 70  # a fault of the command itself; EX_SOFTWARE of sysexits.h
    UNREAD = 141  # nobody reads what it prints; what a shell says of who is ended by SIGPIPE


class CliError(Exception):
    """Ends the command with a message for a person; `more` are lines or fields that explain it."""

    def __init__(self, exit_code: ExitCode, title: str, more: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.exit_code = exit_code
        self.title = title
        self.more = dict(more or {})


_ADVICE = {
    errno.ENOSPC: "make room where temporary files go, or name a folder with more by TMPDIR; and where the output goes",
    errno.EMFILE: "let the command have more open files: ulimit -n",
    errno.ENFILE: "let this machine have more open files, or end what holds them",
}
_ADVICE[errno.EDQUOT] = _ADVICE[errno.ENOSPC]
# None: of several addresses, of which each was refused.
_NETWORK = (errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, None)
_OTHER_ADVICE = "see that temporary files can be written (TMPDIR names another folder), and try again"


def of_system(error: OSError) -> CliError:
    """Who was not reached, or what this machine refused; and what to do."""
    if isinstance(error, ConnectionError | TimeoutError | gaierror) or error.errno in _NETWORK:
        title = f"Not reachable: {error.strerror or type(error).__name__}."
        return CliError(ExitCode.UNREACHABLE, title, {"what to do": "see the addresses in the settings: ups doctor"})
    title = f"This machine refused: {error.strerror or error}."
    return CliError(ExitCode.MACHINE, title, {"what to do": _ADVICE.get(error.errno or 0, _OTHER_ADVICE)})

"""Becomes the program named on its command line, tied to the life of the thread that started it.

Run as a script of its own: a `preexec_fn` would run Python between fork and exec of a process with threads.
Arguments: the pid of the parent, then the program and its arguments.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Ask the kernel to kill this process with its parent, then replace it by the program."""
    parent_pid, *argv = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    # The parent may have died before the kernel was asked.
    if os.getppid() != int(parent_pid):
        sys.exit("the parent ended before its child began")
    os.execvp(argv[0], argv)  # noqa: S606 - becoming another program is the purpose


if __name__ == "__main__":
    main()

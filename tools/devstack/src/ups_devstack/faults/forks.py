"""Processes that a test kills at a named point, forked from one that has imported all they need."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, NoReturn, cast


def fork_each(serve: Callable[[], NoReturn]) -> None:
    """Fork a process that serves for each line of standard input, a JSON object that is its environment.

    The answer is a line with its id, and one with its exit code once it has ended.
    """
    while line := sys.stdin.readline():
        if (child := os.fork()) == 0:
            os.environ.clear()
            os.environ.update(json.loads(line))
            # the pipes are the parent's
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            serve()
        _answer(child)
        _answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


class Forks:
    """Processes, one at a time, without the second that each would import for."""

    def __init__(self, environments: IO[str], answers: IO[str]) -> None:
        self._environments = environments
        self._answers = answers

    @asynccontextmanager
    async def process(self, environment: Mapping[str, str]) -> AsyncIterator[asyncio.Future[int]]:
        """One that is killed at the end, if it still runs; gives its exit code once it has ended."""
        self._environments.write(json.dumps(dict(environment)) + "\n")
        self._environments.flush()
        child = await self._answer()
        ended = asyncio.ensure_future(self._answer())
        try:
            yield ended
        finally:
            if not ended.done():
                os.kill(child, signal.SIGKILL)
            await ended

    async def _answer(self) -> int:
        return int(await asyncio.to_thread(self._answers.readline))


@contextmanager
def forks(program: Path) -> Iterator[Forks]:
    """Processes of a program that calls `fork_each`."""
    command = [sys.executable, str(program)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        yield Forks(cast("IO[str]", parent.stdin), cast("IO[str]", parent.stdout))

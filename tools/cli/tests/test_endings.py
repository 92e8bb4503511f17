"""How a command ends that could not do its work: said, and with a code that is no answer to what was asked."""

import asyncio
import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from typer.testing import Result

from ups_cli.errors import ExitCode, of_system
from ups_cli.history.gather import TOPICS
from ups_cli.history.log import opened
from ups_runtime.settings import KafkaSettings
from ups_runtime.testing import eventually

Ups = Callable[..., Result]

MAIN = "from ups_cli.app import main; main()"
BROKEN = "from ups_cli.app import app, main; app.command('break')(lambda: {}['\\x1b[2J']); main()"
LONELY = """
import socket
from ups_cli.app import app, main
app.command('refused')(lambda: socket.create_connection(('127.0.0.1', {port}), 5))
app.command('nameless')(lambda: socket.create_connection(('nobody.invalid', 1), 5))
main()
"""


def ended(
    folder: Path,
    program: str,
    *arguments: str,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> tuple[int, str]:
    """How the command ends as a process, and what it says beside the result."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stdout=stdout,
        stderr=stderr,
        timeout=120,
        check=False,
    )
    return done.returncode, (done.stderr or b"").decode()


@pytest.mark.parametrize("arguments", [("device", "list"), ("device", "list", "--json")])
def test_who_is_not_read_ends_quietly(connected: Any, nowhere: Path, arguments: tuple[str, ...]):
    connected.answers["GET", "/v1/operator/devices"] = {"devices": [], "cursor": None}
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "wb") as closed:
        code, said = ended(nowhere, MAIN, *arguments, stdout=closed)

    assert (code, said) == (ExitCode.UNREAD, "")


def test_output_that_finds_no_room_is_said(connected: Any, nowhere: Path):
    connected.answers["GET", "/v1/operator/devices"] = {"devices": [], "cursor": None}

    with Path("/dev/full").open("wb") as full:
        code, said = ended(nowhere, MAIN, "device", "list", "--json", stdout=full)

    assert code == ExitCode.MACHINE
    assert "This machine refused: No space left on device." in said
    assert "TMPDIR" in said


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "TMPDIR"), (errno.EDQUOT, "TMPDIR"), (errno.EMFILE, "ulimit -n"), (errno.EACCES, "TMPDIR")],
)
def test_what_this_machine_refused_comes_with_what_to_do(number: int, advice: str):
    failed = of_system(OSError(number, os.strerror(number)))

    assert failed.exit_code == ExitCode.MACHINE
    assert os.strerror(number) in failed.title
    assert advice in failed.more["what to do"]


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EHOSTUNREACH, "No route to host"), OSError("Multiple exceptions: one, another"), TimeoutError()],
)
def test_a_network_that_refuses_is_not_this_machine(error: OSError):
    failed = of_system(error)

    assert failed.exit_code == ExitCode.UNREACHABLE
    assert "TMPDIR" not in failed.more["what to do"]


@pytest.mark.parametrize("arguments", [("device", "list"), ("device", "list", "--json")])
def test_whose_error_is_not_read_ends_with_its_code_all_the_same(nowhere: Path, arguments: tuple[str, ...]):
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "wb") as closed:
        code, _ = ended(nowhere, MAIN, *arguments, stderr=closed)

    assert code == ExitCode.USAGE


@pytest.mark.parametrize("command", ["refused", "nameless"])
def test_whom_it_does_not_reach_is_no_fault_of_this_machine(nowhere: Path, command: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        code, said = ended(nowhere, LONELY.format(port=taken.getsockname()[1]), command)

    assert code == ExitCode.UNREACHABLE
    assert "Not reachable:" in said
    assert "TMPDIR" not in said


def test_what_nobody_thought_of_has_a_code_of_its_own(nowhere: Path):
    code, said = ended(nowhere, BROKEN, "break")

    assert code == ExitCode.UNEXPECTED
    assert "KeyError" in said
    assert "\x1b" not in said
    assert "a fault of ups itself" in said


@pytest.mark.parametrize("arguments", [("check", "--longst", "1"), ("check", "--longest", "x"), ("chek",)])
def test_wrong_use_is_said_as_json_to_who_asks_for_that(ups: Ups, arguments: tuple[str, ...]):
    for_people, for_programs = ups(*arguments), ups(*arguments, "--json")

    assert (for_people.exit_code, for_programs.exit_code) == (ExitCode.USAGE, ExitCode.USAGE)
    assert "Usage:" in for_people.stderr
    assert list(json.loads(for_programs.stderr)) == ["title"]


async def test_brokers_that_keep_silent_are_waited_for_aloud(capsys: pytest.CaptureFixture[str]):
    said: list[str] = []

    async def wait(port: int) -> None:
        async with opened(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"), TOPICS):
            pass

    def is_said() -> bool:
        said.append(capsys.readouterr().err)
        return "Waiting for the brokers" in "".join(said)

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        waiting = asyncio.create_task(wait(silent.getsockname()[1]))
        await eventually(is_said, within_s=25)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

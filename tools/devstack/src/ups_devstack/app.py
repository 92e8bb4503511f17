"""The command `ups-devstack`: runs a stack in the foreground until Ctrl-C."""

import argparse
import asyncio
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console

from ups_devstack.demo import play
from ups_devstack.errors import DevstackError
from ups_devstack.installation import running_installation
from ups_devstack.services import Services
from ups_devstack.stack import KINDS, Backing, backing
from ups_runtime.logging import configure
from ups_runtime.settings import LogSettings

Verb = Callable[[argparse.Namespace], Coroutine[Any, Any, int]]

FOLDER = Path(".devstack")
STACK_FILE = FOLDER / "stack.json"
FIRST_PORT = 8081


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says."""
    options = _parser().parse_args(arguments)
    problems: list[DevstackError] = []
    code = 1
    # what the services say is in their logs; of the tools' own, only what went wrong
    configure(LogSettings(level="warning", format="console"), "devstack")
    try:
        code = asyncio.run(_until_stopped(options.run(options)))
    except* DevstackError as group:
        problems = _flat(group)
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    sys.exit(1 if problems else code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ups-devstack", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _verb(verbs, "backing", _backing, "run Kafka, MongoDB and a mail inbox, without the services")
    everything = _verb(verbs, "up", _up, "run everything; data stay")
    demo = _verb(verbs, "demo", _demo, "run everything anew with a small fleet, and say what happens")
    demo.add_argument("--for", dest="for_s", type=_duration, help="end after 60s or 2m, and say if all went well")
    for verb in (everything, demo):
        verb.add_argument("--port", type=int, default=FIRST_PORT, help="the first of five ports (default: %(default)s)")
    return parser


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: Verb, explained: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=explained, description=explained)
    verb.add_argument("--stack", choices=KINDS, default="embedded", help="where they run (default: %(default)s)")
    verb.add_argument("--data", type=Path, default=FOLDER / name, help="data folder (default: %(default)s)")
    verb.set_defaults(run=run)
    return verb


def _duration(text: str) -> float:
    number, unit = (text[:-1], text[-1]) if text[-1:].isalpha() else (text, "s")
    try:
        return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 60s or 2m") from None


async def _until_stopped(work: Coroutine[Any, Any, int]) -> int:
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        return await task
    return 0


async def _backing(options: argparse.Namespace) -> int:
    async with backing(options.stack, data_dir=options.data) as running:
        _show(running)
        await asyncio.Event().wait()
    return 0


async def _up(options: argparse.Namespace) -> int:
    async with running_installation(
        options.stack, options.data, first_port=options.port, stack_file=STACK_FILE
    ) as services:
        _show(services.backing)
        _show_services(services)
        await asyncio.Event().wait()
    return 0


async def _demo(options: argparse.Namespace) -> int:
    _forget(options.data)
    async with running_installation(
        options.stack, options.data, first_port=options.port, stack_file=STACK_FILE
    ) as services:
        return 0 if await play(services, options.for_s, Console(highlight=False)) else 1


def _forget(data_dir: Path) -> None:
    """Delete what an earlier demo left: the story is told from its beginning."""
    if not data_dir.exists():
        return
    if any(data_dir.iterdir()) and not (data_dir / ".in-use").exists():
        raise DevstackError(f"{data_dir} holds something that is not a stack's; name another folder")
    shutil.rmtree(data_dir)


def _show(running: Backing) -> None:
    console = Console(highlight=False)
    console.print(f"Kafka         {running.kafka_bootstrap}")
    console.print(f"MongoDB       {running.mongo_uri}")
    console.print(f"SMTP          {running.smtp_host}:{running.smtp_port}")
    console.print(f"Inbox         {running.inbox.url}")
    console.print(f"Logs          {running.log_dir}")
    console.print("Ctrl-C stops all of it; the data stay.")


def _show_services(services: Services) -> None:
    console = Console(highlight=False)
    for name, child in services.children.items():
        console.print(f"{name:<13} {child.url or 'no HTTP'}  (health {child.side_url}/readyz)")
    console.print(f"\n{STACK_FILE} has all addresses and the operator token; `ups` reads it. For example:")
    console.print("  .venv/bin/ups user add --help\n  .venv/bin/ups device add --help")


def _flat(group: BaseExceptionGroup[DevstackError]) -> list[DevstackError]:
    found: list[DevstackError] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += _flat(error)
        else:
            found.append(error)
    return found


if __name__ == "__main__":
    main()

"""The command `ups-devstack`: runs a stack in the foreground until Ctrl-C."""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from ups_devstack.errors import DevstackError
from ups_devstack.stack import KINDS, Backing, Kind, backing

DATA_DIR = Path(".devstack")


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line says."""
    options = _parser().parse_args(arguments)
    problems: list[DevstackError] = []
    try:
        asyncio.run(_run_backing(options.stack, options.data))
    except* DevstackError as group:
        problems = _flat(group)
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    sys.exit(1 if problems else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ups-devstack", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    alone = verbs.add_parser("backing", help="run Kafka, MongoDB and a mail inbox, without the services")
    alone.add_argument("--stack", choices=KINDS, default="embedded", help="where they run (default: %(default)s)")
    alone.add_argument("--data", type=Path, default=DATA_DIR, help="data folder, kept (default: %(default)s)")
    return parser


async def _run_backing(kind: Kind, data_dir: Path) -> None:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("this is run as a task")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        async with backing(kind, data_dir=data_dir) as running:
            _show(running)
            await asyncio.Event().wait()


def _show(running: Backing) -> None:
    console = Console(highlight=False)
    console.print(f"Kafka    {running.kafka_bootstrap}")
    console.print(f"MongoDB  {running.mongo_uri}")
    console.print(f"SMTP     {running.smtp_host}:{running.smtp_port}")
    console.print(f"Inbox    {running.inbox.url}")
    console.print(f"Logs     {running.log_dir}")
    console.print("Ctrl-C stops all of it; the data stay.")


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

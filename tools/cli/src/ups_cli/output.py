"""What a command prints: tables for people, JSON for programs; nothing that outsiders wrote can steer the terminal."""

import errno
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from ups_cli.errors import CliError

# What a service answered: JSON, so `Any` is its values.
Json = dict[str, Any]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

# Wide enough that nothing is folded where no person reads.
_WIDTH_OF_A_PIPE = 10_000


def printable(value: object) -> str:
    """The value as text in which control characters and direction marks are spelt out."""
    text = "" if value is None else str(value)
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode() for letter in text
    )


def say_json(value: Json) -> None:
    """Print the value for programs; in ASCII, which no terminal takes for orders."""
    typer.echo(json.dumps(value, indent=2))


def say(line: str) -> None:
    """Print one line."""
    typer.echo(printable(line))


def note(line: str) -> None:
    """Print one line beside the result."""
    typer.echo(printable(line), err=True)


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their columns' names."""
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(printable(cell), overflow="fold") for cell in row))
    _console().print(table)


def say_fields(fields: Mapping[str, object]) -> None:
    """Print what is known about one thing; what is not known is left out."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value not in (None, "", [], ()):
            table.add_row(name, Text(printable(value)))
    _console().print(table)


def say_error(error: CliError, *, as_json: bool) -> None:
    """Print why the command failed, beside the result."""
    if as_json:
        typer.echo(json.dumps({"title": error.title, **error.more}, indent=2), err=True)
        return
    typer.echo(f"{typer.style('error:', fg='red', bold=True)} {printable(error.title)}", err=True)
    for name, text in error.more.items():
        typer.echo(f"  {name}: {printable(text)}", err=True)


def progress() -> Progress:
    """What is being done, on a terminal only, and gone when it is done."""
    console = _Console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        MofNCompleteColumn(separator=" of "),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def stop_printing() -> None:
    """Let go of what cannot be printed: it would be tried again, with a code of its own, when the process ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _console() -> Console:
    return _Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE)

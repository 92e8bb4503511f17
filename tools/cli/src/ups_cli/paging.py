"""Lists that go on: how much of one to show, and where the rest is."""

from typing import Annotated

import typer

from ups_cli.output import note

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]
Cursor = Annotated[str | None, typer.Option(help="Go on where an earlier list ended.")]


def note_more(cursor: str | None) -> None:
    """Print beside the result where the list goes on, if it does."""
    if cursor:
        note(f"There is more: --cursor {cursor}")

"""What every bench begins and ends with: its measures, its folder and progress, and what is said of the run."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ups_runtime.logging import configure
from ups_runtime.settings import LogSettings


def chosen(only: str, measures: Sequence[str]) -> set[str]:
    """The measures that `--only` names.

    Raises:
        BadParameter: there is no such measure.
    """
    wanted = set(only.split(","))
    if unknown := wanted - set(measures):
        raise typer.BadParameter(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(measures)}")
    return wanted


@contextmanager
def session() -> Iterator[tuple[Path, Progress]]:
    """A folder for what the processes say, which is kept when the block fails, and a progress on the terminal."""
    console = Console(stderr=True)
    configure(LogSettings(level="error", format="console"), "bench")
    folder = Path(tempfile.mkdtemp(prefix="ridethrough-bench-"))
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            yield folder, progress
    except BaseException:
        console.print(f"What the processes said is in {folder}")
        raise
    shutil.rmtree(folder)


def machine() -> dict[str, Any]:  # Any: JSON
    """What it ran on."""
    return {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}


def circumstances(command: str, began_at: datetime, load: tuple[float, float, float]) -> dict[str, Any]:  # Any: JSON
    """What was called when, and on which machine: the head of a report's figures."""
    return {
        "command": command,
        "began_at": began_at.isoformat(timespec="seconds"),
        "machine": machine(),
        "load_before": load,
    }

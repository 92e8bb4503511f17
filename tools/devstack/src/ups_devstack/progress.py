"""Says on the terminal how far the parts of a stack are."""

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Report(Protocol):
    """How a part says what it is doing."""

    def __call__(self, text: str, *, notable: bool = False) -> None:
        """Say it; a notable line is printed even where nobody watches a terminal."""


class Terminal:
    """One line for each part while they start: live on a terminal, elsewhere only what is notable."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._live = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description:<8}"),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task_by_part: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the terminal to others; may be called twice."""
        self._live.stop()

    def report_for(self, part: str) -> Report:
        """Give the part's own line."""
        self._task_by_part[part] = self._live.add_task(part, total=1, state="waits")

        def report(text: str, *, notable: bool = False) -> None:
            self._live.update(self._task_by_part[part], state=text)
            if notable and not self._console.is_terminal:
                self._console.print(f"{part}: {text}", highlight=False)

        return report

    def finish(self, part: str) -> None:
        """Mark the part's line as done."""
        self._live.update(self._task_by_part[part], completed=1, state="ready")

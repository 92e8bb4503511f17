"""`python -m bench.log`: a page of the Event Log, of ten thousand rows and of a million."""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.log.rows import (
    COMMON_CODE,
    COMMON_OUTCOME,
    COMPANY,
    DEVICE,
    RARE_CODE,
    RARE_OUTCOME,
    fill,
    received_at,
)
from bench.session import circumstances, machine, session
from ups_device.adapters.mongo_log import MongoLog
from ups_device.domain.event_log import Position, Query
from ups_devstack.stack import backing
from ups_runtime import mongo
from ups_runtime.mongo import Database
from ups_runtime.settings import MongoSettings
from ups_schemas.decision import Outcome

FOLDER = Path(__file__).parent
LIMIT = 50
ROUNDS = 60
MOST_RATIO = 2.0

# What is asked for, by the number of rows there are.
Asked = Callable[[int], dict[str, Any]]

PAGES: dict[str, Asked] = {
    "first page": lambda _: {},
    "page in the middle": lambda rows: {"after": Position(received_at(rows // 2), "")},
    "last page": lambda _: {"after": Position(received_at(LIMIT), "")},
    "common code": lambda _: {"code": COMMON_CODE},
    "common code, in the middle": lambda rows: {"code": COMMON_CODE, "after": Position(received_at(rows // 2), "")},
    "rare code": lambda _: {"code": RARE_CODE},
    "absent code": lambda _: {"code": "OVERLOAD"},
    "common outcome": lambda _: {"outcome": COMMON_OUTCOME},
    "rare outcome": lambda _: {"outcome": RARE_OUTCOME},
    "absent outcome": lambda _: {"outcome": Outcome.SUPPRESSED},
    "rare code, absent outcome": lambda _: {"code": RARE_CODE, "outcome": Outcome.SUPPRESSED},
    "of one hour, long ago": lambda _: {"start": received_at(1_000), "end": received_at(2_800)},
}


@dataclass(frozen=True)
class Cost:
    """One page: how long it took (median of all rounds), what was looked at, and how many rows it had."""

    ms: float
    documents: int
    keys: int
    rows: int


@dataclass
class Results:
    """What was measured."""

    command: str
    few: int
    many: int
    pages: dict[str, tuple[Cost, Cost]] = field(default_factory=dict)
    load: tuple[float, float, float] = field(default_factory=os.getloadavg)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """All figures."""
        pages = {name: {"few": asdict(few), "many": asdict(many)} for name, (few, many) in self.pages.items()}
        return {**circumstances(self.command, self.began_at, self.load), "few": self.few, "many": self.many} | {
            "pages": pages
        }

    @property
    def ratio(self) -> float:
        """All pages of many rows, in the time of those of few."""
        return sum(many.ms for _, many in self.pages.values()) / sum(few.ms for few, _ in self.pages.values())

    def rows(self) -> list[Sequence[str]]:
        """Page, milliseconds of few and of many, their ratio, documents and keys looked at."""
        return [
            (
                name,
                f"{few.ms:.2f}",
                f"{many.ms:.2f}",
                f"{many.ms / few.ms:.2f}",
                f"{few.documents} / {many.documents}",
                f"{few.keys} / {many.keys}",
            )
            for name, (few, many) in self.pages.items()
        ]

    def heads(self) -> Sequence[str]:
        """What the columns are."""
        return (
            "page of 50",
            f"{self.few:,}: ms",
            f"{self.many:,}: ms",
            "ratio",
            "documents read",
            "index entries read",
        )


async def measure(results: Results, folder: Path, progress: Progress) -> None:
    """Fill both databases, then ask both for every page in turn."""
    async with (
        backing("embedded", data_dir=folder / "data") as parts,
        mongo.client(MongoSettings(uri=parts.mongo_uri)) as client,
    ):
        small, large = client["few"], client["many"]
        await fill(small, results.few, progress)
        await fill(large, results.many, progress)
        task = progress.add_task("pages", total=2 * len(PAGES) * ROUNDS)
        for scope in (DEVICE, COMPANY):
            for name, asked in PAGES.items():
                queries = [
                    (db, Query(scope, LIMIT, **asked(rows)))
                    for db, rows in ((small, results.few), (large, results.many))
                ]
                took: list[list[float]] = [[], []]
                for _ in range(ROUNDS):
                    for (db, query), times in zip(queries, took, strict=True):
                        began = time.perf_counter()
                        await MongoLog(db).page(query)
                        times.append(1e3 * (time.perf_counter() - began))
                    progress.advance(task)
                few, many = [
                    await _cost(db, query, statistics.median(times))
                    for (db, query), times in zip(queries, took, strict=True)
                ]
                whose = "device" if scope is DEVICE else "company"
                results.pages[f"{whose}: {name}"] = few, many


async def _cost(db: Database, query: Query, ms: float) -> Cost:
    await db.command("profile", 2)
    rows = await MongoLog(db).page(query)
    await db.command("profile", 0)
    looked = await db["system.profile"].find_one({"op": "query", "ns": f"{db.name}.events"})
    await db.drop_collection("system.profile")
    assert looked is not None
    return Cost(ms, looked["docsExamined"], looked["keysExamined"], len(rows))


def main(
    rows: Annotated[int, typer.Option(min=20_000, help="How many rows are many.")] = 1_000_000,
    few: Annotated[int, typer.Option(min=10_000, help="How many rows are few.")] = 10_000,
    *,
    keep: Annotated[bool, typer.Option(help="Write bench/log/report.md and report.json.")] = True,
) -> None:
    """Measure what a page of the Event Log costs on this machine."""
    results = Results(f"python -m bench.log {' '.join(sys.argv[1:])}".strip(), few, rows)
    with session() as (folder, progress):
        asyncio.run(measure(results, folder, progress))
    table = Table(*results.heads(), title="Event Log")
    for row in results.rows():
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(
        f"All pages of {results.many:,} rows : of {results.few:,}: {results.ratio:.2f} (wanted: ≤ {MOST_RATIO})"
    )
    if keep:
        write(results)


def write(results: Results) -> None:
    """Keep it as `report.md` and `report.json`."""
    (FOLDER / "report.json").write_text(json.dumps(results.as_json(), indent=2, ensure_ascii=False) + "\n")
    here = machine()
    heads = results.heads()
    lines = [
        "# Event Log bench",
        "",
        f"`{results.command}` on {results.began_at:%Y-%m-%d}, {here['cores']} cores shared with the database, Python",
        f"{here['python']}, load average before it {results.load[0]:.1f}. Medians of {ROUNDS} rounds, both sizes in",
        "turn.",
        "",
        f"**All pages of {results.many:,} rows : of {results.few:,} = {results.ratio:.2f}** (≤ {MOST_RATIO:g} wanted).",
        "",
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
        *(f"| {' | '.join(row)} |" for row in results.rows()),
    ]
    (FOLDER / "report.md").write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()

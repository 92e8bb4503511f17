"""`python -m bench.pages`: what each page of the portal costs, beside an empty one."""

import asyncio
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.pages.crowd import Crowd, crowd
from bench.pages.site import EMPTY, Site, site
from bench.session import circumstances, machine, session
from ups_devstack.stack import backing

FOLDER = Path(__file__).parent
ROUNDS = 30
OVERVIEW = "overview"
READERS = 20
HEADS = (
    "page",
    "ms",
    "× empty",
    "portal's CPU, ms",
    "× empty",
    "device-svc's CPU, ms",
    "calls",
    "rounds of calls",
    "KiB",
)


@dataclass(frozen=True)
class Cost:
    """One page, medians of all rounds: until it is there, and the portal's own CPU time; the most calls and rounds.

    `device_svc_cpu_ms` is the mean: Linux counts another process's time by 10 ms.
    """

    ms: float
    cpu_ms: float
    device_svc_cpu_ms: float
    calls: int
    rounds: int
    kib: float


@dataclass(frozen=True)
class Readers:
    """The overview for several at once: how often each answer came, and how long the last one took, at the median."""

    number: int
    answers: Mapping[int, int]
    last_ms: float


@dataclass
class Results:
    """What was measured; the empty page is the first."""

    command: str
    devices: int
    rows: int
    pages: dict[str, Cost] = field(default_factory=dict)
    readers: Readers = Readers(0, {}, 0)
    crowd: Crowd | None = None
    load: tuple[float, float, float] = field(default_factory=os.getloadavg)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """All figures."""
        pages = {name: asdict(cost) for name, cost in self.pages.items()}
        head = circumstances(self.command, self.began_at, self.load)
        more = {"readers": asdict(self.readers), "crowd": self.crowd and asdict(self.crowd)}
        return {**head, "devices": self.devices, "rows": self.rows, "pages": pages, **more}

    def table(self) -> list[Sequence[str]]:
        """A line for each page."""
        empty = next(iter(self.pages.values()))
        return [
            (
                name,
                f"{cost.ms:.1f}",
                f"{cost.ms / empty.ms:.1f}",
                f"{cost.cpu_ms:.1f}",
                f"{cost.cpu_ms / empty.cpu_ms:.1f}",
                f"{cost.device_svc_cpu_ms:.1f}",
                str(cost.calls),
                str(cost.rounds),
                f"{cost.kib:.0f}",
            )
            for name, cost in self.pages.items()
        ]


def paths_of(there: Site) -> Mapping[str, str]:
    """What is asked for, by what it is called."""
    device = f"/devices/{there.devices[0]}"
    return {
        "empty": EMPTY,
        OVERVIEW: "/devices",
        "overview, of a site": "/devices?site=Site+1",
        "device": device,
        "timeline of a device": f"{device}/timeline",
        "Event Log": "/events",
        "Event Log, filtered": "/events?code=BATTERY_LOW",
        "events by day, of 90 days": "/events/days?range=90d",
        "Event Log of a device": f"{device}/events",
        "Notifications": "/notifications",
        "preference for a device": f"/notifications/{there.devices[0]}",
        "register a device": "/devices/new",
        "names of a device": f"{device}/names",
        "keys of a device": f"{device}/keys",
        "hand over": f"{device}/hand-over",
        "notification settings of a device": f"{device}/notification-settings",
        "remove a device": f"{device}/remove",
        "company": "/company",
        "what was done in it": "/company/audit",
        "Invite a co-worker": "/invite",
        "account": "/account",
        "help": "/help",
        "I get no e-mail": f"/help/no-mail?device={there.devices[0]}",
    }


async def measure(results: Results, folder: Path, progress: Progress) -> None:
    """Fill the company, then ask for all pages in turn."""
    async with (
        backing("embedded", data_dir=folder / "data") as parts,
        site(parts, folder / "services", results.devices, results.rows, progress) as there,
    ):
        paths = paths_of(there)
        costs: dict[str, list[Cost]] = {name: [] for name in paths}
        task = progress.add_task("pages", total=len(paths) * (ROUNDS + 1))
        for number in range(ROUNDS + 1):
            for name, path in paths.items():
                cost = await _ask(there, path)
                # the first time, templates are read and connections made
                costs[name] += [cost] if number else []
                progress.advance(task)
        results.pages = {name: _median(each) for name, each in costs.items()}
        results.readers = await _at_once(there)
    progress.add_task("open pages", total=None)
    results.crowd = await crowd(folder / "crowd", results.devices)


async def _ask(there: Site, path: str) -> Cost:
    there.calls.forget()
    began, cpu_began, device_svc_began = time.perf_counter(), time.process_time(), there.device_svc_cpu_s()
    page = await there.client.get(path)
    ms, cpu_ms = 1e3 * (time.perf_counter() - began), 1e3 * (time.process_time() - cpu_began)
    device_svc_cpu_ms = 1e3 * (there.device_svc_cpu_s() - device_svc_began)
    if page.status_code != httpx.codes.OK:
        raise RuntimeError(f"{path} was answered with {page.status_code}")
    return Cost(ms, cpu_ms, device_svc_cpu_ms, there.calls.total, there.calls.rounds, len(page.content) / 1024)


async def _at_once(there: Site) -> Readers:
    answers: Counter[int] = Counter()
    last_ms: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        pages = await asyncio.gather(*(there.client.get("/devices") for _ in range(READERS)))
        last_ms.append(1e3 * (time.perf_counter() - began))
        # where device-svc is too slow, the page is there and says that the list is not
        answers.update(
            HTTPStatus.OK if "data-device=" in page.text else HTTPStatus.SERVICE_UNAVAILABLE for page in pages
        )
    return Readers(READERS, dict(answers), statistics.median(last_ms))


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.ms for cost in costs),
        statistics.median(cost.cpu_ms for cost in costs),
        statistics.mean(cost.device_svc_cpu_ms for cost in costs),
        max(cost.calls for cost in costs),
        max(cost.rounds for cost in costs),
        statistics.median(cost.kib for cost in costs),
    )


def main(
    rows: Annotated[int, typer.Option(min=1_000, help="How many rows the Event Log has.")] = 1_000_000,
    devices: Annotated[int, typer.Option(min=20, max=500, help="How many UPSes the company has.")] = 500,
    *,
    keep: Annotated[bool, typer.Option(help="Write bench/pages/report.md and report.json.")] = True,
) -> None:
    """Measure what the portal's pages cost on this machine."""
    results = Results(f"python -m bench.pages {' '.join(sys.argv[1:])}".strip(), devices, rows)
    with session() as (folder, progress):
        asyncio.run(measure(results, folder, progress))
    table = Table(*HEADS, title="Pages")
    for row in results.table():
        table.add_row(*row)
    Console().print(table)
    if keep:
        write(results)


def write(results: Results) -> None:
    """Keep it as `report.md` and `report.json`."""
    (FOLDER / "report.json").write_text(json.dumps(results.as_json(), indent=2, ensure_ascii=False) + "\n")
    here, overview = machine(), results.pages[OVERVIEW]
    lines = [
        "# Pages bench",
        "",
        f"`{results.command}` on {results.began_at:%Y-%m-%d}, {here['cores']} cores shared with all services, Python",
        f"{here['python']}, load average before it {results.load[0]:.1f}. Medians of {ROUNDS} rounds, in turn.",
        "",
        f"**The overview of {results.devices} UPSes, with {results.rows:,} rows in the Event Log, takes",
        f"{overview.ms / results.pages['empty'].ms:.1f} times an empty page, in {overview.rounds} round of calls.**",
        "",
        f"| {' | '.join(HEADS)} |",
        f"|{' --- |' * len(HEADS)}",
        *(f"| {' | '.join(row)} |" for row in results.table()),
        "",
        f"Load average after it: {os.getloadavg()[0]:.1f}.",
        "",
        *_crowded(results),
    ]
    (FOLDER / "report.md").write_text("\n".join(lines) + "\n")


def _crowded(results: Results) -> Sequence[str]:
    readers, held, overview = results.readers, results.crowd, results.pages[OVERVIEW]
    assert held is not None
    whole, asked = readers.answers.get(HTTPStatus.OK, 0), sum(readers.answers.values())
    return [
        "## Many at once",
        "",
        f"The overview for {readers.number} readers at once: {whole} of {asked} were whole.",
        f"The last had it after {readers.last_ms:.0f} ms, {readers.last_ms / overview.ms:.1f} times what one waits.",
        "",
        f"A portal process of {held.start_kib / 1024:.0f} MiB held {held.stream_kib:.0f} KiB more for each of",
        f"{held.streams} open streams; whoever came after them was answered with {held.refused}.",
        f"{held.pages} pages of {results.devices} UPSes, one after another, added {held.pages_kib / 1024:.1f} MiB",
        "to the most that it ever held.",
    ]


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()

"""`python -m bench.mail`: the way of a mail, from ingest's 202 to the mail server's yes."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.mail.capacity import Capacity, capacity
from bench.mail.site import sink, site
from bench.mail.way import STORM_DEVICES, STORM_S, Latency, Storm, latency, storm
from bench.session import chosen, circumstances, machine, session
from ups_devstack.stack import backing

FOLDER = Path(__file__).parent
MEASURES = ("senders", "latency", "capacity", "storm")
# As the notifier's default, and the bare loop's.
CONNECTIONS = 4
ROUNDS = 3
LEAST_RATIO = 0.7
# One as a device sends it, and many as a gateway does after a gap.
PER_REQUEST = (1, 100)


@dataclass
class Results:
    """What was measured."""

    command: str
    scaled: list[str] = field(default_factory=list)
    senders: dict[str, dict[str, float]] = field(default_factory=dict)
    latencies: list[Latency] = field(default_factory=list)
    capacities: list[Capacity] = field(default_factory=list)
    storm: Storm | None = None
    load: tuple[float, float, float] = field(default_factory=os.getloadavg)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """All figures."""
        return {
            **circumstances(self.command, self.began_at, self.load),
            "scaled": self.scaled,
            "senders": self.senders,
            "latency": [asdict(one) for one in self.latencies],
            "capacity": [asdict(one) for one in self.capacities],
            "storm": asdict(self.storm) if self.storm else None,
            "ratios": [dict(zip(("measure", "figure", "wanted", "holds"), row, strict=True)) for row in self.rows()],
        }

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Measure, figure, what is wanted, and whether it holds."""
        table: list[tuple[str, str, str, str]] = []
        if self.senders:
            relay, bare = self.senders["relay"], self.senders["bare"]
            for what, ratio in (
                ("mails/s", relay["mails_per_s"] / bare["mails_per_s"]),
                ("CPU time a mail", bare["cpu_us_per_mail"] / relay["cpu_us_per_mail"]),
            ):
                holds = "yes" if ratio >= LEAST_RATIO else "**no**"
                table.append((f"senders : bare aiosmtplib loop, {what}", f"{ratio:.2f}", f"≥ {LEAST_RATIO}", holds))
        for one in self.latencies:
            figure = f"{one.p50_ms:.0f} / {one.p99_ms:.0f}"
            table.append((f"202 to the server's yes at {one.per_second:g}/s, p50 / p99 ms", figure, "", ""))
        for each in self.capacities:
            what = f"event-ingest, {each.per_request} a request"
            table.append((f"{what}: events/s acknowledged", f"{each.events_per_s:,.0f}", "", ""))
            table.append((f"{what}: CPU an event, µs", f"{each.cpu_us_per_event:,.0f}", "", ""))
        if (storm := self.storm) is not None:
            held = "yes" if not storm.lost else "**no**"
            table.append((f"storm of {storm.devices:,} devices: mails lost", str(storm.lost), "0", held))
            ratio = storm.drained_in_s / max(storm.sent_in_s, 0.001)
            table.append(("storm: until the last mail : until the last 202", f"{ratio:.1f}", "", ""))
            table += [(f"storm: {name}", f"{figure:,.0f}", "", "") for name, figure in storm.per_second.items()]
            table += [
                (f"storm: most memory of {name}, MiB", f"{mib:.0f}", "", "") for name, mib in storm.peak_mib.items()
            ]
            told = f"{storm.devices / max(1, storm.mails):.1f}"
            table.append(("storm: events in a mail (digests)", told, "", ""))
            cpu_ms = storm.notifier_cpu_us_per_event / 1e3
            table.append(("storm: notifier's CPU an event, ms", f"{cpu_ms:.1f}", "", ""))
        return table


def measure_senders(folder: Path, mails: int, progress: Progress) -> dict[str, dict[str, float]]:
    """Both contenders in turn, several rounds, each in a process of its own; the median of each figure."""
    figures: dict[str, list[dict[str, float]]] = {"bare": [], "relay": []}
    task = progress.add_task("senders", total=ROUNDS * len(figures))
    with sink(folder) as server:
        for _ in range(ROUNDS):
            for name, rounds in figures.items():
                command = [sys.executable, "-m", "bench.mail.senders", name, server.port, CONNECTIONS, mails]
                done = subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=600)
                rounds.append(json.loads(done.stdout))
                progress.advance(task)
    progress.remove_task(task)
    return {
        name: {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        for name, rounds in figures.items()
    }


async def measure(results: Results, folder: Path, measures: set[str], sizes: "Sizes", progress: Progress) -> None:
    """Everything wanted, in turn."""
    if "senders" in measures:
        results.senders = await asyncio.to_thread(measure_senders, folder, sizes.mails, progress)
    if not measures - {"senders"}:
        return
    async with backing("embedded", data_dir=folder / "data") as parts:
        first = 0
        if "latency" in measures:
            async with site(parts, folder, "benchlat") as steady:
                for rate in sizes.rates:
                    results.latencies.append(await latency(steady, rate, sizes.seconds, first, progress))
                    first += int(rate * sizes.seconds)
        if "capacity" in measures:
            async with site(parts, folder, "benchfull") as full:
                results.capacities = [await capacity(full, each, sizes.seconds, progress) for each in PER_REQUEST]
        if "storm" in measures:
            async with site(parts, folder / "storm", "benchstorm") as stormy:
                results.storm = await storm(stormy, sizes.devices, first, progress)


@dataclass(frozen=True)
class Sizes:
    """How much is done."""

    mails: int
    devices: int
    rates: tuple[float, ...]
    seconds: float


def main(
    devices: Annotated[int, typer.Option(min=100, help="How many devices the storm has.")] = STORM_DEVICES,
    mails: Annotated[int, typer.Option(min=100, help="How many mails each sender hands over.")] = 5_000,
    rates: Annotated[str, typer.Option(help="Events a second at which latency is measured.")] = "2,10,20",
    seconds: Annotated[float, typer.Option(min=1, help="How long at each rate.")] = 30,
    only: Annotated[str, typer.Option(help=f"Some of: {','.join(MEASURES)}.")] = ",".join(MEASURES),
    *,
    keep: Annotated[bool, typer.Option(help="Write bench/mail/report.md and report.json.")] = True,
) -> None:
    """Measure the way of a mail on this machine."""
    measures = chosen(only, MEASURES)
    results = Results(f"python -m bench.mail {' '.join(sys.argv[1:])}".strip())
    if devices != STORM_DEVICES:
        results.scaled.append(
            f"{devices:,} devices at the rate of {STORM_DEVICES:,} in {STORM_S:.0f} s, instead of all of them."
        )
    sizes = Sizes(mails, devices, tuple(float(rate) for rate in rates.split(",")), seconds)
    with session() as (folder, progress):
        (folder / "storm").mkdir()
        asyncio.run(measure(results, folder, measures, sizes, progress))
    show(results, Console())
    if keep:
        write(results)


def show(results: Results, console: Console) -> None:
    """Print the table."""
    table = Table("measure", "figure", "wanted", "holds", title="Mail")
    for row in results.rows():
        table.add_row(*row)
    console.print(table)
    for line in results.scaled:
        console.print(line, highlight=False)


def write(results: Results) -> None:
    """Keep it as `report.md` and `report.json`."""
    (FOLDER / "report.json").write_text(json.dumps(results.as_json(), indent=2, ensure_ascii=False) + "\n")
    here = machine()
    lines = [
        "# Mail bench",
        "",
        f"`{results.command}` on {results.began_at:%Y-%m-%d}, {here['cores']} cores shared with brokers, database and",
        f"services, Python {here['python']}, load average before it {results.load[0]:.1f}.",
        "",
        "Ratios compare contenders of one run. **Absolute figures mean nothing on another machine**, and little on",
        "this one while something else runs.",
        "",
        "| measure | figure | wanted | holds |",
        "| --- | --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in results.rows()),
        "",
        *(f"- {line}" for line in results.scaled),
    ]
    if results.storm:
        lines += [f"- Ledger after the storm: {', '.join(f'{n:,} {s}' for s, n in results.storm.states.items())}."]
    (FOLDER / "report.md").write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()

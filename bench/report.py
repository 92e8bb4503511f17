"""What was measured, as a table on the terminal, a page and JSON."""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.latency import Latency
from bench.pace import Pace
from bench.restart import Restarts
from bench.session import circumstances, machine

BASE_MIB = 120.0
PER_DEVICE_KIB = 6.0
LEAST_RATIO = 0.8
AIMED_RATIO = 1.2
MOST_RESTART_RATIO = 2.0


@dataclass
class Results:
    """Everything that a run measured; what was left out says why in `skipped`."""

    command: str
    devices: int
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    scaled: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    throttle: list[Pace] = field(default_factory=list)
    plain: list[Pace] = field(default_factory=list)
    peers: list[Pace] = field(default_factory=list)
    shape: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    restarts: Restarts | None = None
    processes: list[Pace] = field(default_factory=list)
    phases: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    latencies: list[Latency] = field(default_factory=list)
    load: tuple[float, float, float] = field(default_factory=os.getloadavg)

    @property
    def paces(self) -> list[Pace]:
        """All of them, a round's two side by side."""
        rounds = (pace for both in zip_longest(self.throttle, self.plain) for pace in both if pace)
        return [*rounds, *self.peers]

    @property
    def ratios(self) -> list[float]:
        """Throttle to plain loop by events a second, for each round."""
        return [one.per_second / other.per_second for one, other in zip(self.throttle, self.plain, strict=False)]

    @property
    def cpu_ratios(self) -> list[float]:
        """The same by the CPU time of their processes."""
        return [
            other.cpu_per_event_s / one.cpu_per_event_s for one, other in zip(self.throttle, self.plain, strict=False)
        ]

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """All figures."""
        return {
            **circumstances(self.command, self.began_at, self.load),
            "devices": self.devices,
            "scaled": self.scaled,
            "skipped": self.skipped,
            "pace": [pace.as_json() for pace in self.paces],
            "shape": self.shape,
            "restart": self.restarts.as_json() if self.restarts else None,
            "processes": [pace.as_json() for pace in self.processes],
            "phases": self.phases,
            "latency": [asdict(latency) for latency in self.latencies],
            "ratios": [dict(zip(("measure", "figure", "wanted", "holds"), row, strict=True)) for row in rows(self)],
        }


def rows(results: Results) -> list[tuple[str, str, str, str]]:
    """Measure, figure, what is wanted, and whether it holds."""
    table: list[tuple[str, str, str, str]] = []
    if ratios := results.ratios:
        of = f"least / median / most of {len(ratios)}"
        aim = f"≥ {LEAST_RATIO}, aim {AIMED_RATIO} (median)"
        holds = _holds(median(ratios) >= LEAST_RATIO)
        table.append((f"throttle : plain loop, events/s, {of}", _spread(ratios), aim, holds))
        table.append((f"the same by CPU time of the process, {of}", _spread(results.cpu_ratios), "", ""))
    if results.throttle:
        per_second = median(pace.per_second for pace in results.throttle)
        table += [
            (f"throttle : {pace.name} (bare rule), events/s", f"{per_second / pace.per_second:.2f}", "", "")
            for pace in results.peers
        ]
        most = BASE_MIB + PER_DEVICE_KIB * results.devices / 1024
        held = max(pace.peak_mib for pace in results.throttle)
        table.append(
            ("most memory, MiB", f"{held:.0f}", f"≤ {most:.0f} ({results.devices:,} devices)", _holds(held <= most))
        )
    if results.restarts:
        told = results.restarts.as_json()
        figure = f"{told['ratio']:.2f} ({told['median_killed_s']:.2f} s : {told['median_empty_s']:.2f} s)"
        holds = told["ratio"] < MOST_RESTART_RATIO
        table.append(("first decision, kill -9 : empty start", figure, f"< {MOST_RESTART_RATIO:.0f}", _holds(holds)))
    table += [
        (
            f"{pace.processes} processes : 1, events/s",
            f"{pace.per_second / results.processes[0].per_second:.2f}",
            "",
            "",
        )
        for pace in results.processes[1:]
    ]
    table += [
        (f"latency at {one.per_second:,} events/s, p50 / p99 ms", f"{one.p50_ms:.0f} / {one.p99_ms:.0f}", "", "")
        for one in results.latencies
    ]
    return table


def show(results: Results, console: Console) -> None:
    """Print the table."""
    table = Table("measure", "figure", "wanted", "holds", title="Ratios")
    for row in rows(results):
        table.add_row(*row)
    console.print(table)
    for line in [*results.scaled, *results.skipped]:
        console.print(line, highlight=False)


def write(results: Results, folder: Path) -> None:
    """Keep it as `report.md` and `report.json`."""
    (folder / "report.json").write_text(json.dumps(results.as_json(), indent=2, ensure_ascii=False) + "\n")
    (folder / "report.md").write_text(_page(results))


def _page(results: Results) -> str:
    here = machine()
    lines = [
        "# Bench",
        "",
        f"`{results.command}` on {results.began_at:%Y-%m-%d}, {here['cores']} cores shared with the broker,",
        f"Python {here['python']}, load average before it {results.load[0]:.1f}.",
        "",
        "Ratios compare contenders of one run. **Absolute figures mean nothing on another machine**, and little on",
        "this one while something else runs.",
        "",
        *_table(("measure", "figure", "wanted", "holds"), rows(results)),
        *(f"- {line}" for line in [*results.scaled, *results.skipped]),
        "",
        "## Paces",
        "",
        *_table(
            ("contender", "processes", "events", "events/s", "CPU µs/event", "broker CPU µs/event", "most MiB"),
            [_pace_row(pace) for pace in (*results.paces, *results.processes)],
        ),
    ]
    if results.phases:
        total = results.phases["cpu_us_per_event"]
        phases = sorted(results.phases["us_per_event"].items(), key=lambda item: -item[1])
        lines += [
            f"## Where the throttle's {total:.0f} µs of CPU an event go",
            "",
            "With stopwatches, which cost some themselves.",
            "",
            *_table(
                ("phase", "µs/event", "share"),
                [(phase, f"{spent:.1f}", f"{spent / total:.0%}") for phase, spent in phases],
            ),
        ]
    return "\n".join(lines).rstrip() + "\n"


def _pace_row(pace: Pace) -> tuple[str, ...]:
    told = pace.as_json()
    return (
        pace.name,
        str(pace.processes),
        f"{pace.events:,}",
        f"{pace.per_second:,.0f}",
        f"{told['cpu_us_per_event']:.0f}",
        f"{told['broker_cpu_us_per_event']:.0f}",
        f"{pace.peak_mib:.0f}",
    )


def _table(head: tuple[str, ...], body: list[Any]) -> list[str]:  # Any: tuples as long as the head
    return [
        "| " + " | ".join(head) + " |",
        "| " + " | ".join("---" for _ in head) + " |",
        *("| " + " | ".join(row) + " |" for row in body),
        "",
    ]


def _spread(ratios: list[float]) -> str:
    return f"{min(ratios):.2f} / {median(ratios):.2f} / {max(ratios):.2f}"


def _holds(holds: bool) -> str:  # noqa: FBT001 - the answer itself
    return "yes" if holds else "NO"

"""What was measured, as a table on the terminal, a page and JSON."""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
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
    throttle: Pace | None = None
    plain: Pace | None = None
    quix: Pace | None = None
    shape: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    restarts: Restarts | None = None
    processes: list[Pace] = field(default_factory=list)
    phases: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    latencies: list[Latency] = field(default_factory=list)
    load: tuple[float, float, float] = field(default_factory=os.getloadavg)

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """All figures."""
        return {
            **circumstances(self.command, self.began_at, self.load),
            "devices": self.devices,
            "scaled": self.scaled,
            "skipped": self.skipped,
            "pace": [pace.as_json() for pace in (self.throttle, self.plain, self.quix) if pace],
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
    throttle, plain = results.throttle, results.plain
    if throttle and plain:
        ratio = throttle.per_second / plain.per_second
        cpu = (plain.cpu_s / plain.events) / (throttle.cpu_s / throttle.events)
        aim = f"≥ {LEAST_RATIO}, aim {AIMED_RATIO}"
        table.append(("throttle : plain loop, events/s", f"{ratio:.2f}", aim, _holds(ratio >= LEAST_RATIO)))
        table.append(("the same by CPU time of the process", f"{cpu:.2f}", "", ""))
    if throttle and results.quix:
        table.append(
            ("throttle : Quix Streams (bare rule)", f"{throttle.per_second / results.quix.per_second:.1f}", "", "")
        )
    if throttle:
        most = BASE_MIB + PER_DEVICE_KIB * results.devices / 1024
        held = throttle.peak_mib
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
            [_pace_row(pace) for pace in (results.throttle, results.plain, results.quix, *results.processes) if pace],
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


def _holds(holds: bool) -> str:  # noqa: FBT001 - the answer itself
    return "yes" if holds else "NO"

"""`python -m bench`: run everything against an embedded broker, say the ratios, keep the report."""

import asyncio
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bench import latency, pace, report, restart
from bench.cluster import Site, broker, lay_out, load_devices, load_events
from bench.process import Contender, throttle
from bench.session import chosen, session
from bench.shape import as_json, shape_of
from bench.streams.contender import streams
from bench.workload import Workload
from ups_devstack.errors import DevstackError
from ups_devstack.kafka import EmbeddedKafka, reason_unavailable
from ups_schemas.topics import DECISIONS, EVENTS

EVENTS_WANTED = 600_000
DEVICES_WANTED = 20_000
ROUNDS = 3
PROCESSES = (1, 2, 4)
# Of the events, for what needs a fresh load for each figure, or takes long.
PART = 10

MEASURES = ("pace", "quix", "streams", "restart", "processes", "phases", "latency")

FOLDER = Path(__file__).parent
QUIX_PYTHON = FOLDER.parent / ".venv-bench" / "bin" / "python"


@dataclass
class Run:
    """One run of the bench on its broker."""

    kafka: EmbeddedKafka
    folder: Path
    events: int
    devices: int
    rounds: int
    progress: Progress
    results: report.Results

    @property
    def broker_pid(self) -> int:
        """The broker's process."""
        if self.kafka.pid is None:
            raise RuntimeError("the broker ended by itself")
        return self.kafka.pid

    def site(self, prefix: str) -> Site:
        """An installation."""
        return Site(self.kafka.bootstrap, prefix)

    async def prepare(self, prefix: str, events: int) -> Site:
        """A site with devices and events, not decided yet."""
        site = self.site(prefix)
        await lay_out(site)
        workload = Workload(events, self.devices, datetime.now(UTC))
        await load_devices(site, workload)
        await load_events(site, workload, self.progress)
        return site

    async def measure(self, only: set[str]) -> None:
        """Everything, in turn."""
        if only & {"pace", "quix", "streams", "restart"}:
            site = await self._rounds(self.rounds if "pace" in only else 1, plain="pace" in only)
            if "quix" in only:
                await self._quix(site)
            if "streams" in only:
                await self._streams(site)
            if "restart" in only:
                self.results.restarts = await restart.run(site, self.devices, self.folder, self.progress)
        if "processes" in only:
            await self._processes()
        if "phases" in only:
            await self._phases()
        if "latency" in only:
            site = self.site("latency")
            self.results.latencies = await latency.run(site, self.devices, self.folder, self.progress)

    async def _rounds(self, rounds: int, *, plain: bool) -> Site:
        """Each on events of its own, and every other one begins with the plain loop; gives the last round's site."""
        for number in range(1, rounds + 1):
            site = await self.prepare(f"round{number}", self.events)
            # what the plain loop has to write is known after the first round of the throttle
            plain_first = plain and number % 2 == 0
            if plain_first:
                await self._plain(site, number)
            contender = throttle(0, site.environ, self.folder)
            paced = await self._pace(f"throttle, round {number}", [contender], site, "throttle", self.events)
            self.results.throttle.append(paced)
            if plain and number == 1:
                self.results.shape = as_json(await shape_of(site, self.events))
            if plain and not plain_first:
                await self._plain(site, number)
        return site

    async def _plain(self, site: Site, number: int) -> None:
        await lay_out(self.site("plain"))
        environ = {**site.environ, "BENCH_SHAPE": json.dumps(self.results.shape)}
        contender = Contender("plain", [sys.executable, "-m", "bench.plain"], environ, self.folder)
        self.results.plain.append(
            await self._pace(f"plain loop, round {number}", [contender], site, "plain", self.events)
        )

    async def _quix(self, site: Site) -> None:
        if not QUIX_PYTHON.exists():
            self.results.skipped.append("Quix Streams was left out: it is not installed (`make bench` does that).")
            return
        environ = await self._bare_rule(site, "quix")
        contender = Contender("quix", [QUIX_PYTHON, FOLDER / "quix.py"], environ, self.folder)
        events = self.events // 4
        self.results.peers.append(await self._pace("Quix Streams", [contender], site, "quix", events))
        self.results.scaled.append(f"Quix Streams was stopped after {events:,} events.")

    async def _streams(self, site: Site) -> None:
        environ = await self._bare_rule(site, "streams")
        try:
            contender = streams(environ, self.folder, self._report)
        except DevstackError as error:
            self.results.skipped.append(f"Kafka Streams was left out: {error}")
            return
        self.results.peers.append(await self._pace("Kafka Streams", [contender], site, "streams", self.events))

    async def _bare_rule(self, site: Site, name: str) -> dict[str, str]:
        """What a peer is told that reads the site's events and keeps its decisions apart."""
        target = self.site(name)
        await lay_out(target)
        return {
            **site.environ,
            "BENCH_GROUP": site.group(name),
            "BENCH_INPUT": site.topic(EVENTS),
            "BENCH_OUTPUT": target.topic(DECISIONS),
            "BENCH_STATE_DIR": str(self.folder / name),
        }

    def _report(self, text: str, *, notable: bool = False) -> None:
        if notable:
            self.progress.console.print(text, highlight=False)

    async def _processes(self) -> None:
        events = self.events // PART * 2
        for count in PROCESSES:
            site = await self.prepare(f"by{count}", events)
            contenders = [throttle(number, site.environ, self.folder) for number in range(count)]
            self.results.processes.append(await self._pace(f"{count} processes", contenders, site, "throttle", events))
        self.results.scaled.append(f"1, 2 and 4 processes worked on {events:,} events each.")

    async def _phases(self) -> None:
        events = self.events // PART
        site = await self.prepare("phases", events)
        told = self.folder / "phases.json"
        environ = {**site.environ, "BENCH_PHASES_FILE": str(told)}
        contender = throttle(0, environ, self.folder, module="bench.phases")
        await self._pace("with stopwatches", [contender], site, "throttle", events)
        self.results.phases = json.loads(told.read_text())
        self.results.scaled.append(f"The phases were measured over {events:,} events.")

    async def _pace(self, name: str, contenders: list[Contender], site: Site, group: str, events: int) -> pace.Pace:
        return await pace.run(name, contenders, site, group, events, self.broker_pid, self.progress)


def main(
    events: Annotated[
        int, typer.Option(min=10_000, help="How many events; other counts derive from it.")
    ] = EVENTS_WANTED,
    devices: Annotated[int, typer.Option(min=100, help="How many devices they come from.")] = DEVICES_WANTED,
    rounds: Annotated[int, typer.Option(min=1, help="How often throttle and plain loop take turns.")] = ROUNDS,
    only: Annotated[str, typer.Option(help=f"Some of: {','.join(MEASURES)}.")] = ",".join(MEASURES),
    *,
    keep: Annotated[bool, typer.Option(help="Write bench/report.md and bench/report.json.")] = True,
) -> None:
    """Measure the throttle against others on this machine."""
    measures = chosen(only, MEASURES)
    if reason := reason_unavailable():
        raise typer.BadParameter(f"no broker can run here: {reason}")
    results = report.Results(f"python -m bench {' '.join(sys.argv[1:])}".strip(), devices)
    if events != EVENTS_WANTED:
        results.scaled.append(f"{events:,} events instead of {EVENTS_WANTED:,}.")
    with session() as (folder, progress), broker(folder) as kafka:
        asyncio.run(Run(kafka, folder, events, devices, rounds, progress, results).measure(measures))
    report.show(results, Console())
    if keep:
        report.write(results, FOLDER)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    app()

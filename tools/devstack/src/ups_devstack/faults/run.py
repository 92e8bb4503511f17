"""One fault run: topics of its own, load, members; it ends with the comparison, or as invalid when nothing bit."""

import os
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import TopicPartition

from ups_devstack.faults.load import Load, fleet
from ups_devstack.faults.member import Member
from ups_devstack.faults.reading import reading
from ups_devstack.faults.verdict import Verdict, judge
from ups_runtime.kafka import apply_topics, consumer, end_offsets, started, topic_name
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import (
    COMMANDS,
    DEAD_LETTERS,
    DECISIONS,
    DEVICES,
    EVENTS,
    SUPPRESSIONS,
    THROTTLE_STATE,
    Service,
)

TOPICS = (EVENTS, DEVICES, COMMANDS, DECISIONS, SUPPRESSIONS, THROTTLE_STATE, DEAD_LETTERS[Service.THROTTLE])
DEVICES_IN_SHORT, DEVICES_IN_LONG = 40, 160

HEAD = (
    "| fault | injected | bitten | events | decisions | periods | lost | doubled | seconds |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
)


class InvalidRunError(AssertionError):
    """The run proves nothing: no injection met anything that it could have spoilt."""


def is_long() -> bool:
    """Whether the long forms are wanted: `make faults` says so."""
    return os.environ.get("UPS_FAULTS") == "long"


@dataclass
class Run:
    """What a test drives. `injected` counts what it did, `bitten` those that met work under way."""

    kafka: KafkaSettings
    load: Load
    folder: Path
    chance: random.Random
    began: float
    injected: int = 0
    bitten: int = 0
    members: list[Member] = field(default_factory=list)

    def rounds(self, short: int, long: int) -> int:
        """How often, by the form of the run."""
        return long if is_long() else short

    def turns(self, short: int, long: int) -> Iterator[int]:
        """Number the turns of a fault: as many as the form of the run wants, then on until one bit, within reason."""
        wanted = self.rounds(short, long)
        for turn in range(wanted * 5):
            if turn >= wanted and self.bitten:
                return
            yield turn

    def member(
        self,
        name: str,
        *,
        static: bool = False,
        program: Sequence[str | Path] = ("-m", "ups_throttle"),
        environ: Mapping[str, str] | None = None,
    ) -> Member:
        """Make a member that ends with the run; it is not started."""
        made = Member(name, self.folder, self.kafka, static=static, program=program, environ=environ)
        self.members.append(made)
        return made

    def said(self, event: str) -> int:
        """How often the members logged this."""
        return sum(len(member.said(event)) for member in self.members)

    async def count_open(self) -> int:
        """Count the partitions in which a transaction is open now: written to, and neither committed nor aborted."""
        places = [TopicPartition(topic_name(self.kafka, THROTTLE_STATE), n) for n in range(THROTTLE_STATE.partitions)]
        async with (
            started(consumer(self.kafka, None)) as committed,
            started(consumer(self.kafka, None, isolation_level="read_uncommitted")) as written,
        ):
            stable, ends = await end_offsets(committed, places), await end_offsets(written, places)
        return sum(stable[place] < ends[place] for place in places)

    async def ends_right(self, fault: str, report: Path | None = None) -> Verdict:
        """Let everything be decided, stop the members, compare, and note the row.

        Raises:
            InvalidRunError: nothing bit.
            AssertionError: what was seen is not what should be.
        """
        await self.load.settled()
        for member in self.members:
            await member.stop()
        verdict = await judge(self.kafka, self.load.devices)
        cells = (
            fault,
            self.injected,
            self.bitten,
            verdict.events,
            verdict.decisions,
            verdict.periods,
            verdict.lost,
            verdict.doubled,
            round(time.monotonic() - self.began),
        )
        row = "| " + " | ".join(map(str, cells)) + " |\n"
        print(HEAD + row)
        if report is not None:
            note(report, row)
        verdict.assert_right()
        if not self.bitten:
            raise InvalidRunError(f"invalid: {self.injected} times {fault}, and nothing bit")
        return verdict


def note(report: Path, row: str) -> None:
    """Add a row to the table, which is begun with the first."""
    report.parent.mkdir(parents=True, exist_ok=True)
    if not report.exists():
        report.write_text(HEAD)
    with report.open("a") as file:
        file.write(row)


@asynccontextmanager
async def fault_run(kafka: KafkaSettings, folder: Path) -> AsyncIterator[Run]:
    """Make topics and load for one run; its members are killed at the end, and their logs shown if it failed."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311 - no secret, only repeatable
    await apply_topics(kafka, TOPICS, 1, get_logger("faults"))
    async with reading(kafka, DECISIONS) as decided:
        devices = fleet(DEVICES_IN_LONG if is_long() else DEVICES_IN_SHORT)
        run = Run(kafka, Load(kafka, decided, devices, chance), folder, chance, time.monotonic())
        try:
            yield run
        except BaseException:
            for member in run.members:
                print(member.tail())
            raise
        finally:
            for member in run.members:
                await member.kill()

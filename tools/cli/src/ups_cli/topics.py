"""`ups topics`: the registry's topics, made on the brokers and checked against them."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from ups_cli.errors import ExitCode
from ups_cli.output import AsJson, note, progress, say, say_json
from ups_cli.settings import kafka_target
from ups_runtime.kafka import Change, Difference, admin, apply_topics, check_topics, map_kafka_errors, started
from ups_runtime.logging import get_logger
from ups_runtime.settings import KafkaSettings
from ups_schemas.topics import TOPICS

app = typer.Typer(help="The topics of the registry.", no_args_is_help=True)

# Survives the loss of one broker without losing or refusing anything.
_REPLICAS = 3

ReplicationFactor = Annotated[
    int | None,
    typer.Option(min=1, max=32_767, help=f"Copies of each record; {_REPLICAS}, or as many as there are brokers."),
]


@app.command()
def check(replication_factor: ReplicationFactor = None, *, as_json: AsJson = False) -> None:
    """Compare the brokers' topics with the registry; exit 1 when they differ. Changes nothing."""
    differences = asyncio.run(check_topics(kafka_target(), TOPICS, replication_factor))
    _report([], differences, as_json=as_json)


@app.command()
def apply(replication_factor: ReplicationFactor = None, *, as_json: AsJson = False) -> None:
    """Create missing topics and set what differs.

    Never changes a number of partitions and never removes a topic; exit 1 when such a difference is left.
    """
    changes, differences = asyncio.run(_apply(kafka_target(), replication_factor))
    _report(changes, differences, as_json=as_json)


async def _apply(settings: KafkaSettings, replication_factor: int | None) -> tuple[list[Change], list[Difference]]:
    factor = replication_factor or min(_REPLICAS, await _brokers(settings))
    if replication_factor is None and factor < _REPLICAS:
        note(f"{factor} copies of each record, for there are no more brokers")
    with progress() as bar:
        task = bar.add_task("topics", total=len(TOPICS))

        def on_progress(name: str) -> None:
            bar.update(task, description=name, advance=1)

        changes = await apply_topics(settings, TOPICS, factor, get_logger("ups.topics"), on_progress)
    return changes, await check_topics(settings, TOPICS, factor)


async def _brokers(settings: KafkaSettings) -> int:
    with map_kafka_errors():
        async with started(admin(settings)) as client:
            return len((await client.describe_cluster())["brokers"])


def _report(changes: Sequence[Change], differences: Sequence[Difference], *, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "changes": [
                    {"topic": change.topic, "done": change.done, "settings": dict(change.settings)}
                    for change in changes
                ],
                "differences": [
                    {
                        "topic": difference.topic,
                        "wrong": difference.wrong,
                        "setting": difference.setting,
                        "expected": difference.expected,
                        "found": difference.found,
                    }
                    for difference in differences
                ],
            }
        )
    else:
        for change in changes:
            say(f"{change.done} {change.topic}")
        for difference in differences:
            say(f"differs: {difference}")
        if not differences:
            say(f"All {len(TOPICS)} topics are as the registry says.")
    if differences:
        raise typer.Exit(ExitCode.NO)

"""`ups why`: the last decisions on a device, in words."""

import asyncio
from functools import partial
from typing import Annotated

import typer

from ups_cli.device import DeviceId
from ups_cli.errors import CliError, ExitCode
from ups_cli.history.device import DECISIONS_OF, SUPPRESSIONS_OF
from ups_cli.history.log import Log, opened
from ups_cli.moments import Zone, said
from ups_cli.output import AsJson, note, progress, say_json, say_table
from ups_cli.settings import kafka_target
from ups_runtime.codec import parse
from ups_runtime.errors import Permanent
from ups_runtime.settings import KafkaSettings
from ups_schemas.decision import Decision, NotificationsDisabled
from ups_schemas.telling import Words
from ups_schemas.topics import DECISIONS, DEVICES, SUPPRESSIONS, Topic

# The longest period may be over, and its start is what explains it.
_PERIODS = 20


def why(
    device: DeviceId,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many decisions.")] = 10,
    zone: Zone = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say why there was a mail, or none: the last decisions on the device, oldest first."""
    decisions, periods, is_known = asyncio.run(_why(kafka_target(), device, limit))
    if not decisions and not is_known:
        raise CliError(ExitCode.NO, f"There is no device {device}.", {"what to do": "ups device list shows the ids"})
    words = Words(partial(said, zone=zone), str, periods)
    lines = [(decision, *words.line(decision)) for decision in decisions]
    if as_json:
        say_json(
            {
                "device_id": device,
                "decisions": [
                    {"text": text, "decision": decision.model_dump(mode="json")} for decision, _, text in lines
                ],
            }
        )
        return
    if not lines:
        note("The device is there, but it sent nothing that was decided on, as far back as decisions are kept.")
    say_table(("when", "what, and why"), ((said(at, zone), text) for _, at, text in lines))


async def _why(
    settings: KafkaSettings, device_id: str, limit: int
) -> tuple[list[Decision], dict[str, NotificationsDisabled], bool]:
    with progress() as bar:
        task = bar.add_task("records looked through", total=None)
        topics = (DECISIONS, SUPPRESSIONS, DEVICES)
        async with opened(settings, topics, on_read=partial(bar.advance, task)) as log:
            decisions: list[Decision] = await last_messages(log, DECISIONS, device_id, limit, DECISIONS_OF)
            suppressions = await last_messages(log, SUPPRESSIONS, device_id, _PERIODS, SUPPRESSIONS_OF)
            is_known = bool(decisions) or bool(await last_values(log, DEVICES, device_id, 1))
    periods = [one for one in (*suppressions, *decisions) if isinstance(one, NotificationsDisabled)]
    return decisions, {period.period_id: period for period in periods}, is_known


async def last_values(log: Log, topic: Topic, device_id: str, limit: int) -> list[bytes | None]:
    """The values of the device's last records on the topic, oldest first."""
    key = device_id.encode()
    partition = log.at(topic, log.partition_of(topic, device_id))
    return [record.value for record in await log.last(partition, limit, lambda record: record.key == key)]


async def last_messages(log: Log, topic: Topic, device_id: str, limit: int, models: object) -> list:  # type: ignore[type-arg]
    """The device's last messages on the topic, oldest first, without what cannot be read."""
    found = []
    for value in await last_values(log, topic, device_id, limit):
        try:
            found.append(parse(value, models))
        except Permanent:
            note(f"A record of {topic.name} cannot be read and is left out.")
    return found

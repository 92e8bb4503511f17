"""`ups drill`: a test event through the real path, and a receipt."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ups_cli.api import ingest_service, notifier_service
from ups_cli.device import DeviceId
from ups_cli.drilling.follow import follow
from ups_cli.drilling.receipt import Receipt
from ups_cli.errors import CliError, ExitCode
from ups_cli.history.log import opened
from ups_cli.moments import Zone, local, span
from ups_cli.output import AsJson, note, progress, say, say_json, say_table
from ups_cli.settings import kafka_target
from ups_cli.throttle import remembered
from ups_runtime.settings import KafkaSettings
from ups_schemas.device import DeviceSnapshot
from ups_schemas.envelope import from_milliseconds
from ups_schemas.topics import DECISIONS, DEVICES, EVENTS, MAIL_DELIVERIES, THROTTLE_STATE
from ups_throttle.domain.state import State

_HOPS = 7
_WITHIN = timedelta(seconds=60)


def drill(
    device: DeviceId,
    to: Annotated[str | None, typer.Option(metavar="USER", help="Who gets the mail; the owner unless given.")] = None,
    within: Annotated[
        timedelta | None,
        typer.Option(
            parser=span, metavar="TIME", help="How long to wait for the mail server's answer; 60s unless given."
        ),
    ] = None,
    zone: Zone = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Send a test event through the real path to a mail, and print the time of each hop.

    It opens no condition, is not counted, and is mailed whatever plan, period and subscriptions say.
    Exit codes: 0 the mail server accepted the mail; 1 no such device, or nobody to mail; 2 wrong use; 3 brokers or
    event-ingest away; 4 not decided (throttle); 5 not in the ledger (notifier); 6 not handed over (relay); 7 refused or
    not sent for good; 8 the answer was lost.
    """
    receipt = asyncio.run(_drill(kafka_target(), device, to, within or _WITHIN))
    if as_json:
        say_json(receipt.as_json())
    else:
        say_table(
            ("time", "after", "hop", "", "by the clock of"),
            (
                (
                    local(hop.at, zone).isoformat(sep=" ", timespec="milliseconds"),
                    f"{(hop.at - receipt.asked_at).total_seconds():.3f} s",
                    hop.name,
                    hop.seen,
                    hop.clock,
                )
                for hop in receipt.hops()
            ),
        )
        for line in receipt.notes:
            note(f"note: {line}")
    if failed := receipt.failure():
        raise failed
    if not as_json:
        say("The mail server accepted the mail.")


async def _drill(settings: KafkaSettings, device_id: str, to: str | None, within: timedelta) -> Receipt:
    topics = (EVENTS, DECISIONS, MAIL_DELIVERIES, DEVICES, THROTTLE_STATE)
    with ingest_service() as ingest, notifier_service() as notifier, progress() as bar:
        task = bar.add_task("looking up the device", total=_HOPS)

        def shown(receipt: Receipt) -> None:
            bar.update(task, description=f"waiting for: {receipt.waits_for}", completed=len(receipt.hops()))

        async with opened(settings, topics) as log:
            found = await remembered(log, device_id)
            snapshot = found.snapshot
            if snapshot is None:
                raise CliError(
                    ExitCode.NO, f"There is no device {device_id}.", {"what to do": "ups device list shows the ids"}
                )
            user_id = to or snapshot.owner
            if user_id is None:
                raise CliError(ExitCode.NO, "The device has no owner.", {"what to do": "say who gets the mail: --to"})
            receipt = await follow(log, ingest, notifier, (device_id, user_id), within.total_seconds(), shown)
    receipt.notes = notes(snapshot, found.state, user_id, receipt.received_at)
    return receipt


def notes(device: DeviceSnapshot, state: State | None, user_id: str, now: datetime) -> Sequence[str]:
    """What would keep a real event of the device from becoming a mail to this person."""
    found = []
    choice = next((one for one in device.subscriptions if one.user_id == user_id and one.on), None)
    if choice is None:
        found.append(f"{user_id} is not subscribed to the device: of an event they would get no mail.")
    elif choice.codes:
        found.append(f"{user_id} gets mails of these codes only: {', '.join(choice.codes)}.")
    if device.plan.name == "basic" or (device.plan.until is not None and device.plan.until <= now):
        found.append("The device is on Basic Monitoring: its events are logged, and nobody is mailed.")
    if state is not None and state.period is not None:
        until = from_milliseconds(state.period.until_ms).astimezone(UTC).isoformat(sep=" ", timespec="seconds")
        found.append(f"Event Notifications of the device are disabled until {until}.")
    return tuple(found)

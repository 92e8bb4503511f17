"""`ups throttle`: what the throttle remembers of a device, and what it would decide."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import typer

from ups_cli import device as device_commands
from ups_cli.device import DeviceId
from ups_cli.errors import CliError, ExitCode
from ups_cli.history.device import DECISIONS_OF, read_state
from ups_cli.history.log import Log, opened
from ups_cli.moments import Zone, said
from ups_cli.output import AsJson, progress, say_fields, say_json
from ups_cli.remembered import Remembered
from ups_cli.replay import replay
from ups_cli.settings import kafka_target
from ups_cli.simulate import simulate
from ups_cli.why import last_messages, last_values
from ups_runtime.settings import KafkaSettings
from ups_schemas.catalogue import name_of
from ups_schemas.decision import Decision, Incident, NotificationsDisabled
from ups_schemas.device import DeviceSnapshot
from ups_schemas.telling import Words
from ups_schemas.topics import DECISIONS, DEVICES, THROTTLE_STATE

app = typer.Typer(help="The throttle: its state, and its decisions once more.", no_args_is_help=True)
app.command("enable")(device_commands.enable)
app.command()(replay)
app.command()(simulate)


@app.command()
def show(device: DeviceId, zone: Zone = None, *, as_json: AsJson = False) -> None:
    """Show what the throttle remembers: enabled or disabled, the window, what is open and who was told."""
    state = asyncio.run(_show(kafka_target(), device))
    if as_json:
        say_json(state.as_json())
        return
    period = state.state.period if state.state is not None else None
    periods = {one.period_id: one for one in state.decisions if isinstance(one, NotificationsDisabled)}
    words = Words(partial(said, zone=zone), str, periods)
    last = words.line(state.decisions[-1]) if state.decisions else None
    say_fields(
        {
            "device": device,
            "name": state.snapshot.name if state.snapshot is not None else "not known (removed, or never registered)",
            "Event Notifications": state.status(datetime.now(UTC), words.at),
            "not mailed since": period.suppressed if period is not None else None,
            "window": state.window(datetime.now(UTC)),
            **{
                f"open {number}": _open_condition(incident, words)
                for number, incident in enumerate(state.open_conditions(), 1)
            },
            "last event": words.at(state.last_at) if state.last_at is not None else "none",
            "decisions": state.state.device_seq if state.state is not None else 0,
            "last decision": f"{words.at(last[0])} {last[1]}" if last else "none that is still kept",
        }
    )


async def _show(settings: KafkaSettings, device_id: str) -> Remembered:
    with progress() as bar:
        task = bar.add_task("records looked through", total=None)
        topics = (THROTTLE_STATE, DECISIONS, DEVICES)
        async with opened(settings, topics, on_read=partial(bar.advance, task)) as log:
            found = await remembered(log, device_id)
    if found.state is None and found.snapshot is None and not found.decisions:
        raise CliError(ExitCode.NO, f"There is no device {device_id}.", {"what to do": "ups device list shows the ids"})
    return found


async def remembered(log: Log, device_id: str) -> Remembered:
    """What the throttle remembers of the device, and the newest snapshot.

    Raises:
        CliError: another release wrote the state.
    """
    key = device_id.encode()
    snapshot = await _snapshot(log, device_id)
    (value,) = await last_values(log, THROTTLE_STATE, device_id, 1) or [None]
    decisions: list[Decision] = await last_messages(log, DECISIONS, device_id, 1, DECISIONS_OF)
    try:
        state = None if value is None else read_state(key, value)
    except ValueError as error:
        raise CliError(
            ExitCode.NO,
            "The throttle's state of this device cannot be read.",
            {"detail": str(error), "what to do": "use the `ups` of the release that runs"},
        ) from None
    return Remembered(device_id, state, snapshot, decisions)


async def _snapshot(log: Log, device_id: str) -> DeviceSnapshot | None:
    values = await last_values(log, DEVICES, device_id, 1)
    if not values or values[0] is None:
        return None
    found = await last_messages(log, DEVICES, device_id, 1, DeviceSnapshot)
    return found[0] if found else None


def _open_condition(incident: Incident, words: Words) -> str:
    text = f" ({incident.text})" if incident.text else ""
    told = f"told to {words.people(incident.told)}" if incident.told else "told to nobody"
    return f"{name_of(incident.code)}{text} since {words.at(incident.since)}, {told}"

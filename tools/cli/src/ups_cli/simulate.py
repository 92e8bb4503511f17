"""`ups throttle simulate`: what another policy would have mailed."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from ups_cli.device import DeviceId
from ups_cli.errors import CliError, ExitCode
from ups_cli.history.device import read_device
from ups_cli.history.gather import Bounds
from ups_cli.history.spool import Spool
from ups_cli.history.walk import OnProgress, walk
from ups_cli.moments import Zone, said, span
from ups_cli.output import AsJson, note, say, say_json, say_table
from ups_cli.settings import kafka_target
from ups_cli.simulation import OtherPolicy, Simulated, run
from ups_runtime.settings import KafkaSettings
from ups_schemas.device import Policy
from ups_schemas.envelope import format_timestamp
from ups_schemas.telling import event_name
from ups_schemas.wording import duration

_SHOWN = 50


def simulate(
    device: DeviceId,
    limit: Annotated[int | None, typer.Option(min=1, max=60, help="Notifications within the window.")] = None,
    window: Annotated[str | None, typer.Option(help="For example 30m.", show_default=False)] = None,
    period: Annotated[
        str | None, typer.Option(help="How long notifications are disabled, for example 7d.", show_default=False)
    ] = None,
    zone: Zone = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what another policy would have mailed over the retained events, beside what was mailed. Writes nothing."""
    policy = OtherPolicy(limit, None if window is None else span(window), None if period is None else span(period))
    if policy == OtherPolicy():
        raise typer.BadParameter("what is to be other? give --limit, --window or --period")
    _bounded(policy)
    simulated = _simulated(kafka_target(), device, policy)
    if as_json:
        say_json(
            {
                "device_id": device,
                "begins_blank": simulated.begins_blank,
                "was": simulated.was.as_json(),
                "told_again": simulated.told_again.as_json(),
                "would_be": simulated.would_be.as_json(),
                "differing": [
                    {
                        "event_id": one.event.event_id,
                        "received_at": format_timestamp(one.event.received_at),
                        "was": one.was,
                        "told_again": one.told_again,
                        "would_be": one.would_be,
                    }
                    for one in simulated.differing()
                ],
            }
        )
    else:
        _say_simulated(simulated, zone)


def _bounded(policy: OtherPolicy) -> None:
    try:
        policy.instead_of(Policy())
    except ValueError:
        raise typer.BadParameter("a window has at most 24h, a period at most 30d") from None


def _simulated(settings: KafkaSettings, device_id: str, policy: OtherPolicy) -> Simulated:
    found: list[Simulated] = []

    def each(_: Bounds, spool: Spool, on_progress: OnProgress) -> None:
        for key, records in spool.devices():
            history = read_device(key, records)
            if history.decisions:
                told = run(history, policy, datetime.now(UTC), lambda done: on_progress("steps simulated", done))
                found.append(told)

    walk(settings, each, device_id=device_id)
    if not found:
        raise CliError(
            ExitCode.NO,
            f"No decisions are kept of a device {device_id}.",
            {"what to do": "ups device list shows the ids"},
        )
    return found[0]


def _say_simulated(simulated: Simulated, zone: Zone) -> None:
    tally_by_column = {"as it was": simulated.was}
    if not simulated.is_as_it_was:
        tally_by_column["as it was, told again"] = simulated.told_again
    tally_by_column["as it would have been"] = simulated.would_be
    tallies = tally_by_column.values()
    rows: dict[str, list[object]] = {
        "notifications": [tally.notifications for tally in tallies],
        "mails, alerts and summaries included": [tally.mails for tally in tallies],
        "not mailed while disabled": [tally.suppressed for tally in tallies],
        "times disabled": [len(tally.periods) for tally in tallies],
        "disabled for": [duration(tally.disabled_for) for tally in tallies],
    }
    say_table(("", *tally_by_column), ([name, *values] for name, values in rows.items()))
    _say_differing(simulated, zone)
    if simulated.begins_blank:
        note("What came before the first retained decision is not known: the simulation begins with nothing open.")
    if not simulated.is_as_it_was:
        note(
            "Told again by the policy that was in force it is not as it was either, mostly because not all that it was "
            "decided by is kept, or a timer is due that has not fired yet: only what differs between the last two "
            "columns is the other policy's doing."
        )


def _say_differing(simulated: Simulated, zone: Zone) -> None:
    differing = simulated.differing()
    told_again = [] if simulated.is_as_it_was else ["told again"]
    if differing:
        say("")
        say_table(
            ("received", "event", "was", *told_again, "would have been"),
            (
                (
                    said(one.event.received_at, zone),
                    event_name(one.event),
                    *((one.was, one.told_again) if told_again else (one.was,)),
                    one.would_be,
                )
                for one in differing[:_SHOWN]
            ),
        )
    if len(differing) > _SHOWN:
        note(f"{len(differing) - _SHOWN} more events differ; --json has all")

"""`ups check`: the history of an installation against the rules."""

from typing import Annotated

import typer

from ups_cli.checking.checker import check_partition
from ups_cli.checking.faults import Findings, Left
from ups_cli.errors import CliError, ExitCode
from ups_cli.history.gather import Bounds
from ups_cli.history.spool import Spool
from ups_cli.history.walk import OnProgress, walk
from ups_cli.moments import Since
from ups_cli.output import AsJson, note, say, say_json, say_table
from ups_cli.settings import kafka_target

_SHOWN = 50

_LEFT = {
    Left.BEGINS_EARLIER: "begin before what is kept or was asked for",
    Left.SNAPSHOT_GONE: "were judged by a version of the device that is no longer kept",
    Left.TOO_LONG: "have more decisions than --longest",
    Left.FAULTY: "break simpler rules already",
}


def check(
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
    since: Since = None,
    longest: Annotated[
        int, typer.Option(min=0, help="Tell only devices again that have at most so many decisions.")
    ] = 2000,
    *,
    as_json: AsJson = False,
) -> None:
    """Verify all that was decided; exit 1 when something is wrong. Reads the topics, writes nothing.

    One decision for each accepted event and none without; numbers without a gap; disabled and enabled in turn; limits
    kept; suppressions as copies; state as the decisions say; and where a device's whole history is kept, each decision
    as the rules give it, told again by code of its own.
    """
    findings = Findings()

    def each(bounds: Bounds, spool: Spool, on_progress: OnProgress) -> None:
        check_partition(bounds, spool, findings, on_progress, longest=longest)

    walk(kafka_target(), each, device_id=device, since=since)
    if device is not None and not findings.devices:
        raise CliError(
            ExitCode.NO, f"Nothing is kept of a device {device}.", {"what to do": "ups device list shows the ids"}
        )
    if as_json:
        say_json(findings.as_json())
    else:
        _say(findings)
    if findings.faults_by_rule:
        raise typer.Exit(ExitCode.NO)


def _say(findings: Findings) -> None:
    if findings.faults:
        say_table(
            ("rule", "device", "seq", "what is wrong"),
            ((one.rule, one.device_id, one.device_seq, one.detail) for one in findings.faults[:_SHOWN]),
        )
    total = findings.faults_by_rule.total()
    if total > _SHOWN:
        note(f"{total - _SHOWN} more; --json has up to 1000")
    say(f"{findings.events} events and {findings.decisions} decisions of {findings.devices} devices.")
    for reason, count in findings.without_decision.items():
        say(f"{count} events need no decision: {reason}.")
    if findings.pending:
        say(f"{findings.pending} events at the end are still to be decided.")
    if findings.before_retention:
        say(f"{findings.before_retention} at the beginning have lost their other half to retention.")
    say(f"{findings.told_again} devices told again from their first event.")
    in_full = findings.states - findings.states_in_part
    say(f"{in_full} states compared in full, {findings.states_in_part} in part.")
    for left, count in findings.left_out.items():
        say(f"{count} devices not told again: they {_LEFT[left]}.")
    say(f"{total} faults." if total else "No faults.")

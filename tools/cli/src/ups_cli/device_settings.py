"""`ups device settings`: what an owner set about a device's notifications."""

from typing import Annotated

import typer

from ups_cli import words
from ups_cli.answers import NotificationSettings
from ups_cli.api import device_service, segment
from ups_cli.device import DeviceId
from ups_cli.moments import span
from ups_cli.output import AsJson, Json, say_fields, say_json

_DEFAULT = "default"


def settings(
    device: DeviceId,
    limit: Annotated[
        str | None, typer.Option(help="Notifications within the window, or `default`.", show_default=False)
    ] = None,
    window: Annotated[str | None, typer.Option(help="For example 30m, or `default`.", show_default=False)] = None,
    period: Annotated[
        str | None, typer.Option(help="How long they are disabled, 7d or `default`.", show_default=False)
    ] = None,
    severity: Annotated[
        list[str] | None, typer.Option(help="COMM_LOST=info, or COMM_LOST=default; repeat.", show_default=False)
    ] = None,
    passing: Annotated[
        list[str] | None,
        typer.Option(
            "--pass", help="Mailed once a day although notifications are disabled; repeat.", show_default=False
        ),
    ] = None,
    not_passing: Annotated[
        list[str] | None, typer.Option("--no-pass", help="No longer so; repeat.", show_default=False)
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show the notification settings of the device, or change those that are given."""
    given = (("limit", limit, _number), ("window_s", window, _seconds), ("period_s", period, _seconds))
    policy = {name: None if text == _DEFAULT else read(text) for name, text, read in given if text is not None}
    severities = dict(_severity(each) for each in severity or [])
    path = f"/v1/operator/devices/{segment(device)}/notification-settings"
    with device_service() as api:
        found = api.get(path)
        if policy or severities or passing or not_passing:
            seen = NotificationSettings.read(found)
            merged = seen.severity_overrides | severities
            body: Json = {
                "version": seen.version,
                "policy": seen.policy.model_dump() | policy,
                "severity_overrides": {code: each for code, each in merged.items() if each != _DEFAULT},
                "pass_while_disabled": sorted({*seen.pass_while_disabled, *(passing or [])} - {*(not_passing or [])}),
            }
            found = api.put(path, body)
    if as_json:
        say_json(found)
        return
    now = NotificationSettings.read(found)
    own = {name: value for name, value in now.policy.model_dump().items() if value is not None}
    say_fields(
        {
            "policy in force": words.policy(now.in_force),
            "set by the owner": ", ".join(f"{name} {value}" for name, value in own.items()) or "nothing",
            "may be set": "yes" if now.may_override else now.why_not,
            "passes while disabled": ", ".join(now.pass_while_disabled) or "nothing",
            **{f"severity of {code}": each for code, each in now.severity_overrides.items()},
        }
    )


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no number, and not `default`") from None


def _seconds(text: str) -> int:
    return round(span(text).total_seconds())


def _severity(text: str) -> tuple[str, str]:
    code, _, severity = text.partition("=")
    if not code or not severity:
        raise typer.BadParameter(f"{text!r} is no severity of a code; give one like COMM_LOST=info")
    return code, severity

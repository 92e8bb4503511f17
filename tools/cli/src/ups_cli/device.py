"""`ups device`: devices, their keys, their Event Log and their Event Notifications."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from ups_cli import words
from ups_cli.answers import Device, Devices, Issued, Log, Notifications, Said
from ups_cli.api import device_service, segment
from ups_cli.output import AsJson, Json, note, say, say_fields, say_json, say_table
from ups_cli.paging import Cursor, Limit, note_more
from ups_schemas.catalogue import Severity

app = typer.Typer(help="Devices, their Event Log and their Event Notifications.", no_args_is_help=True)

DeviceId = Annotated[str, typer.Argument(metavar="DEVICE", help="The device's id.", show_default=False)]


@app.command("list")
def list_devices(
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List devices, oldest first."""
    with device_service() as api:
        query = {"company_id": company, "cursor": cursor}
        found = api.pages("/v1/operator/devices", "devices", limit, query)
    if as_json:
        say_json(found)
        return
    page = Devices.read(found)
    say_table(
        ("device", "name", "company", "owner", "plan", "until", "subscribed"),
        (
            (
                device.device_id,
                device.name,
                device.company_id,
                device.owner,
                device.plan.name,
                device.plan.until,
                sum(subscription.on for subscription in device.subscriptions),
            )
            for device in page.devices
        ),
    )
    note_more(page.cursor)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What people call it.", show_default=False)],
    company: Annotated[str, typer.Option(help="Id of the company that it belongs to.", show_default=False)],
    owner: Annotated[
        str | None, typer.Option(help="Id of the user who owns it; else it is for a member to claim.")
    ] = None,
    model: Annotated[str | None, typer.Option()] = None,
    serial: Annotated[str | None, typer.Option()] = None,
    site: Annotated[str | None, typer.Option()] = None,
    subscriber: Annotated[list[str] | None, typer.Option(help="Id of a co-worker who gets its mails; repeat.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key with the same device registers it once.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Register a device and print its key, which is shown this once."""
    body: Json = {"name": name, "company_id": company, "owner": owner, "model": model, "serial": serial, "site": site}
    if subscriber:
        body["subscribers"] = [{"user_id": user} for user in subscriber]
    with device_service() as api:
        issued = api.post("/v1/operator/devices", body, idempotency_key=idempotency_key)
    _say_issued(issued, as_json=as_json)


@app.command()
def show(device: DeviceId, *, as_json: AsJson = False) -> None:
    """Show one device: plan, policy, subscriptions, keys, last readings."""
    with device_service() as api:
        found = api.get(f"/v1/operator/devices/{segment(device)}")
    if as_json:
        say_json(found)
        return
    shown = Device.read(found)
    readings = shown.last_readings or {}
    say_fields(
        {
            "device": shown.device_id,
            "name": shown.name,
            "model": shown.model,
            "serial": shown.serial,
            "site": shown.site,
            "company": shown.company_id,
            "owner": shown.owner,
            "ownership": shown.ownership,
            "version": shown.version,
            "plan": words.plan(shown.plan),
            "policy": words.policy(shown.policy),
            "last seen": shown.last_seen,
            "readings": ", ".join(f"{name} {value}" for name, value in readings.items() if value is not None),
            **{f"mails {one.user_id}": words.subscription(one) for one in shown.subscriptions},
            **{f"key {one.key_id}": words.key(one) for one in shown.keys},
        }
    )


@app.command()
def events(
    device: DeviceId,
    code: Annotated[str | None, typer.Option(help="Only this code, for example ON_BATTERY.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Only this outcome, for example notify.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Received at or after, RFC 3339; UTC unless it says otherwise.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Received before, RFC 3339; UTC unless it says otherwise.")
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Read the device's Event Log, newest first: what happened, and who was mailed or why nobody was."""
    query = {"code": code, "outcome": outcome, "from": _moment(start), "to": _moment(end), "cursor": cursor}
    with device_service() as api:
        found = api.pages(f"/v1/devices/{segment(device)}/events", "events", limit, query)
    if as_json:
        say_json(found)
        return
    log = Log.read(found)
    say_table(
        ("received", "event", "phase", "severity", "decision"),
        (
            (
                row.event.received_at,
                words.event(row.event),
                row.event.phase,
                (row.decision or row.event).severity,
                row.text,
            )
            for row in log.events
        ),
    )
    note_more(log.cursor)


@app.command()
def notifications(device: DeviceId, *, as_json: AsJson = False) -> None:
    """Say whether Event Notifications are enabled, and if not, since when, until when and why."""
    with device_service() as api:
        found = api.get(f"/v1/devices/{segment(device)}/notifications")
    if as_json:
        say_json(found)
        return
    state = Notifications.read(found)
    tripped_by = state.why.tripped_by if state.why else []
    say_fields(
        {
            "Event Notifications": state.state,
            "since": state.since,
            "until": state.until,
            "requested": state.requested_at,
            "period": state.period_id,
            **{f"tripped by {number}": f"{one.at} {one.code} {one.phase}" for number, one in enumerate(tripped_by, 1)},
        }
    )


@app.command()
def enable(
    device: DeviceId,
    reason: Annotated[str, typer.Option(help="Why, for the log.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Enable Notifications again before the disabled period is over."""
    with device_service() as api:
        answer = api.post(f"/v1/devices/{segment(device)}/notifications/enable", {"reason": reason})
    if as_json:
        say_json(answer)
    else:
        say(Said.read(answer).text)


@app.command()
def key(
    device: DeviceId,
    grace_s: Annotated[
        int | None, typer.Option(min=0, help="Seconds that the older keys go on; a day unless said otherwise.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Make a new key for the device and print it, which is shown this once."""
    with device_service() as api:
        issued = api.post(f"/v1/operator/devices/{segment(device)}/keys", {"grace_s": grace_s})
    _say_issued(issued, as_json=as_json)


@app.command()
def subscribe(
    device: DeviceId,
    user: Annotated[str, typer.Argument(help="The user's id.", show_default=False)],
    severity: Annotated[Severity, typer.Option(help="From this severity up.")] = Severity.WARNING,
    code: Annotated[list[str] | None, typer.Option(help="Only this code; repeat.")] = None,
    *,
    off: Annotated[bool, typer.Option("--off", help="No mails of this device.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set what one person gets from the device."""
    choice: Json = {"on": not off, "min_severity": severity, "codes": code or None}
    with device_service() as api:
        found = api.put(f"/v1/operator/devices/{segment(device)}/subscriptions/{segment(user)}", choice)
    if as_json:
        say_json(found)
        return
    for subscription in Device.read(found).subscriptions:
        if subscription.user_id == user:
            say(f"{user}: {words.subscription(subscription)}")


def _say_issued(issued: Json, *, as_json: bool) -> None:
    if as_json:
        say_json(issued)
        return
    made = Issued.read(issued)
    say_fields({"device": made.device_id, "key id": made.key_id, "key": made.key})
    if made.key:
        note("Keep the key now: nobody can show it again.")
    else:
        note("It was registered before, and its key shown then. `ups device key` makes a new one.")


def _moment(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment; give one like 2026-11-22T10:15:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()

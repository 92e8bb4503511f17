"""`ups deliveries`: what became of each mail."""

from typing import Annotated

import typer

from ups_cli import words
from ups_cli.answers import Deliveries, Delivery, Retried
from ups_cli.api import notifier_service, segment
from ups_cli.output import AsJson, say, say_fields, say_json, say_table
from ups_cli.paging import Cursor, Limit, note_more
from ups_notifier.domain.delivery import State

app = typer.Typer(help="Mails, and what became of each: the notifier's ledger.", no_args_is_help=True)

DeliveryId = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="As `ups deliveries list` names it.", show_default=False)
]


@app.command("list")
def list_deliveries(
    state: Annotated[State | None, typer.Option(help="Only those that stand there.")] = None,
    device: Annotated[str | None, typer.Option(help="Only this device's.")] = None,
    user: Annotated[str | None, typer.Option(help="Only this user's.")] = None,
    notification: Annotated[str | None, typer.Option(help="Only the copies of this notification.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first: which mail to whom, and what has become of it."""
    query = {"state": state, "device_id": device, "user_id": user, "notification_id": notification, "cursor": cursor}
    with notifier_service() as api:
        found = api.pages("/v1/operator/deliveries", "deliveries", limit, query)
    if as_json:
        say_json(found)
        return
    page = Deliveries.read(found)
    say_table(
        ("created", "delivery", "kind", "user", "device", "tries", "what became of it"),
        (
            (
                one.created_at,
                one.delivery_id,
                one.kind,
                one.user_id,
                one.device_id,
                one.attempt,
                words.delivery(one),
            )
            for one in page.deliveries
        ),
    )
    note_more(page.cursor)


@app.command()
def show(delivery: DeliveryId, *, as_json: AsJson = False) -> None:
    """Show one delivery: when it was decided, written down, begun and ended, and how."""
    with notifier_service() as api:
        found = api.get(f"/v1/operator/deliveries/{segment(delivery)}")
    if as_json:
        say_json(found)
        return
    one = Delivery.read(found)
    say_fields(
        {
            "delivery": one.delivery_id,
            "notification": one.notification_id,
            "kind": one.kind,
            "user": one.user_id,
            "device": one.device_id,
            "event": one.event_id,
            "state": one.state,
            "what became of it": words.delivery(one),
            "tries": one.attempt,
            "may arrive twice": "yes" if one.doubtful else None,
            "decided": one.decided_at,
            "in the ledger": one.created_at,
            "DATA begun": one.last_data_at,
            "last changed": one.changed_at,
            "next try": one.due_at if one.open else None,
        }
    )


@app.command()
def retry(
    delivery: DeliveryId,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key reopens the delivery once.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Try a mail again that failed, was dropped, or may not have arrived."""
    with notifier_service() as api:
        path = f"/v1/operator/deliveries/{segment(delivery)}/retry"
        answer = api.post(path, {}, idempotency_key=idempotency_key)
    if as_json:
        say_json(answer)
        return
    retried = Retried.read(answer)
    reopened = retried.result == "reopened"
    say(f"{'It is tried again' if reopened else 'It was open already'}: {words.delivery(retried.delivery)}.")

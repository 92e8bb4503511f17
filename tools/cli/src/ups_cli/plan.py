"""`ups plan`: what plan a device is on, and what was bought."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import uuid4

import typer

from ups_cli import words
from ups_cli.answers import Device, PlanOfDevice, Purchase
from ups_cli.api import device_service, segment
from ups_cli.moments import moment
from ups_cli.output import AsJson, Json, note, say, say_fields, say_json


class PlanName(StrEnum):
    """The plans."""

    ADVANCED = "advanced"
    STANDARD = "standard"
    BASIC = "basic"


class PaidPlanName(StrEnum):
    """Those that can be bought."""

    ADVANCED = "advanced"
    STANDARD = "standard"


app = typer.Typer(help="Plans of devices, and purchases.", no_args_is_help=True)

DeviceId = Annotated[str, typer.Argument(metavar="DEVICE", help="The device's id.", show_default=False)]
Until = Annotated[
    datetime | None,
    typer.Option(parser=moment, metavar="MOMENT", help="When it ends, RFC 3339; UTC unless it says otherwise."),
]


@app.command()
def show(device: DeviceId, *, as_json: AsJson = False) -> None:
    """Say what plan the device is on, what holds now, and what was bought."""
    with device_service() as api:
        found = api.get(f"/v1/operator/devices/{segment(device)}/plan")
    if as_json:
        say_json(found)
        return
    plan = PlanOfDevice.read(found)
    say_fields(
        {
            "plan": words.plan(plan),
            "since": plan.since,
            "in force": plan.in_force,
            **{f"purchase {each.purchase_id}": f"{each.bought_at}: {words.plan(each.plan)}" for each in plan.purchases},
        }
    )


@app.command("set")
def set_plan(
    device: DeviceId,
    name: Annotated[PlanName, typer.Argument(help="The plan.", show_default=False)],
    until: Until = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Put the device on a plan; without --until a paid one does not end. Again, it changes nothing."""
    with device_service() as api:
        body: Json = {"name": name, "until": until and until.isoformat()}
        found = api.put(f"/v1/operator/devices/{segment(device)}/plan", body)
    if as_json:
        say_json(found)
    else:
        say(words.plan(Device.read(found).plan))


@app.command()
def buy(
    device: DeviceId,
    name: Annotated[PaidPlanName, typer.Argument(help="The plan.", show_default=False)],
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="For so many days, from the present end if that is to come.")
    ] = None,
    until: Until = None,
    purchase_id: Annotated[
        str | None, typer.Option("--id", help="The invoice's, or the like: the same id is carried out once.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Buy a plan for the device, or renew it: give --days or --until."""
    if (days is None) == (until is None):
        raise typer.BadParameter("give either --days or --until")
    body: Json = {
        "purchase_id": purchase_id or str(uuid4()),
        "device_id": device,
        "plan": name,
        "days": days,
        "until": until and until.isoformat(),
    }
    with device_service() as api:
        made = api.post("/v1/operator/purchases", body)
    if as_json:
        say_json(made)
        return
    purchase = Purchase.read(made)
    say(words.plan(purchase.plan))
    note(f"purchase {purchase.purchase_id}")

"""`ups user`: the people of the installation."""

from typing import Annotated

import typer

from ups_cli.answers import User, Users
from ups_cli.api import invite_service
from ups_cli.output import AsJson, Json, say_fields, say_json, say_table
from ups_cli.paging import Cursor, Limit, note_more
from ups_schemas.account import Role

app = typer.Typer(help="The people of the installation.", no_args_is_help=True)


@app.command()
def add(
    address: Annotated[str, typer.Argument(help="E-mail address.", show_default=False)],
    company: Annotated[str | None, typer.Option(help="Id of the company.")] = None,
    company_name: Annotated[str | None, typer.Option(help="Name of the company, if it is to be founded.")] = None,
    name: Annotated[str | None, typer.Option()] = None,
    zone: Annotated[str | None, typer.Option(help="IANA time zone, for example Europe/Berlin.")] = None,
    language: Annotated[str | None, typer.Option(help="BCP 47, for example en.")] = None,
    role: Annotated[Role | None, typer.Option()] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key with the same user adds once.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Let a person in, whose address you vouch for."""
    body: Json = {
        "address": address,
        "company_id": company,
        "company_name": company_name,
        "name": name,
        "zone": zone,
        "language": language,
        "role": role,
    }
    with invite_service() as api:
        added = api.post("/v1/operator/users", body, idempotency_key=idempotency_key)
    if as_json:
        say_json(added)
    else:
        user = User.read(added)
        say_fields(
            {
                "user": user.user_id,
                "address": user.address,
                "name": user.name,
                "company": user.company_id,
                "role": user.role,
            }
        )


@app.command("list")
def list_users(
    company: Annotated[str | None, typer.Option(help="Only this company's.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List people, in the order in which they came."""
    with invite_service() as api:
        found = api.pages("/v1/operator/users", "users", limit, {"company_id": company, "cursor": cursor})
    if as_json:
        say_json(found)
        return
    page = Users.read(found)
    say_table(
        ("user", "address", "name", "company", "role", "zone", "language"),
        (
            (user.user_id, user.address, user.name, user.company_id, user.role, user.zone, user.language)
            for user in page.users
        ),
    )
    note_more(page.cursor)

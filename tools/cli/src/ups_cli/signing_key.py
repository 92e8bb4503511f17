"""`ups signing-key`: what access tokens are signed with."""

from typing import Annotated

import typer

from ups_cli.answers import SigningKeys
from ups_cli.api import invite_service, segment
from ups_cli.output import AsJson, note, say_json, say_table

app = typer.Typer(help="The keys that access tokens are signed with.", no_args_is_help=True)


@app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """List them, oldest first: the first that is published and not revoked signs."""
    with invite_service() as api:
        found = api.get("/v1/operator/signing-keys")
    if as_json:
        say_json(found)
        return
    say_table(
        ("key", "made", "good until", "revoked", "published"),
        (
            (key.key_id, key.made_at, key.not_after, key.revoked_at or "-", "yes" if key.published else "not yet")
            for key in SigningKeys.read(found).signing_keys
        ),
    )


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="Id of the key.", show_default=False)]) -> None:
    """End a key at once, and every token that it signed. The next one signs."""
    with invite_service() as api:
        api.delete(f"/v1/operator/signing-keys/{segment(key_id)}")
    note("Revoked. Who is signed in gets new tokens by themselves.")

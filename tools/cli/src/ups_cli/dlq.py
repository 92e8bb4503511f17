"""`ups dlq`: what the services could not take."""

import asyncio
from typing import Annotated

import typer

from ups_cli.dead_letters import DeadLetter, find, latest
from ups_cli.errors import CliError, ExitCode
from ups_cli.output import AsJson, say_fields, say_json, say_table
from ups_cli.settings import kafka_target
from ups_schemas.envelope import DeadLetterHeader
from ups_schemas.topics import DEAD_LETTERS, Service

app = typer.Typer(help="Records that a service could not take.", no_args_is_help=True)


def _service(text: str) -> Service:
    known = [str(service) for service in DEAD_LETTERS]
    if text not in known:
        raise typer.BadParameter(f"{text!r} has no dead letters; these have: {', '.join(known)}")
    return Service(text)


@app.command("list")
def list_letters(
    service: Annotated[str | None, typer.Argument(help="Only this service's.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most of each service.")] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """List the latest dead letters, oldest first."""
    services = [_service(service)] if service else list(DEAD_LETTERS)
    letters = asyncio.run(latest(kafka_target(), services, limit))
    if as_json:
        say_json({"dead_letters": [letter.summary() for letter in letters]})
        return
    say_table(
        ("id", "dead at", "reason", "from", "error"),
        (
            (
                letter.id,
                letter.header(DeadLetterHeader.DEAD_AT),
                letter.header(DeadLetterHeader.REASON),
                letter.origin(),
                letter.header(DeadLetterHeader.ERROR),
            )
            for letter in letters
        ),
    )


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="As `ups dlq list` names it.", show_default=False)],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter as it came: key, value and headers. May hold personal data."""
    letter = asyncio.run(_find(letter_id))
    if letter is None:
        raise CliError(ExitCode.NO, f"There is no dead letter {letter_id} (any more).")
    if as_json:
        say_json(letter.whole())
        return
    say_fields(
        {
            "id": letter.id,
            "from": letter.origin(),
            "key": letter.key_text,
            **dict(letter.headers),
            "value": letter.value_text,
        }
    )


async def _find(letter_id: str) -> DeadLetter | None:
    service, _, place = letter_id.partition(":")
    partition, _, offset = place.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise typer.BadParameter(f"{letter_id!r} is no id; one looks like event-ingest:0:17")
    return await find(kafka_target(), _service(service), int(partition), int(offset))

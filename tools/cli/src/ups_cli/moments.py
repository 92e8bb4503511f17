"""Moments and spans as people give and read them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

_SPAN = re.compile(r"(\d+)\s*(s|m|h|d)")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def moment(text: str) -> datetime:
    """`2026-11-22T10:15:00Z`; UTC unless it says otherwise."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no moment; give one like 2026-11-22T10:15:00Z") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def span(text: str) -> timedelta:
    """`90s`, `30m`, `24h` or `7d`."""
    found = _SPAN.fullmatch(text.strip())
    if found is None or not int(found[1]):
        raise typer.BadParameter(f"{text!r} is no length of time; give one like 90s, 30m, 24h or 7d")
    try:
        return int(found[1]) * _UNITS[found[2]]
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is too long") from None


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (LookupError, ValueError, OSError):
        raise typer.BadParameter(f"{text!r} is no time zone; give one like Europe/Berlin") from None


Since = Annotated[
    datetime | None,
    typer.Option(
        parser=moment, metavar="MOMENT", help="Only what was written since, RFC 3339; UTC unless it says otherwise."
    ),
]
Zone = Annotated[
    ZoneInfo | None,
    typer.Option(
        parser=_zone, metavar="ZONE", help="Times in this zone, for example Europe/Berlin; this machine's unless given."
    ),
]


def local(at: datetime, zone: ZoneInfo | None) -> datetime:
    """The moment in the zone, or in this machine's."""
    return at.astimezone(zone)


def said(at: datetime, zone: ZoneInfo | None) -> str:
    """`2026-11-22 18:33:05+01:00`."""
    return local(at, zone).isoformat(sep=" ", timespec="seconds")

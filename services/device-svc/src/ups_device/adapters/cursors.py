"""Cursors: places in lists, as callers carry them from page to page."""

from datetime import datetime

from ups_device.domain.event_log import Position
from ups_device.handlers.devices import Place
from ups_runtime.http import ProblemError, decode_cursor, encode_cursor
from ups_schemas.envelope import from_milliseconds, milliseconds

# Milliseconds; from here on a moment is no longer a datetime.
_END_MS = 2**47


def log_cursor(position: Position) -> str:
    """The cursor of a place in the log."""
    return encode_cursor(milliseconds(position.received_at), position.row_id)


def log_position(cursor: str) -> Position:
    """The place in the log that the cursor stands for."""
    return Position(*_decode(cursor))


def device_cursor(place: Place) -> str:
    """The cursor of a place in the list of devices."""
    return encode_cursor(milliseconds(place.created_at), place.device_id)


def device_place(cursor: str) -> Place:
    """The place in the list of devices that the cursor stands for."""
    return Place(*_decode(cursor))


def _decode(cursor: str) -> tuple[datetime, str]:
    at_ms, rest = decode_cursor(cursor, int, str)
    if not 0 <= at_ms < _END_MS:
        raise ProblemError(422, "invalid-cursor", "This cursor is not one of ours. Start without one.", field="cursor")
    return from_milliseconds(at_ms), rest

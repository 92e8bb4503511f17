"""How a device's state stands in the changelog: framed with the offsets of the transaction that wrote it."""

import struct

from ups_throttle.records import Offsets

_FRAME = struct.Struct(">Bqq")
_VERSION = 1


def frame(packed: bytes, offsets: Offsets) -> bytes:
    """Give the record's value."""
    return _FRAME.pack(_VERSION, *offsets) + packed


def unframe(value: bytes) -> tuple[Offsets, bytes]:
    """Give the offsets, and the packed state.

    Raises:
        ValueError: another version wrote it.
        struct.error: it is too short.
    """
    version, events, commands = _FRAME.unpack_from(value)
    if version != _VERSION:
        raise ValueError(f"state of version {version}, this release reads {_VERSION}")
    return Offsets(events, commands), value[_FRAME.size :]

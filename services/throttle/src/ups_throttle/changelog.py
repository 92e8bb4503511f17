"""How a device's state stands in the changelog: framed with the offsets of the transaction that wrote it."""

import struct
from typing import NamedTuple

from ups_throttle.records import Offsets

# What the group had committed before is in it since version 2.
_FRAME_1, _FRAME = struct.Struct(">Bqq"), struct.Struct(">Bqqqq")
_VERSION = 2


class Framed(NamedTuple):
    """A state as it was written: by a transaction that took the group from `before` to `offsets`."""

    offsets: Offsets
    before: Offsets
    packed: bytes


def frame(framed: Framed) -> bytes:
    """Give the record's value."""
    return _FRAME.pack(_VERSION, *framed.offsets, *framed.before) + framed.packed


def unframe(value: bytes) -> Framed:
    """Take the record's value apart.

    Raises:
        ValueError: another version wrote it.
        struct.error: it is too short.
    """
    if value[:1] == b"\x01":
        _, events, commands = _FRAME_1.unpack_from(value)
        return Framed(Offsets(events, commands), Offsets(events, commands), value[_FRAME_1.size :])
    version, events, commands, *before = _FRAME.unpack_from(value)
    if version != _VERSION:
        raise ValueError(f"state of version {version}, this release reads up to {_VERSION}")
    return Framed(Offsets(events, commands), Offsets(*before), value[_FRAME.size :])

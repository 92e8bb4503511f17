"""State as bytes, with a version in front."""

import msgspec

from ups_throttle.domain.state import State

VERSION = 1

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(State)
_PREFIX = bytes((VERSION,))


def pack(state: State) -> bytes:
    """One byte of version, then msgpack; always below 64 kB."""
    return _PREFIX + _ENCODER.encode(state)


def unpack(data: bytes) -> State:
    """The state that was packed.

    Raises:
        ValueError: another version wrote it, or it is no state.
    """
    if data[:1] != _PREFIX:
        raise ValueError(f"state of version {data[:1].hex() or 'none'}, this release reads {VERSION}")
    try:
        return _DECODER.decode(memoryview(data)[1:])
    except msgspec.DecodeError as error:
        raise ValueError(f"{len(data)} bytes that are no state") from error

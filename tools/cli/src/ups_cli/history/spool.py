"""Raw records sorted by device, on disk where there are many: memory holds one bucket of devices at a time."""

import struct
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from enum import IntEnum
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, NamedTuple, Self
from zlib import crc32

# What one bucket may hold. Halved: more files; doubled: more memory, about 1 KiB a record.
RECORDS_PER_BUCKET = 20_000
_MOST_BUCKETS = 500
_BYTES_IN_MEMORY = 256 * 1024

_FRAME = struct.Struct(">BqqHi")
_NO_VALUE = -1


class Kind(IntEnum):
    """Which topic a record is from; of the changelog, whether it was read before the decisions or after."""

    STATE = 0
    DECISION = 1
    STATE_AFTER = 2
    SUPPRESSION = 3
    COMMAND = 4
    DEVICE = 5
    EVENT = 6


class Kept(NamedTuple):
    """A record without what nobody asks for."""

    offset: int
    timestamp_ms: int
    value: bytes | None


Records = dict[Kind, list[Kept]]


class Spool:
    """Put everything in, then take it out by device. Use as a context manager: what is on disk goes at the end."""

    def __init__(self, records: int) -> None:
        self._files = ExitStack()
        self._buckets = [self._bucket() for _ in range(min(_MOST_BUCKETS, records // RECORDS_PER_BUCKET + 1))]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def put(self, kind: Kind, key: bytes, kept: Kept) -> None:
        """Add a record."""
        size = _NO_VALUE if kept.value is None else len(kept.value)
        bucket = self._buckets[crc32(key) % len(self._buckets)]
        bucket.write(_FRAME.pack(kind, kept.offset, kept.timestamp_ms, len(key), size))
        bucket.write(key)
        bucket.write(kept.value or b"")

    def _bucket(self) -> IO[bytes]:
        return self._files.enter_context(SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY))

    def devices(self) -> Iterator[tuple[bytes, Records]]:
        """All records of one key after the other's, each kind in the order in which it was put in."""
        for bucket in self._buckets:
            found: dict[bytes, Records] = defaultdict(lambda: {kind: [] for kind in Kind})
            bucket.seek(0)
            while frame := bucket.read(_FRAME.size):
                kind, offset, timestamp_ms, key_bytes, size = _FRAME.unpack(frame)
                key = bucket.read(key_bytes)
                value = None if size == _NO_VALUE else bucket.read(size)
                found[key][Kind(kind)].append(Kept(offset, timestamp_ms, value))
            while found:
                yield found.popitem()

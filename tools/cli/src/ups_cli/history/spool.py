"""Raw records sorted by device, on disk where there are many: memory holds one bucket of devices at a time."""

import struct
from array import array
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from enum import IntEnum
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, NamedTuple, Self
from zlib import crc32

# What one bucket holds. Halved: more and smaller pieces on disk; doubled: more memory, about 1 KiB a record.
RECORDS_PER_BUCKET = 20_000
# What waits to be written, of all buckets. Halved: smaller pieces; doubled: as much more memory.
_BYTES_IN_MEMORY = 32 * 1024 * 1024
# From 2,000 buckets on: halved, the list of the pieces would take more memory than what waits.
_LEAST_CHUNK_BYTES = 16 * 1024

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


class _Bucket(NamedTuple):
    """The records of some devices: those not yet on disk, and where the others are, as places and sizes in turn."""

    waiting: bytearray
    written: "array[int]"


class Spool:
    """Put everything in, then take it out by device. Use as a context manager: what is on disk goes at the end.

    One file at the most, which has no name: nothing is left behind by who is killed.
    """

    def __init__(self, records: int) -> None:
        self._closing = ExitStack()
        self._buckets = [_Bucket(bytearray(), array("Q")) for _ in range(records // RECORDS_PER_BUCKET + 1)]
        self._chunk_bytes = max(_LEAST_CHUNK_BYTES, _BYTES_IN_MEMORY // len(self._buckets))
        self._file: IO[bytes] | None = None
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def put(self, kind: Kind, key: bytes, kept: Kept) -> None:
        """Add a record.

        Raises:
            OSError: there is no room for temporary files.
        """
        size = _NO_VALUE if kept.value is None else len(kept.value)
        bucket = self._buckets[crc32(key) % len(self._buckets)]
        bucket.waiting.extend(_FRAME.pack(kind, kept.offset, kept.timestamp_ms, len(key), size))
        bucket.waiting.extend(key)
        bucket.waiting.extend(kept.value or b"")
        if len(bucket.waiting) >= self._chunk_bytes:
            self._write(bucket)

    def devices(self) -> Iterator[tuple[bytes, Records]]:
        """All records of one key after the other's, each kind in the order in which it was put in."""
        for bucket in self._buckets:
            found: dict[bytes, Records] = defaultdict(lambda: {kind: [] for kind in Kind})
            for chunk in self._chunks(bucket):
                place = 0
                while place < len(chunk):
                    kind, offset, timestamp_ms, key_bytes, size = _FRAME.unpack_from(chunk, place)
                    key_at = place + _FRAME.size
                    value_at = key_at + key_bytes
                    place = value_at + max(size, 0)
                    value = None if size == _NO_VALUE else bytes(chunk[value_at:place])
                    found[bytes(chunk[key_at:value_at])][Kind(kind)].append(Kept(offset, timestamp_ms, value))
            while found:
                yield found.popitem()

    def _write(self, bucket: _Bucket) -> None:
        if self._file is None:
            self._file = self._closing.enter_context(TemporaryFile())  # noqa: SIM115 - open as long as the spool is
        self._file.seek(self._end)
        self._file.write(bucket.waiting)
        bucket.written.extend((self._end, len(bucket.waiting)))
        self._end += len(bucket.waiting)
        bucket.waiting.clear()

    def _chunks(self, bucket: _Bucket) -> Iterator[bytes | bytearray]:
        for place, size in zip(bucket.written[::2], bucket.written[1::2], strict=True):
            if self._file is not None:
                self._file.seek(place)
                yield self._file.read(size)
        yield bucket.waiting

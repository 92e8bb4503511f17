"""Tables of 8-byte digests, one after the other in one bytes object."""

from ups_schemas.ids import short_hash

SIZE = len(short_hash(""))


def position(table: bytes, digest: bytes) -> int:
    """Where in the table the digest stands, counted in digests; -1 if it does not."""
    at = table.find(digest)
    while at > 0 and at % SIZE:
        at = table.find(digest, at + 1)
    return at // SIZE


def split(table: bytes) -> list[bytes]:
    """The table's digests in order."""
    return [table[at : at + SIZE] for at in range(0, len(table), SIZE)]

"""Addresses as keyed hashes, so that a database that leaks tells nobody's."""

import hashlib
import hmac

from ups_schemas.ids import UserId


class AddressHashes:
    """Hashes addresses. `keys` are newest first."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = [hmac.digest(key.encode(), b"ridethrough.mailbox", hashlib.sha256) for key in keys]

    def __call__(self, user_id: UserId, address: str) -> tuple[str, ...]:
        """The hash of a person's address by each key, the newest key's first."""
        said = f"{user_id}\x1f{address.casefold()}".encode()
        return tuple(hmac.digest(key, said, hashlib.sha256).hex() for key in self._keys)

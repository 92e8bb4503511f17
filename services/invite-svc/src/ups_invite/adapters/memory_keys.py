"""A fake of the store of signing keys: it passes the same contract as the one on MongoDB."""

from collections.abc import Sequence
from dataclasses import replace

from ups_invite.domain.signing_key import KeyPair
from ups_runtime.errors import Changed
from ups_schemas.ids import KeyId


class MemorySigningKeys:
    """Keys, and which of them the brokers have: all after `published`, unless they are `away`."""

    def __init__(self) -> None:
        self.by_id: dict[KeyId, KeyPair] = {}
        self.away = False

    async def keys(self) -> Sequence[KeyPair]:
        """All that are not over."""
        return list(self.by_id.values())

    async def key(self, key_id: KeyId) -> KeyPair | None:
        """The key of that id."""
        return self.by_id.get(key_id)

    async def add_key(self, key: KeyPair) -> None:
        """Keep a new key."""
        if any(there.number == key.number for there in self.by_id.values()):
            raise Changed
        self.by_id[key.key_id] = replace(key, published=False)

    async def save_key(self, key: KeyPair) -> None:
        """Keep a key's next version."""
        self._require(key.key_id, key.version - 1)
        self.by_id[key.key_id] = replace(key, published=False)

    async def drop_key(self, key: KeyPair) -> None:
        """Forget the key."""
        self._require(key.key_id, key.version)
        del self.by_id[key.key_id]

    async def published(self) -> None:
        """What is kept is published."""
        if not self.away:
            self.by_id = {key_id: replace(key, published=True) for key_id, key in self.by_id.items()}

    def _require(self, key_id: KeyId, version: int) -> None:
        there = self.by_id.get(key_id)
        if there is None or there.version != version:
            raise Changed
